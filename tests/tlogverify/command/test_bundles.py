"""A file verified by its bundle: what is said, in words, in JSON and by the status."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.rekor import KINDS, P256, b64, private_key, spki
from tests.tlogverify.attestation.stories import (
    BUILD_TYPE,
    BUILDER,
    SLSA,
    SOURCE,
    provenance,
)
from tests.tlogverify.documents import ARTIFACT, ARTIFACT_SHA256, POLICY_TEXT
from tests.tlogverify.sigstore.documents import (
    MATERIAL,
    STATEMENT,
    certified,
    changed,
    encoded,
    of_message,
    of_statement,
)
from tlogverify.__main__ import main

BUILT = {**STATEMENT, "predicateType": SLSA, "predicate": provenance()}
SHA256 = hashlib.sha256(spki(private_key(P256))).hexdigest()
STANDS = "entry 3 of 7 in log.example/2026, cosigned by 1"
P384 = next(kind for kind in KINDS if "P384" in kind.details)
BY = ("--policy", "policy", "--bundle", "bundle")


def pem(der: bytes) -> str:
    return f"-----BEGIN PUBLIC KEY-----\n{b64(der)}\n-----END PUBLIC KEY-----\n"


RULES = f"""predicate_types = ["{SLSA}"]
builders = ["{BUILDER}"]
sources = ["{SOURCE}"]
[[keys]]
file = "key.pub"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "release").write_bytes(ARTIFACT)
    (tmp_path / "policy").write_bytes(POLICY_TEXT)
    (tmp_path / "rules").write_text(RULES)
    (tmp_path / "key.pub").write_text(pem(spki(private_key(P256))))
    (tmp_path / "other.pub").write_text(pem(spki(private_key(P384))))
    (tmp_path / "bundle").write_bytes(encoded(of_message()))
    monkeypatch.delenv("TLOG_POLICY", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_is_proven_by_the_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["release", *BY, "--key", "other.pub", "--key", "key.pub"])
    expected = f"release: proven, {STANDS}; signed with key sha256:{SHA256}\n"
    assert (expected, "") == capsys.readouterr()


def test_the_json_says_what_was_judged_and_what_was_not(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stamps = {"rfc3161Timestamps": [{"signedTimestamp": b64(b"one")}]}
    stamped = changed(of_message(), (*MATERIAL, "timestampVerificationData"), stamps)
    (folder / "bundle").write_bytes(encoded(stamped))
    assert 0 == main(["release", *BY, "--key", "key.pub", "--json"])
    told = json.loads(capsys.readouterr().out)
    signer: Any = {"key": SHA256, "identities": [], "issuer": None}
    expected: dict[str, Any] = {
        "artifact": "release",
        "proven": True,
        "sha256": ARTIFACT_SHA256.hex(),
        "judged": ["signature", "artifact", "log"],
        "not_judged": ["timestamps"],
        "signers": [signer],
        "predicate_type": None,
        "subjects": [],
        "origin": "log.example/2026",
        "index": 3,
        "size": 7,
    }
    assert expected == {name: told[name] for name in expected}
    assert 0 == main(["release", *BY, "--key", "key.pub"])
    assert capsys.readouterr().out.endswith("; not judged: timestamps\n")


def test_a_statement_is_proven_by_the_key(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bundle").write_bytes(encoded(of_statement()))
    assert 0 == main(["release", *BY, "--key", "key.pub"])
    said = capsys.readouterr().out
    assert said.endswith(f"{SHA256}, attested: https://a.example/said\n")
    assert 0 == main(["release", *BY, "--key", "key.pub", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert ["release"] == told["subjects"]
    assert told["builder"] is None


def test_a_build_is_proven_as_the_rules_ask(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bundle").write_bytes(encoded(of_statement(BUILT)))
    assert 0 == main(["release", *BY, "--rules", "rules"])
    said = capsys.readouterr().out
    assert said.endswith(f", attested: built by {BUILDER} from {SOURCE}\n")
    assert 0 == main(["release", *BY, "--rules", "rules", "--json"])
    assert BUILD_TYPE == json.loads(capsys.readouterr().out)["build_type"]
    (folder / "rules").write_text(RULES.replace(SOURCE, "git+https://git.example/b"))
    assert 1 == main(["release", *BY, "--rules", "rules"])
    assert "the source is not allowed" in capsys.readouterr().err


def test_rules_judge_no_signature_over_a_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert 2 == main(["release", *BY, "--rules", "rules"])
    assert "name its key by --key FILE" in capsys.readouterr().err


def test_a_certificate_is_not_proven_and_the_next_step_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bundle").write_bytes(encoded(of_message(der=certified())))
    assert 1 == main(["release", *BY])
    out, said = capsys.readouterr()
    assert "" == out
    assert said.startswith("release: not proven: nobody judged the certificate")
    assert "`tlog verify --trusted-root FILE --identity NAME --issuer URL`" in said
    assert 1 == main(["release", *BY, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (False, ["signature", "artifact", "log"], ["certificate", "identity"]) == (
        told["proven"],
        told["judged"],
        told["not_judged"],
    )


def test_another_key_or_file_is_not_proven(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 1 == main(["release", *BY, "--key", "other.pub"])
    assert "the signature is not of this key" in capsys.readouterr().err
    (folder / "release").write_bytes(b"another")
    assert 1 == main(["release", *BY, "--key", "key.pub"])
    assert "the bundle is of another artifact" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (("--key", "key.pub", "--rules", "rules"), "two ways to name the keys"),
        ((), "signed with a key: name it by --key FILE"),
        (("--key", "policy"), "is one PUBLIC KEY in PEM"),
        (("--key", "missing"), "missing: No such file"),
        (("--proof", "p"), "it goes without --proof"),
        (("--attestation", "p"), "it goes without --attestation"),
        (("--entry",), "it goes without --entry"),
    ],
)
def test_what_cannot_be_judged_is_unusable(
    capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], why: str
) -> None:
    assert 2 == main(["release", *BY, *flags])
    assert why in capsys.readouterr().err


def test_a_bundle_goes_with_a_file_that_is_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 2 == main(["missing", *BY, "--key", "key.pub"])
    assert "No such file" in capsys.readouterr().err
    (folder / "bundle").write_bytes(b"{}")
    assert 2 == main(["release", *BY, "--key", "key.pub"])
    assert "mediaType" in capsys.readouterr().err


def test_a_key_without_a_bundle_is_a_mistake(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert 2 == main(["release", "--policy", "policy", "--key", "key.pub"])
    assert "--key is for a bundle" in capsys.readouterr().err
