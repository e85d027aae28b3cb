import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tlogverify.actors import (
    COSIGNATURE,
    LOG,
    ORIGIN,
    TIME_S,
    WITNESS,
    Actor,
    note,
)
from tests.tlogverify.documents import (
    ARTIFACT,
    ARTIFACT_SHA256,
    INDEX,
    POLICY_TEXT,
    PREDICATE_TYPE,
    PROOF_TEXT,
    PROVENANCE,
    SIGNER,
    SIZE,
    STORY,
    Story,
    entry,
)
from tlogverify.__main__ import main

UNWITNESSED = b"log " + LOG.vkey + b"\nquorum none\n"
STRICTER = POLICY_TEXT.replace(
    b"quorum w1",
    b"witness w2 " + Actor("w2", COSIGNATURE, "w2").vkey + b"\nquorum w2",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "release").write_bytes(ARTIFACT)
    (tmp_path / "other").write_bytes(ARTIFACT + b"\n")
    (tmp_path / "release.tlog-proof").write_bytes(PROOF_TEXT)
    (tmp_path / "policy").write_bytes(POLICY_TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(folder: Path, *arguments: str | bytes) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tlogverify", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.usefixtures("folder")
def test_a_proven_artifact_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["release", "--policy", "policy"]) == 0
    expected = f"release: proven, entry {INDEX} of {SIZE} in {ORIGIN}, cosigned by 1\n"
    assert (expected, "") == capsys.readouterr()


def test_nothing_is_said_of_cosigners_where_there_are_none(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signed = note(STORY.head, LOG.line(STORY.head))
    (folder / "proof").write_bytes(PROOF_TEXT.replace(STORY.note, signed))
    (folder / "policy").write_bytes(UNWITNESSED)
    assert main(["release", "--policy", "policy", "--proof", "proof"]) == 0
    expected = f"release: proven, entry {INDEX} of {SIZE} in {ORIGIN}\n"
    assert (expected, "") == capsys.readouterr()


@pytest.mark.usefixtures("folder")
def test_a_proven_artifact_is_said_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "--policy", "policy", "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert json.loads(said.out) == {
        "artifact": "release",
        "proven": True,
        "sha256": ARTIFACT_SHA256.hex(),
        "provenance": PROVENANCE,
        "predicate_type": PREDICATE_TYPE,
        "signer": SIGNER,
        "origin": ORIGIN,
        "index": INDEX,
        "size": SIZE,
        "root": STORY.head.root.hex(),
        "witnesses": [{"name": WITNESS.name, "time": TIME_S}],
    }


def test_what_the_record_leaves_out_is_null_in_json(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Story(entry(ARTIFACT_SHA256, optional=False))
    (folder / "proof").write_bytes(story.text)
    name = f"sha256:{ARTIFACT_SHA256.hex()}"
    assert main([name, "--policy", "policy", "--proof", "proof", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (name, None, None) == (
        said["artifact"],
        said["predicate_type"],
        said["signer"],
    )


@pytest.mark.parametrize(
    ("artifact", "proof", "policy", "status", "why"),
    [
        pytest.param(
            "other", PROOF_TEXT, POLICY_TEXT, 1, "does not name", id="another-file"
        ),
        pytest.param(
            "release", PROOF_TEXT, STRICTER, 1, "too few witnesses", id="no-quorum"
        ),
        pytest.param(
            "release", PROOF_TEXT, b"quorum none", 1, "no trusted log", id="no-log"
        ),
        pytest.param(
            "release",
            PROOF_TEXT.replace(b"index 3", b"index 2"),
            POLICY_TEXT,
            1,
            "does not lead to the root",
            id="another-index",
        ),
        pytest.param("release", b"x", POLICY_TEXT, 2, "a proof has", id="no-proof"),
        pytest.param("release", PROOF_TEXT, b"x", 2, "policy line 1", id="no-policy"),
        pytest.param(
            "missing", PROOF_TEXT, POLICY_TEXT, 2, "No such file", id="missing"
        ),
        pytest.param(
            "sha256:0", PROOF_TEXT, POLICY_TEXT, 2, "64 lower-case hex", id="no-digest"
        ),
    ],
)
def test_a_refusal_says_why_in_one_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    artifact: str,
    proof: bytes,
    policy: bytes,
    status: int,
    why: str,
) -> None:
    (folder / "proof").write_bytes(proof)
    (folder / "policy").write_bytes(policy)
    arguments = [artifact, "--policy", "policy", "--proof", "proof"]
    assert status == main(arguments)
    said = capsys.readouterr()
    verdict = {1: "not proven", 2: "unusable input"}[status]
    assert said.out == ""
    assert said.err.startswith(f"{artifact}: {verdict}: ")
    assert why in said.err
    assert said.err.count("\n") == 1
    assert status == main([*arguments, "--json"])
    said = capsys.readouterr()
    refusal = json.loads(said.out)
    assert (artifact, False) == (refusal["artifact"], refusal["proven"])
    assert why in refusal["why"]
    assert verdict in said.err


@pytest.mark.usefixtures("folder")
def test_a_proof_that_is_not_beside_the_artifact_is_unusable_input(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["other", "--policy", "policy"]) == 2
    assert "other.tlog-proof" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["release"], ["release", "--policy"]])
def test_missing_arguments_are_unusable_input(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("artifact", "status", "out", "err"),
    [
        ("release", 0, "release: proven, entry 3 of 7", ""),
        ("other", 1, "", "other: not proven: "),
        ("missing", 2, "", "missing: unusable input: "),
    ],
)
def test_the_command_ends_with_its_status(
    folder: Path, artifact: str, status: int, out: str, err: str
) -> None:
    proof = ("--proof", "release.tlog-proof")
    ended = _run(folder, artifact, "--policy", "policy", *proof)
    assert status == ended.returncode
    assert ended.stdout.startswith(out)
    assert ended.stderr.startswith(err)
    assert len((ended.stdout + ended.stderr).splitlines()) == 1


def test_the_command_says_what_its_status_means(folder: Path) -> None:
    ended = _run(folder, "--help")
    assert ended.returncode == 0
    assert "0 proven, 1 not proven, 2 unusable input" in ended.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux")
@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_a_proven_file_is_said_in_one_line_whatever_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    names = [b"release-\xff", "release é".encode(), "release\u009b2J\n".encode()]
    for name in names:
        (folder / os.fsdecode(name)).write_bytes(ARTIFACT)
    ended = _run(folder, *names, "--policy", "policy", "--proof", "release.tlog-proof")
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.removesuffix("\n").split("\n")
    assert [True] * len(names) == [it.isprintable() for it in lines]
