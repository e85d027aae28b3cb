"""Which files the arguments mean, what is passed over, and what is refused at once."""

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.running import running_log
from tests.tlog.attest.test_attesting import KEY, policy_of, predicate, verify
from tlog.attest.artifacts import (
    Sought,
    find_artifacts,
    hash_artifacts,
    require_room,
    split_artifacts,
)
from tlog.attest.attesting import Claim, attest, name_artifacts
from tlog.errors import RejectedError
from tlogclient import LogClient
from tlogverify import Proof
from tlogverify.attestation.slsa import PROVENANCE_TYPE
from tlogverify.errors import FormatError

DIGEST = "ab" * 32


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def found(*arguments: str, is_recursive: bool = False) -> list[tuple[str, str | None]]:
    """Return path and name of each artifact that is found."""
    sought, _ = find_artifacts(arguments, is_recursive=is_recursive)
    return [(str(it.path), it.name) for it in sought]


def lay(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)


def test_a_folder_means_the_files_in_it_by_their_paths(tmp_path: Path) -> None:
    lay("dist/b", "dist/a", "dist/sub/a", "dist/.hidden", "one")
    Path("dist/empty").mkdir()
    assert [
        ("one", None),
        ("dist/.hidden", ".hidden"),
        ("dist/a", "a"),
        ("dist/b", "b"),
        ("dist/sub/a", "sub/a"),
    ] == found("one", "dist", is_recursive=True)
    sought, _ = find_artifacts(["dist"], is_recursive=True)
    subjects, _ = name_artifacts(hash_artifacts(sought), ())
    assert [".hidden", "a", "b", "sub/a"] == [it.name for it in subjects]


def test_a_folder_is_refused_where_its_files_are_not_asked_for() -> None:
    lay("dist/a")
    with pytest.raises(RejectedError, match="dist is a folder: --recursive"):
        found("dist")


def test_what_is_no_artifact_in_a_folder_is_passed_over_and_told() -> None:
    outputs = (
        *("dist/a.intoto.jsonl", "dist/a.tlog-proof", "dist/.a.intoto.jsonl.next"),
        "dist/.a.tlog-proof.0123456789abcdef.new",
    )
    lay("dist/a", "elsewhere/b", *outputs)
    Path("dist/link").symlink_to("../elsewhere")
    Path("dist/to-a-file").symlink_to("../elsewhere/b")
    Path("dist/nowhere").symlink_to("there-is-none")
    os.mkfifo("dist/pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("dist/socket")
        sought, passed_over = find_artifacts(["dist"], is_recursive=True)
    assert ["a", "to-a-file"] == [it.name for it in sought]
    assert {
        *((name, "it is no artifact by its name") for name in outputs),
        ("dist/link", "it is a link to a folder"),
        *((f"dist/{it}", "it is no regular file") for it in ("nowhere", "pipe")),
        ("dist/socket", "it is no regular file"),
    } == {(str(it.path), it.why) for it in passed_over}


def test_a_digest_stands_for_an_artifact_that_is_not_here() -> None:
    image = f"registry.example:5000/team/app:1.2@sha256:{DIGEST}"
    sought, _ = find_artifacts([f"sha256:{DIGEST}", image], is_recursive=False)
    artifacts = hash_artifacts(sought)
    names = ("", "registry.example:5000/team/app:1.2")
    digest = bytes.fromhex(DIGEST)
    assert [(it, digest) for it in names] == [(it.name, it.sha256) for it in artifacts]
    assert {Path(f"sha256-{DIGEST}.tlog-proof")} == {it.proof for it in artifacts}
    assert [f"sha256:{DIGEST}", image] == [it.given for it in artifacts]


def test_a_file_that_is_named_as_a_digest_is_meant_by_its_path() -> None:
    name = f"sha256:{DIGEST}"
    lay(name)
    assert [(name, None)] == found(f"./{name}")
    assert [(f"sha256-{DIGEST}", "")] == found(name)


@pytest.mark.parametrize(
    "digest", ["", DIGEST[:-1], DIGEST.upper(), f"{DIGEST}0", f"{DIGEST}\n"]
)
@pytest.mark.parametrize("name", ["", "app@"])
def test_a_digest_that_is_none_is_refused(name: str, digest: str) -> None:
    with pytest.raises(FormatError, match="64 lower-case hex"):
        found(f"{name}sha256:{digest}")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["pipe"], "pipe is no regular file: give a file, or its digest"),
        (["-"], "standard input has no place for outputs"),
        (["a", "sub/a"], "two artifacts are named a: attest them apart"),
        (["a", f"a@sha256:{DIGEST}"], "two artifacts are named a: attest them apart"),
        (["a.tlog-proof"], "there is no artifact to attest"),
    ],
)
def test_what_cannot_be_attested_is_refused(arguments: list[str], why: str) -> None:
    lay("a", "sub/a", "a.tlog-proof")
    os.mkfifo("pipe")
    with pytest.raises(RejectedError, match=re.escape(why)):
        found(*arguments)


def test_an_artifact_that_is_not_there_is_named_as_a_terminal_can_show_it() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        found("no\x1b[31mthing\udce9")
    shown = "no\\x1b[31mthing\\udce9"
    assert f"the artifact is not there: {shown}" == str(caught.value)


def test_names_are_compared_over_all_statements() -> None:
    names = [f"{number:03}" for number in range(300)]
    lay(*names, "sub/000")
    sought, _ = find_artifacts(names, is_recursive=False)
    assert [256, 44] == [len(it) for it in split_artifacts(sought)]
    with pytest.raises(RejectedError, match="two artifacts are named 000"):
        found(*names, "sub/000")


@pytest.mark.parametrize("name", ["intoto.jsonl", "tlog-proof"])
def test_a_folder_in_an_outputs_place_is_told_at_once(name: str) -> None:
    lay("a")
    require_room([Sought(Path("a"))])
    Path(f"a.{name}").mkdir()
    with pytest.raises(RejectedError, match=re.escape(f"a.{name} is a folder")):
        require_room([Sought(Path("a"))])
    assert {"a", f"a.{name}"} == {*os.listdir()}


def test_a_folder_that_cannot_be_written_to_is_told_by_its_own_name() -> None:
    # Nobody can make a file there, root neither.
    with pytest.raises(RejectedError, match=r"the folder /proc/\S+ cannot be written"):
        require_room([Sought(Path("/proc/self/status"))])


def longest(name_bytes: int) -> str:
    return "\u00fc" * (name_bytes // 2) + "x" * (name_bytes % 2)


@pytest.mark.parametrize("name_bytes", [219, 220, 221, 236, 237, 241, 242])
@pytest.mark.parametrize("make", ["x".__mul__, longest], ids=["ascii", "umlauts"])
async def test_a_long_name_is_attested_and_replaced(
    tmp_path: Path, name_bytes: int, make: Callable[[int], str]
) -> None:
    lay(name := make(name_bytes))
    sought, _ = find_artifacts([name], is_recursive=False)
    artifacts = hash_artifacts(sought)
    subjects, _ = name_artifacts(artifacts, ())
    async with (
        running_log(tmp_path / "log") as (url, log),
        LogClient(url, policy_of(log)) as client,
    ):
        for run in ("1", "2"):
            said = predicate(invocationId=run)
            claim = Claim(artifacts, subjects, PROVENANCE_TYPE, said)
            await attest(claim, KEY, client, replace=run == "2")
            # A proof says which entry it is of, and the second replaced the first.
            proof = Proof.read(artifacts[0].proof)
            assert int(run) - 1 == verify(artifacts[0], policy_of(log)) == proof.index
    ours = {name, f"{name}.intoto.jsonl", f"{name}.tlog-proof", "log"}
    assert ours == {*os.listdir()}


def test_a_name_without_room_for_its_outputs_is_refused_at_once() -> None:
    name = "x" * 243
    lay(name)
    with pytest.raises(RejectedError, match="its name has 243 bytes, and with more"):
        found(name)
