import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import warm
from tests.tlogverify.attestation.stories import (
    ALICE,
    BUILD_TYPE,
    BUILDER,
    MALLORY,
    RULES,
    SBOM,
    SLSA,
    SOURCE,
    Attestation,
    provenance,
    write_rules,
)
from tests.tlogverify.documents import ARTIFACT, ARTIFACT_SHA256, POLICY_TEXT
from tlogverify.__main__ import main

COMMAND = (
    *("release", "--policy", "policy", "--rules", "RULES.toml"),
    *("--attestation", "release.intoto.jsonl"),
)
GOOD = Attestation()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "release").write_bytes(ARTIFACT)
    (tmp_path / "policy").write_bytes(POLICY_TEXT)
    write_rules(tmp_path)
    lay(tmp_path, GOOD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lay(folder: Path, attested: Attestation) -> None:
    (folder / "release.intoto.jsonl").write_bytes(attested.envelope)
    (folder / "release.tlog-proof").write_bytes(attested.story.text)


@pytest.mark.usefixtures("folder")
def test_a_proven_attestation_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert 0 == main(COMMAND)
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith("release: proven, entry 3 of 7 in ")
    assert said.out.endswith(f", attested: built by {BUILDER} from {SOURCE}\n")
    assert said.out.count("\n") == 1


@pytest.mark.usefixtures("folder")
def test_a_proven_attestation_is_said_in_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert 0 == main([*COMMAND, "--json"])
    said = json.loads(capsys.readouterr().out)
    expected = {
        "artifact": "release",
        "proven": True,
        "sha256": ARTIFACT_SHA256.hex(),
        "predicate_type": SLSA,
        "signers": [ALICE.sha256],
        "subjects": ["release.tar.gz"],
        "builder": BUILDER,
        "build_type": BUILD_TYPE,
        "sources": [SOURCE],
        "invocation": "https://builds.example/run/7",
    }
    assert expected == {name: said[name] for name in expected}


def test_what_is_no_build_is_said_by_its_type(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(folder, Attestation(predicate_type=SBOM, predicate={}))
    write_rules(folder, f'predicate_types = ["{SBOM}"]\n[[keys]]\nfile="alice.pub"\n')
    assert 0 == main(COMMAND)
    assert f", attested: {SBOM}\n" in capsys.readouterr().out
    assert 0 == main([*COMMAND, "--json"])
    assert json.loads(capsys.readouterr().out)["builder"] is None


@pytest.mark.parametrize(
    ("file", "content", "status", "why"),
    [
        ("release", b"another", 1, "does not name sha256:"),
        (
            "release.intoto.jsonl",
            Attestation(signers=(MALLORY,)).envelope,
            1,
            "0 of the trusted keys signed",
        ),
        ("release.intoto.jsonl", b"{}\n", 2, "signatures, an array"),
        ("release.intoto.jsonl", b"", 2, "one JSON object"),
        ("RULES.toml", b"", 2, "[[keys]]"),
        ("RULES.toml", RULES.replace(BUILDER, "b:x").encode(), 1, "builder is not"),
        ("RULES.toml", RULES.replace(SOURCE, "s:x").encode(), 1, "source is not"),
        ("RULES.toml", RULES.replace("alice", "no").encode(), 2, "No such file"),
        ("alice.pub", b"-----BEGIN PRIVATE KEY-----", 2, "a private key stands"),
        ("policy", b"quorum none\n", 1, "no trusted log"),
        ("release.tlog-proof", b"x", 2, "a proof"),
    ],
)
def test_a_refusal_says_why_in_one_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    content: bytes,
    status: int,
    why: str,
) -> None:
    (folder / file).write_bytes(content)
    assert status == main([*COMMAND, "--json"])
    said = capsys.readouterr()
    verdict = {1: "not proven", 2: "unusable input"}[status]
    assert said.err.startswith(f"release: {verdict}: ")
    assert why in said.err
    assert said.err.count("\n") == 1
    assert json.loads(said.out)["proven"] is False


PEM_KEY = b"-----BEGIN PRIVATE " + b"KEY-----\nhunter2hunter2\n-----END"
LOG_KEY = b"PRIVATE+" + b"KEY+log.example+01234567+hunter2hunter2"


@pytest.mark.parametrize("content", [PEM_KEY, LOG_KEY])
@pytest.mark.parametrize(
    "file",
    ["release.intoto.jsonl", "release.tlog-proof", "policy", "RULES.toml", "alice.pub"],
)
def test_a_secret_in_the_place_of_a_file_is_not_shown(
    folder: Path, capsys: pytest.CaptureFixture[str], file: str, content: bytes
) -> None:
    (folder / file).write_bytes(content)
    assert 2 == main([*COMMAND, "--json"])
    said = capsys.readouterr()
    assert "hunter2" not in said.err + said.out


def test_a_reason_stays_one_short_line_whatever_the_sender_wrote(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noisy = provenance(source="x\n\x1b[2J" + "y" * 100_000)
    lay(folder, Attestation(predicate=noisy))
    assert 1 == main(COMMAND)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.removesuffix("\n").isprintable()
    assert len(said) < 400


@pytest.mark.usefixtures("folder")
def test_several_attestations_are_judged_elsewhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert 2 == main([*COMMAND, "--attestation", "another"])
    assert "are judged by `tlog verify` of tlog-server" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["release", "--attestation", "release.intoto.jsonl"],
        ["release", "--rules", "RULES.toml"],
        ["--evidence", "x", "--rules", "RULES.toml", "--attestation", "y"],
        ["--evidence", "x", "--rules", "", "--attestation", "y"],
    ],
)
@pytest.mark.usefixtures("folder")
def test_attestation_and_rules_go_together(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert 2 == main([*arguments, "--policy", "policy"])
    assert "--attestation and --rules go together" in capsys.readouterr().err


@pytest.mark.parametrize("program", ["tlogverify", "tlog"])
@pytest.mark.parametrize("more", [(), ("--json",)])
@pytest.mark.parametrize("is_proven", [True, False])
@pytest.mark.parametrize("is_pipe", [True, False])
def test_a_verdict_that_nobody_can_read_is_none(
    folder: Path, *, program: str, more: tuple[str, ...], is_proven: bool, is_pipe: bool
) -> None:
    if not is_proven:
        (folder / "release").write_bytes(b"another")
    verb = ("verify",) if program == "tlog" else ()
    command = [sys.executable, "-m", program, *verb, *COMMAND, *more]
    reader, writer = os.pipe()
    os.close(reader)
    full = os.open("/dev/full", os.O_WRONLY)
    stdout = writer if is_pipe else full
    ended = warm.run(command, environment=os.environ, folder=folder, stdout=stdout)
    os.close(writer)
    os.close(full)
    assert (2 if is_proven or more else 1) == ended.returncode
    assert 1 == ended.stderr.count("\n")


def test_the_command_ends_with_its_status(folder: Path) -> None:
    command = [sys.executable, "-m", "tlogverify", *COMMAND]
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    assert (0, "") == (ended.returncode, ended.stderr)
