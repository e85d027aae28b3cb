"""`tlog verify` by rules of several requirements, and `tlog rules`."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.tlog.rules.workshop import (
    BUILD,
    SCANNED,
    VSA,
    VULNS,
    WAIVED,
    Paper,
    at,
    block,
    built,
    keys,
    scan,
    write_keys,
)
from tests.tlogverify.actors import TIME_S
from tests.tlogverify.attestation.stories import BOB, SLSA
from tests.tlogverify.documents import ARTIFACT, ARTIFACT_SHA256, POLICY_TEXT
from tlog.cli import main
from tlog.signing import AttestationKeyType, generate_attestation_key
from tlogverify.attestation.dsse import Envelope
from tlogverify.attestation.signers import SignerKey
from tlogverify.command.running import main as verifier

CLEAN = Paper(VULNS, scan(("CVE-1", "low")), (BOB,))
BAD = Paper(VULNS, scan(("CVE-1", "critical")), (BOB,))
RULES = keys() + BUILD + SCANNED
BOTH = ("--attestation", "app.intoto.jsonl", "--attestation", "scan.intoto.jsonl")


def write(folder: Path, name: str, paper: Paper) -> None:
    (folder / f"{name}.intoto.jsonl").write_bytes(paper.attestation.envelope)
    (folder / f"{name}.tlog-proof").write_bytes(paper.proof)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_keys(tmp_path)
    (tmp_path / "app").write_bytes(ARTIFACT)
    (tmp_path / "policy").write_bytes(POLICY_TEXT)
    (tmp_path / "RULES.toml").write_text(RULES)
    write(tmp_path, "app", built())
    write(tmp_path, "scan", CLEAN)
    write(tmp_path, "bad", BAD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TLOG_POLICY", "policy")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main([*arguments])
    return (status, *capsys.readouterr())


def verify(
    capsys: pytest.CaptureFixture[str], *flags: str, rules: str = "RULES.toml"
) -> tuple[int, str, str]:
    return run(capsys, "verify", "app", "--rules", rules, *flags)


def test_several_attestations_are_judged_together(
    capsys: pytest.CaptureFixture[str],
) -> None:
    expected = "app: proven, 2 of 2 requirements met; not judged: parameters (app."
    status, out, err = verify(capsys, *BOTH)
    assert (0, expected, "") == (status, out[: len(expected)], err)
    status, out, err = verify(capsys, *BOTH[:2])
    assert (1, "") == (status, out)
    assert err.startswith("app: not proven: scan: nobody whom the rules name")
    bad = ("--attestation", "bad.intoto.jsonl")
    assert "above high: CVE-1 (critical)" in verify(capsys, *BOTH, *bad)[2]
    digest = f"sha256:{ARTIFACT_SHA256.hex()}"
    assert 0 == run(capsys, "verify", digest, "--rules", "RULES.toml", *BOTH)[0]


def test_explaining_says_what_every_document_was_to_every_rule(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = ("--attestation", "bad.intoto.jsonl", "--explain")
    status, out, _ = verify(capsys, *BOTH[:2], *bad)
    assert (1, True, True) == (
        status,
        "build: met (1 of 1 signers)\n" in out,
        "bad.intoto.jsonl (https://in-toto.io/attestation/vulns/v0.2, signed by bob) "
        "does not count: above high" in out,
    )


def test_a_verdict_in_json_is_whole_whatever_it_is(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    for flags, allowed in ((BOTH, True), (BOTH[:2], False)):
        status, out, _ = verify(capsys, *flags, "--json")
        told: dict[str, Any] = json.loads(out)
        assert (0 if allowed else 1, allowed, allowed) == (
            status,
            told["proven"],
            told["allowed"],
        )
        assert ["build", "scan"] == [it["requirement"] for it in told["requirements"]]
        assert allowed == (not told["reasons"])
    excused = RULES + WAIVED % (ARTIFACT_SHA256.hex(), "2090-01-01")
    (folder / "excused.toml").write_text(excused)
    status, out, _ = verify(capsys, *BOTH[:2], "--json", rules="excused.toml")
    told = json.loads(out)
    assert (0, "duty@example.org", 3_786_912_000 + 86_400) == (
        status,
        told["exceptions"][0]["approved_by"],
        told["expires"],
    )
    _, out, _ = verify(capsys, *BOTH[:2], rules="excused.toml")
    assert "1 of 2 requirements met, 1 by exception: scan: the scanner is down" in out


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (("--explain",), "--explain and --vsa are about rules"),
        (("--rules", "RULES.toml", "--key", "alice.pub"), "the rules name keys"),
        (("--rules", "RULES.toml", "--entry"), "without --entry"),
        (("--rules", "RULES.toml", *BOTH, "--proof", "app.tlog-proof"), "beside them"),
        (("--rules", "RULES.toml", "--sign", "alice.key"), "are for a summary"),
        (("--rules", "RULES.toml", "--vsa", "x"), "--vsa needs --verifier"),
        (
            ("--rules", "RULES.toml", "--vsa", "x", "--verifier", "v:1", "--log", "u"),
            "signed before it is logged",
        ),
        (("--rules", "RULES.toml", "--attestation", "none"), "none"),
        (
            ("--rules", "RULES.toml", *BOTH[:2], "--attestation", "RULES.toml"),
            "No such file: the proof RULES.toml.tlog-proof",
        ),
    ],
)
def test_what_cannot_be_judged_is_said(
    capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], why: str
) -> None:
    status, _, err = run(capsys, "verify", "app", *flags)
    assert (2, True) == (status, why in err), err


def test_the_verifier_alone_says_who_judges_such_rules(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    flags = ("app", "--policy", "policy", "--rules", "RULES.toml")
    assert 2 == verifier([*flags, *BOTH[:2]])
    assert "judged by `tlog verify` of tlog-server" in capsys.readouterr().err
    (folder / "RULES.toml").write_text(keys().replace("name", "#"))
    assert 2 == verifier([*flags, *BOTH])
    assert "several attestations are judged by" in capsys.readouterr().err


def test_a_summary_is_written_signed_and_taken_in_place_of_its_inputs(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    whose = ("--vsa", "app.vsa", "--verifier", "https://verifier.example")
    assert 0 == verify(capsys, *BOTH, *whose)[0]
    told: dict[str, Any] = json.loads((folder / "app.vsa").read_bytes())
    digest = {"sha256": ARTIFACT_SHA256.hex()}
    assert (VSA, [{"name": "app", "digest": digest}]) == (
        told["predicateType"],
        told["subject"],
    )
    predicate = told["predicate"]
    required = {"verifier", "timeVerified", "resourceUri", "policy"}
    assert set() == required - predicate.keys()
    assert ("PASSED", ["SLSA_BUILD_LEVEL_UNEVALUATED"]) == (
        predicate["verificationResult"],
        predicate["verifiedLevels"],
    )
    envelopes = [(folder / f"{it}.intoto.jsonl").read_bytes() for it in ("app", "scan")]
    assert [hashlib.sha256(it).hexdigest() for it in envelopes] == [
        it["digest"]["sha256"] for it in predicate["inputAttestations"]
    ]
    _, out, _ = run(capsys, "rules", "check", "RULES.toml", "--json")
    assert json.loads(out)["digest"] == predicate["policy"]["digest"]["sha256"]
    assert 1 == verify(capsys, *BOTH[:2], *whose)[0]
    told = json.loads((folder / "app.vsa").read_bytes())
    assert ("FAILED", ["FAILED"]) == (
        told["predicate"]["verificationResult"],
        told["predicate"]["verifiedLevels"],
    )
    key = generate_attestation_key(AttestationKeyType.P256)
    key.write(folder / "verifier.key")
    assert 0 == verify(capsys, *BOTH, *whose, "--sign", "verifier.key")[0]
    envelope = Envelope.parse((folder / "app.vsa").read_bytes())
    assert (SignerKey(key.public),) == envelope.verify([SignerKey(key.public)], 1)


CASE = f'artifact = "sha256:{ARTIFACT_SHA256.hex()}"\nnow = {at(TIME_S)}\n'


def test_cases_beside_the_rules_pass_or_fail(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    cases = {
        "allowed": (CASE + "allowed = true\nexceptions = 0", [built(), CLEAN]),
        "missing": (CASE + 'allowed = false\nreasons = ["scan: nobody"]', [built()]),
    }
    for name, (expected, papers) in cases.items():
        (folder / name).mkdir()
        (folder / name / "expected.toml").write_text(expected)
        for number, paper in enumerate(papers):
            write(folder / name, str(number), paper)
    status, out, err = run(capsys, "rules", "test", ".")
    lines = "pass: allowed\npass: missing\n2 of 2 cases pass\n"
    assert (0, lines, "") == (status, out, err)
    wrong = {
        CASE + "allowed = true": "it is refused: scan: nobody",
        CASE + 'allowed = false\nreasons = ["other"]': "no reason has 'other'",
        CASE + "allowed = false\nexception = 1": "unusable: a case: an unknown name",
        CASE + "allowed = 1": "unusable: a case is allowed = true or false",
        CASE + "": "unusable: a case is allowed",
        "allowed = true": "unusable: a case names its artifact",
        CASE.replace("now", "#") + "allowed = true": "unusable: now is a day",
    }
    for text, why in wrong.items():
        (folder / "missing" / "expected.toml").write_text(text)
        status, out, _ = run(capsys, "rules", "test", ".")
        assert (1, True) == (status, f"FAIL: missing: {why}" in out), (why, out)
        assert "1 of 2 cases pass" in out
    _, out, _ = run(capsys, "rules", "test", ".", "--json")
    told = [json.loads(it) for it in out.splitlines()]
    assert [("allowed", True), ("missing", False)] == [
        (it["case"], it["passed"]) for it in told
    ]
    (folder / "allowed" / "expected.toml").write_text(
        CASE + "allowed = true\nexceptions = 1"
    )
    assert "0 exceptions were used, not 1" in run(capsys, "rules", "test", ".")[1]


def test_a_folder_without_cases_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "rules", "test", ".")
    assert (2, True) == (status, "1 to 4096 cases" in err)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (RULES, "no block names carol"),
        (RULES + WAIVED % ("ab" * 32, "2020-01-01"), "has ended at 2020-01-01T23:59"),
        (
            keys()
            + SCANNED
            + (WAIVED % ("", "2090-01-01")).replace('digest = "sha256:"', 'source="s"'),
            "no block asks for provenance",
        ),
        (keys(alice="not_after = 2020-01-01") + BUILD, "0 of its signers still count"),
        (keys(alice="revoked_from = 0") + BUILD, "revoked from the first entry on"),
        (keys() + block(SLSA, "alice").replace(SLSA, "a:1"), "no block names bob"),
        (
            keys() + block("a:1", "alice", lines='tests = "passed"'),
            "tests is not judged of a:1",
        ),
        (
            keys() + block(VULNS, "bob", lines='max_age = "1d"\nclock = "tsa"'),
            "bundles with certificates alone",
        ),
    ],
)
def test_what_can_never_hold_is_told(
    capsys: pytest.CaptureFixture[str], folder: Path, text: str, fault: str
) -> None:
    (folder / "RULES.toml").write_text(text)
    status, out, _ = run(capsys, "rules", "check", "RULES.toml")
    assert (1, True) == (status, fault in out), out
    told = json.loads(run(capsys, "rules", "check", "RULES.toml", "--json")[1])
    assert any(fault in it for it in told["faults"])


def test_rules_without_a_fault_are_well(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    text = RULES + block("a:1", "carol")
    (folder / "RULES.toml").write_text(text)
    status, out, _ = run(capsys, "rules", "check", "RULES.toml")
    assert (0, 1) == (status, len(out.splitlines()))
    assert "RULES.toml: 3 requirements, 3 signers, 0 exceptions; digest sha256:" in out
    (folder / "RULES.toml").write_text(text.replace("threshold", "") + "threshold = 2")
    status, _, err = run(capsys, "rules", "check", "RULES.toml")
    assert (2, True) == (status, "threshold is 1 to the number of signers" in err)
