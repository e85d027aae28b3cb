import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documents import (
    CLIENT_README,
    DOCS,
    README,
    ROOT,
    Block,
    blocks,
    documents,
    read,
    section,
)
from tests.docs.workplace import Workplace
from tlog.attest.capture import BUILD_TYPE
from tlog.attest.ci import ALLOWED_VARIABLES, LOCAL_BUILDER
from tlog.attest.materials import LOCK_FILE_NAMES
from tlog.config import load_settings
from tlog.log.settings import LogSettings
from tlog.rules import parse_rules
from tlog.rules.reading import _BLOCK, _EXCEPTIONS, _IDENTITIES, _KEYS
from tlog.signing import AttestationKeyType, generate_attestation_key
from tlogverify.attestation import Rules

RUNNABLE = {"sh", "python"}
MARKERS = re.compile(r"run|serve|stop, then run|not run: \w.*")
FOREIGN_COMMANDS = ("openssl", "sha256sum", "cosign", "curl")


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    place = Workplace(tmp_path)
    try:
        yield place
    finally:
        place.end()


def play(place: Workplace, document: Path) -> None:
    """Do what each marked block of a document says, in order."""
    for block in blocks(document):
        if block.language not in RUNNABLE or block.marker.startswith("not run"):
            continue
        if block.marker == "serve":
            place.serve(block.text.strip())
            continue
        if block.marker.startswith("stop"):
            assert 0 == place.stop()
        if may_run(block):
            place.run(block)


def may_run(block: Block) -> bool:
    """Whether this machine has what a block calls beside our own commands."""
    called = [name for name in FOREIGN_COMMANDS if name in block.text]
    return all(shutil.which(name) for name in called)


def test_every_block_of_commands_or_code_says_whether_it_is_run() -> None:
    silent = [
        block.place
        for document in documents()
        for block in blocks(document)
        if block.language in RUNNABLE and not MARKERS.fullmatch(block.marker)
    ]
    assert [] == silent


def test_the_commands_and_code_of_both_readmes_run(workplace: Workplace) -> None:
    play(workplace, README)
    # The client's README goes on with a file, its proof and the log's policy.
    shutil.copy(workplace.folder / "my-log/policy", workplace.folder / "policy")
    workplace.serve("tlog serve --data my-log")
    play(workplace, CLIENT_README)


def test_the_commands_and_code_of_operations_run(workplace: Workplace) -> None:
    play(workplace, DOCS / "operations.md")
    names = {path.name for path in workplace.folder.iterdir()}
    assert {"my-log", "my-copy", "new-log"} <= names


def test_the_commands_of_attestations_run(workplace: Workplace) -> None:
    play(workplace, DOCS / "attestations.md")
    names = {path.name for path in workplace.folder.iterdir()}
    assert {"app.tar.intoto.jsonl", "app.tar.tlog-proof"} <= names


def test_the_commands_of_rules_run(workplace: Workplace) -> None:
    play(workplace, DOCS / "rules.md")
    names = {path.name for path in workplace.folder.iterdir()}
    assert {"app.vsa.intoto.jsonl", "cases", "scans"} <= names


def test_the_rules_of_rules_are_rules_and_their_names_stand_in_the_table(
    tmp_path: Path,
) -> None:
    for name in ("release.key.pub", "scanner.key.pub"):
        key = generate_attestation_key(AttestationKeyType.P256)
        (tmp_path / name).write_bytes(key.public_pem)
    for block in blocks(DOCS / "rules.md"):
        if block.language == "toml":
            parse_rules(block.text.encode(), tmp_path)
    table = section(DOCS / "rules.md", "The vocabulary")
    rows_of_names = [it for it in table.splitlines() if it.count("|") == 4]
    named = set(
        re.findall(r"`(\w+)`", "".join(it.split("|")[2] for it in rows_of_names))
    )
    read = {*_KEYS, *_IDENTITIES, *_BLOCK, *_EXCEPTIONS, "signers"}
    assert read == named


def test_the_rules_of_attestations_are_rules(tmp_path: Path) -> None:
    (block,) = (b for b in blocks(DOCS / "attestations.md") if b.language == "toml")
    for name in ("release.key.pub", "second.pub"):
        key = generate_attestation_key(AttestationKeyType.P256)
        (tmp_path / name).write_bytes(key.public_pem)
    Rules.parse(block.text.encode(), tmp_path)
    names = set(
        re.findall(
            r"^\| `(\w+)` ", section(DOCS / "attestations.md", "Rules"), re.MULTILINE
        )
    )
    assert {*tomllib.loads(block.text), "any_source"} == names


def test_what_the_capture_reads_is_documented() -> None:
    text = read(DOCS / "attestations.md")
    named = {*ALLOWED_VARIABLES, *LOCK_FILE_NAMES, BUILD_TYPE, LOCAL_BUILDER}
    assert set() == {name for name in named if f"`{name}`" not in text}


def test_the_settings_file_of_operations_is_one(tmp_path: Path) -> None:
    (block,) = (b for b in blocks(DOCS / "operations.md") if b.language == "toml")
    file = tmp_path / "tlog.toml"
    file.write_text(block.text)
    settings = load_settings(LogSettings, {}, {}, file)
    expected = tomllib.loads(block.text)
    witness = expected.pop("witness")
    expected |= {f"witness_{name}": value for name, value in witness.items()}
    actual = {name: getattr(settings, name) for name in expected}
    paths = ("data", "witness_policy")
    assert expected == actual | {name: str(actual[name]) for name in paths}
    assert isinstance(settings, LogSettings)


def test_the_readme_shows_the_steps_that_the_demo_takes() -> None:
    demo = read(ROOT / "docs" / "demo.py")
    steps = re.findall(r"^ +step\(\"(.*)\"\)$", demo, re.MULTILINE)
    assert steps == re.findall(r"^== (.*)$", read(README), re.MULTILINE)
