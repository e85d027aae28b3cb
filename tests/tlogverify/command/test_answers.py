"""Many artifacts, entries of any log, policies by name: one answer each."""

import hashlib
import json
from argparse import Namespace
from pathlib import Path

import pytest

from tests.oracle import rfc6962
from tests.tlogverify.actors import LOG, STRANGER, WITNESS, note, oddly
from tests.tlogverify.attestation.stories import Attestation, write_rules
from tests.tlogverify.documents import (
    ARTIFACT,
    ARTIFACT_SHA256,
    INDEX,
    POLICY_TEXT,
    PROOF_TEXT,
    SIZE,
    STORY,
    Story,
)
from tlogverify.__main__ import main
from tlogverify.command.policies import find_policy, policy_folders
from tlogverify.command.running import run
from tlogverify.command.verdicts import DisallowedError, Judged
from tlogverify.errors import FormatError

DIGEST = f"sha256:{ARTIFACT_SHA256.hex()}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("release", "again"):
        (tmp_path / name).write_bytes(ARTIFACT)
        (tmp_path / f"{name}.tlog-proof").write_bytes(PROOF_TEXT)
    (tmp_path / "other").write_bytes(b"another")
    (tmp_path / "other.tlog-proof").write_bytes(PROOF_TEXT)
    (tmp_path / "policy").write_bytes(POLICY_TEXT)
    monkeypatch.delenv("TLOG_POLICY", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("names", "status", "proven", "refused"),
    [
        (["release", "again"], 0, ["release", "again"], []),
        (["release", "other", "again"], 1, ["release", "again"], ["other"]),
        (["other", "missing", "release"], 2, ["release"], ["other", "missing"]),
        (["missing", "other"], 2, [], ["missing", "other"]),
        (["release", "release"], 0, ["release"], []),
    ],
)
@pytest.mark.usefixtures("folder")
def test_each_artifact_is_answered_and_the_worst_is_the_status(
    capsys: pytest.CaptureFixture[str],
    names: list[str],
    status: int,
    proven: list[str],
    refused: list[str],
) -> None:
    assert status == main([*names, "--policy", "policy"])
    said = capsys.readouterr()
    assert proven == [it.partition(":")[0] for it in said.out.splitlines()]
    assert refused == [it.partition(":")[0] for it in said.err.splitlines()]
    assert status == main([*names, "--policy", "policy", "--json"])
    told = [json.loads(it) for it in capsys.readouterr().out.splitlines()]
    assert {**dict.fromkeys(proven, True), **dict.fromkeys(refused, False)} == {
        it["artifact"]: it["proven"] for it in told
    }
    assert [*dict.fromkeys(names)] == [it["artifact"] for it in told]


@pytest.mark.usefixtures("folder")
def test_one_proof_may_be_of_many_artifacts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--policy", "policy", "--proof", "release.tlog-proof"]
    assert 0 == main(["release", "again", DIGEST, *arguments])
    assert 3 == capsys.readouterr().out.count(": proven, entry 3 of 7")


@pytest.mark.usefixtures("folder")
def test_a_policy_that_is_broken_answers_for_each(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "policy").write_bytes(b"x")
    assert 2 == main(["release", "again", "--policy", "policy", "--json"])
    said = capsys.readouterr()
    assert 2 == said.err.count("unusable input: policy line 1")
    assert 2 == said.out.count('"proven": false')


def test_proofs_that_a_pattern_names_are_passed_over(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = sorted(path.name for path in folder.glob("[ar]*"))
    assert ["again", "again.tlog-proof", "release", "release.tlog-proof"] == names
    assert 0 == main([*names, "--policy", "policy"])
    said = capsys.readouterr()
    assert "passed over, as they belong to other files here: 2\n" == said.err
    assert 2 == said.out.count(": proven, ")
    # Named alone it is an artifact like any other.
    assert 2 == main(["again.tlog-proof", "--policy", "policy"])
    assert "again.tlog-proof.tlog-proof" in capsys.readouterr().err


def test_many_artifacts_are_judged_by_one_attestation(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attested = Attestation()
    write_rules(folder)
    (folder / "envelope").write_bytes(attested.envelope)
    for name in ("release", "again", "other"):
        (folder / f"{name}.tlog-proof").write_bytes(attested.story.text)
    arguments = ["--policy", "policy", "--attestation", "envelope", "--rules"]
    names = ["release", "other", "again"]
    assert 1 == main([*names, *arguments, "RULES.toml", "--json"])
    told = [json.loads(it) for it in capsys.readouterr().out.splitlines()]
    assert [True, False, True] == [it["proven"] for it in told]


# Entries of any log


ANY_ENTRY = b"\x00what another log calls an entry\n\xff"
ANY = Story(ANY_ENTRY)
NO_EXTRA = b"".join(
    it for it in ANY.text.splitlines(keepends=True) if not it.startswith(b"extra ")
)


def lay_entry(folder: Path, proof: bytes) -> None:
    (folder / "entry").write_bytes(ANY_ENTRY)
    (folder / "entry.tlog-proof").write_bytes(proof)


@pytest.mark.parametrize("proof", [NO_EXTRA, ANY.text], ids=["bare", "with-extra"])
def test_an_entry_of_any_log_is_proven_by_its_bytes(
    folder: Path, capsys: pytest.CaptureFixture[str], proof: bytes
) -> None:
    lay_entry(folder, proof)
    assert 0 == main(["entry", "--policy", "policy", "--entry"])
    line = f"entry: proven to be entry {INDEX} of {SIZE} in {LOG.name}, cosigned by 1\n"
    assert (line, "") == capsys.readouterr()
    assert 0 == main(["entry", "--policy", "policy", "--entry", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert {
        "entry": "entry",
        "proven": True,
        "leaf_hash": rfc6962.leaf_hash(ANY_ENTRY).hex(),
        "index": INDEX,
        "root": ANY.head.root.hex(),
    }.items() <= told.items()


def test_another_entry_is_not_proven(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_entry(folder, NO_EXTRA)
    (folder / "entry").write_bytes(ANY_ENTRY[:-1])
    assert 1 == main(["entry", "--policy", "policy", "--entry", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert ("entry", False) == (told["entry"], told["proven"])


@pytest.mark.usefixtures("folder")
def test_an_own_entry_is_proven_by_its_bytes_too(folder: Path) -> None:
    (folder / "entry").write_bytes(STORY.entry)
    proof = ["--proof", "release.tlog-proof"]
    assert 0 == main(["entry", "--policy", "policy", "--entry", *proof])
    assert 1 == main(["release", "--policy", "policy", "--entry", *proof])


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([DIGEST, "--proof", "release.tlog-proof"], "the entry's own bytes"),
        (["release", "--rules", "r", "--attestation", "a"], "without --attestation"),
        (["--evidence", "release"], "without --evidence"),
        (["missing"], "No such file: the artifact"),
    ],
)
def test_an_entry_is_a_file(
    capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    assert 2 == main([*arguments, "--policy", "policy", "--entry"])
    assert why in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_an_unknown_keys_odd_line_in_a_proof_changes_nothing(folder: Path) -> None:
    odd = oddly(STRANGER.line(STORY.head))
    (folder / "release.tlog-proof").write_bytes(PROOF_TEXT + odd)
    assert 0 == main(["release", "--policy", "policy"])
    lines = LOG.line(STORY.head), oddly(WITNESS.line(STORY.head))
    spelled = PROOF_TEXT.replace(STORY.note, note(STORY.head, *lines))
    (folder / "release.tlog-proof").write_bytes(spelled)
    assert 2 == main(["release", "--policy", "policy"])


# Policies by name


def test_the_policy_of_the_environment_is_taken(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("TLOG_POLICY", "policy")
    assert 0 == main(["release"])
    (folder / "strict").write_bytes(b"quorum none\n")
    assert 1 == main(["release", "--policy", "strict"])
    monkeypatch.setenv("TLOG_POLICY", "")
    with pytest.raises(SystemExit):
        main(["release"])


@pytest.mark.parametrize("variable", ["XDG_CONFIG_HOME", "HOME"])
def test_a_policy_is_found_by_its_name(
    monkeypatch: pytest.MonkeyPatch, folder: Path, variable: str
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv(variable, str(folder / "home"))
    config = folder / "home" / ("" if variable == "XDG_CONFIG_HOME" else ".config")
    (config / "tlog" / "policies").mkdir(parents=True)
    (config / "tlog" / "policies" / "our-log").write_bytes(POLICY_TEXT)
    assert 0 == main(["release", "--policy", "our-log"])
    monkeypatch.setenv("TLOG_POLICY", "our-log")
    assert 0 == main(["release"])


@pytest.mark.parametrize(
    ("environment", "own"),
    [
        ({"HOME": "/home/me"}, "/home/me/.config"),
        ({"HOME": "/home/me", "XDG_CONFIG_HOME": "/x"}, "/x"),
        ({"HOME": "/home/me", "XDG_CONFIG_HOME": ""}, "/home/me/.config"),
        ({"HOME": "/home/me", "XDG_CONFIG_HOME": "x"}, "/home/me/.config"),
        ({"HOME": "me"}, None),
        ({}, None),
    ],
)
def test_policies_lie_in_the_users_folder_and_in_etc(
    environment: dict[str, str], own: str | None
) -> None:
    expected = ["/etc/tlog/policies"]
    if own is not None:
        expected.insert(0, f"{own}/tlog/policies")
    assert expected == [str(it) for it in policy_folders(environment)]


def test_the_users_own_comes_first_and_a_file_of_the_same_name_is_refused(
    folder: Path,
) -> None:
    own, system = folder / "own", folder / "etc"
    for it in (own, system):
        it.mkdir()
        (it / "both").touch()
    (system / "one").touch()
    (own / "policy").touch()
    folders = (own, system)
    assert own / "both" == find_policy("both", folders)
    assert system / "one" == find_policy("one", folders)
    assert Path("./policy") == find_policy("./policy", folders)
    with pytest.raises(
        FormatError, match=r"policy is a file here and .*write ./policy"
    ):
        find_policy("policy", folders)
    for name in ("none", "../etc/one", "own/none", ".one", "", "a\0b"):
        with pytest.raises(FormatError):
            find_policy(name, folders)


def test_a_hash_is_of_the_whole_file(folder: Path) -> None:
    """Larger than what is read at once, and of a length that is no multiple of it."""
    content = bytes(range(256)) * 2_500 + b"!"
    (folder / "large").write_bytes(content)
    story = Story(
        STORY.entry.replace(
            ARTIFACT_SHA256.hex().encode(), hashlib.sha256(content).hexdigest().encode()
        )
    )
    (folder / "large.tlog-proof").write_bytes(story.text)
    assert 0 == main(["large", "--policy", "policy"])


@pytest.mark.parametrize("as_json", [False, True])
def test_a_verdict_by_rules_is_told_whole(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    options = Namespace(artifact=[DIGEST], evidence=None, entry=False, json=as_json)

    def judge(name: str) -> Judged:
        raise DisallowedError("the scan is missing", {"allowed": False})

    assert 1 == run(options, lambda _: judge)
    out, err = capsys.readouterr()
    assert f"{DIGEST}: not proven: the scan is missing\n" == err
    assert as_json == bool(out)
    if as_json:
        told = {"artifact": DIGEST, "proven": False, "why": "the scan is missing"}
        assert told | {"allowed": False} == json.loads(out)
