"""Each message says what is wrong, and what to do next."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tlogverify.actors import ED25519, LOG, ORIGIN, OTHER_LOG, Actor
from tests.tlogverify.attestation.stories import ALICE, envelope
from tests.tlogverify.documents import (
    ARTIFACT,
    ARTIFACT_SHA256,
    POLICY_TEXT,
    PROOF_TEXT,
    STORY,
    Story,
)
from tlogverify.__main__ import main

BUNDLE = b"""{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
 "verificationMaterial": {}, "dsseEnvelope": {"payloadType": "x"}}"""
ANY = Story(b"an entry of another kind")
NO_EXTRA = b"".join(
    it for it in PROOF_TEXT.splitlines(keepends=True) if not it.startswith(b"extra ")
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "release").write_bytes(ARTIFACT)
    (tmp_path / "proof").write_bytes(PROOF_TEXT)
    (tmp_path / "policy").write_bytes(POLICY_TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


PROOFS: list[tuple[str, bytes, str]] = [
    ("empty", b"", "it is empty: `tlog submit` writes one"),
    ("blank", b"\n\n", "it is empty"),
    ("crlf", PROOF_TEXT.replace(b"\n", b"\r\n"), "its lines end in CR LF"),
    ("bundle", BUNDLE, "this is a Sigstore bundle: it goes behind --bundle"),
    ("envelope", envelope(b"{}", ALICE), "a signed envelope: it goes behind --att"),
    ("checkpoint", STORY.note, "a checkpoint without a proof: ask its log"),
    ("sigsum", b"version=2\nlog=ab\nleaf=cd\n\nsize=1\n", "a Sigsum proof"),
    ("version", PROOF_TEXT.replace(b"@v1", b"@v2"), "damaged or was cut short"),
    ("json", b'{"index": 3}', "proof files start with c2sp.org/tlog-proof@v1"),
    ("text", b"hello\n", "proof files start with c2sp.org/tlog-proof@v1"),
    ("binary", bytes(range(128, 256)), "proof files start with c2sp.org"),
]
PROOFS += [
    (f"cut-at-{at}", PROOF_TEXT[:at], "it is damaged or was cut short: fetch it again")
    for at in (
        *(30, 100, PROOF_TEXT.index(b"index"), PROOF_TEXT.index(b"\n\n") + 1),
        *(PROOF_TEXT.index(b"\n\n") + 2, PROOF_TEXT.index(b"\n\n") + 20),
        *(PROOF_TEXT.rindex(b"\n\n") + 2, len(PROOF_TEXT) - 1),
    )
]


@pytest.mark.parametrize(
    ("proof", "why"), [it[1:] for it in PROOFS], ids=[it[0] for it in PROOFS]
)
def test_what_is_no_proof_file_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], proof: bytes, why: str
) -> None:
    (folder / "proof").write_bytes(proof)
    assert 2 == main(["release", "--policy", "policy", "--proof", "proof"])
    said = capsys.readouterr().err
    assert said.startswith("release: unusable input: proof is not a proof file: ")
    assert why in said
    assert 1 == said.count("\n")


@pytest.mark.parametrize("proof", [NO_EXTRA, ANY.text], ids=["no-entry", "other-kind"])
def test_the_proof_of_another_logs_entry_leads_to_the_flag(
    folder: Path, capsys: pytest.CaptureFixture[str], proof: bytes
) -> None:
    (folder / "proof").write_bytes(proof)
    assert 2 == main(["release", "--policy", "policy", "--proof", "proof"])
    assert "if this file is the entry itself, add --entry" in capsys.readouterr().err


SHA256 = f"sha256:{ARTIFACT_SHA256.hex()}"
OTHER_KEY = Actor(ORIGIN, ED25519, "another key of this name")
MANY = [Actor(f"{number}.example", ED25519, str(number)) for number in range(5)]


def policy(*logs: Actor) -> bytes:
    lines = (b"log " + log.vkey + b"\n" for log in logs)
    return b"".join(lines) + b"quorum none\n"


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        pytest.param(["missing"], 2, "No such file: the artifact is not", id="missing"),
        pytest.param(["folder"], 2, "this is a folder: name the files", id="folder"),
        pytest.param([SHA256], 2, "name it by --proof FILE", id="digest"),
        pytest.param(
            ["release"], 2, "No such file: the proof release.tlog-proof", id="no-proof"
        ),
        pytest.param(["a\0b"], 2, "a path has no null", id="null"),
    ],
)
def test_what_is_not_there_is_told(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    why: str,
) -> None:
    (folder / "folder").mkdir()
    assert status == main([*arguments, "--policy", "policy"])
    said = capsys.readouterr().err
    assert why in said
    assert 1 == said.count("\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(
            policy(OTHER_LOG),
            f"signed: trusted are '{OTHER_LOG.name}'; another log needs its own policy",
            id="another-log",
        ),
        pytest.param(policy(), "trusted are no logs", id="no-log"),
        pytest.param(
            policy(OTHER_KEY), "under this name is another one", id="another-key"
        ),
        pytest.param(
            policy(*MANY),
            "trusted are '0.example', '1.example', '2.example' and 2 more",
            id="many",
        ),
    ],
)
def test_a_policy_of_another_log_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], text: bytes, why: str
) -> None:
    (folder / "policy").write_bytes(text)
    assert 1 == main(["release", "--policy", "policy", "--proof", "proof"])
    said = capsys.readouterr().err
    assert f"no trusted log key of {ORIGIN!r} signed" in said
    assert why in said


VKEY: dict[str, Callable[[Path], str]] = {
    "in-a-file": lambda _: "vkey",
    "as-the-argument": lambda _: LOG.vkey.decode(),
}


@pytest.mark.parametrize("given", VKEY.values(), ids=VKEY)
def test_a_verifier_key_is_no_policy(
    folder: Path, capsys: pytest.CaptureFixture[str], given: Callable[[Path], str]
) -> None:
    (folder / "vkey").write_bytes(LOG.vkey + b"\n")
    arguments = ["release", "--policy", given(folder), "--proof", "proof"]
    assert 2 == main(arguments)
    said = capsys.readouterr().err
    assert "verifier key" in said
    assert "`quorum none`" in said


def test_a_policy_that_is_nowhere_is_told_with_where_it_was_looked_for(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    assert 2 == main(["release", "--policy", "our-log", "--proof", "proof"])
    said = capsys.readouterr().err
    assert "No such file: the policy our-log" in said
    assert f"{folder}/config/tlog/policies, /etc/tlog/policies" in said
