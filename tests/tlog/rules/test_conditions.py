"""What SBOMs, test results and verification summaries must say."""

from pathlib import Path

import pytest

from tests.support.cases import in_one_test
from tests.tlog.rules.workshop import (
    CYCLONEDX,
    DAY,
    NOW,
    OTHER_SHA256,
    SPDX,
    TESTS,
    VSA,
    Paper,
    block,
    decided,
    keys,
    summary,
)
from tests.tlogverify.attestation.stories import (
    BOB,
)


def sbom(**component: object) -> dict[str, object]:
    inner = {"name": "b", "version": "2", **component}
    return {
        "bomFormat": "CycloneDX",
        "components": [{"name": "a", "components": [inner]}],
    }


def spdx(**package: object) -> dict[str, object]:
    return {"spdxVersion": "SPDX-2.3", "packages": [{"name": "b", **package}]}


DENYING = 'packages_denied = ["pkg:npm/evil"]\nlicenses_denied = ["AGPL-3.0-only"]'


@pytest.mark.parametrize(
    ("kind", "predicate", "why"),
    [
        (CYCLONEDX, sbom(), ""),
        (CYCLONEDX, sbom(purl="pkg:npm/evil@1"), "denied packages: pkg:npm/evil@1"),
        (CYCLONEDX, sbom(licenses=[{"license": {"id": "MIT"}}]), ""),
        (
            CYCLONEDX,
            sbom(licenses=[{"license": {"id": "AGPL-3.0-only"}}]),
            "denied licences: b@2",
        ),
        (CYCLONEDX, {"components": []}, "bomFormat"),
        (SPDX, spdx(), ""),
        (
            SPDX,
            spdx(externalRefs=[{"referenceLocator": "pkg:npm/evil"}]),
            "denied packages: pkg:npm/evil",
        ),
        (SPDX, spdx(licenseDeclared="MIT AND AGPL-3.0-only"), "denied licences: b"),
        (SPDX, spdx(licenseDeclared="MIT OR AGPL-3.0-only"), ""),
        (SPDX, {"spdxVersion": "SPDX-3.0", "packages": []}, "is of version 2"),
    ],
)
def test_packages_and_licences_of_an_sbom_are_denied(
    keyring: Path, kind: str, predicate: object, why: str
) -> None:
    text = keys() + block(kind, "alice", lines=DENYING)
    verdict = decided(keyring, text, Paper(kind, predicate))
    assert (not why) == verdict.allowed, verdict.reasons
    assert why in "".join(verdict.reasons)


def test_a_statement_that_only_refers_to_an_sbom_meets_no_condition_on_it(
    keyring: Path,
) -> None:
    """Nobody fetches what it refers to; the block may ask for both types."""
    reference = "https://in-toto.io/attestation/reference/v0.1"
    text = keys() + block(f'{CYCLONEDX}", "{reference}', "alice", lines=DENYING)
    refers = {"attester": {"id": "log.example"}, "references": []}
    verdict = decided(keyring, text, Paper(reference, refers))
    assert not verdict.allowed
    assert "packages_denied is not judged of" in "".join(verdict.reasons)
    assert decided(keyring, text, Paper(CYCLONEDX, sbom())).allowed


@pytest.mark.parametrize(
    ("predicate", "why"),
    [
        ({"result": "PASSED"}, ""),
        ({"result": "PASSED", "failedTests": []}, ""),
        ({"result": "PASSED", "failedTests": ["a"]}, "1 tests have failed"),
        ({"result": "WARNED"}, "the tests have WARNED"),
        ({"result": "FAILED"}, "the tests have FAILED"),
        ({"result": "passed"}, "PASSED, WARNED or FAILED"),
        ({"result": "PASSED", "failedTests": "a"}, "an array"),
        ({}, "has result"),
    ],
)
def test_tests_must_have_passed(keyring: Path, predicate: object, why: str) -> None:
    text = keys() + block(TESTS, "alice", lines='tests = "passed"')
    verdict = decided(keyring, text, Paper(TESTS, predicate))
    assert (not why) == verdict.allowed, verdict.reasons
    assert why in "".join(verdict.reasons)


DIGEST = "cd" * 32
DELEGATED = block(
    VSA,
    "alice",
    lines='verifier = "https://verifier.example"\n'
    f'policy_digest = "sha256:{DIGEST}"\nmax_age = "7d"\nclock = "witness"',
)
PASSED = Paper(VSA, summary(DIGEST))


@in_one_test(
    ("paper", "why"),
    [
        pytest.param(PASSED, "", id="passed"),
        pytest.param(
            PASSED.but(predicate=summary("ef" * 32)), "of other rules", id="policy"
        ),
        pytest.param(
            PASSED.but(predicate=summary(DIGEST, verifier={"id": "https://e.example"})),
            "by another verifier",
            id="verifier",
        ),
        pytest.param(
            PASSED.but(predicate=summary(DIGEST, verificationResult="FAILED")),
            "is FAILED",
            id="failed",
        ),
        pytest.param(
            PASSED.but(predicate=summary(DIGEST, verifiedLevels=["FAILED"])),
            "is FAILED",
            id="failed-level",
        ),
        pytest.param(PASSED.but(subject=OTHER_SHA256), "nobody", id="artifact"),
        pytest.param(
            PASSED.but(time_s=NOW - 8 * DAY), "older than 7d", id="logged-long-ago"
        ),
        pytest.param(
            PASSED.but(predicate=summary(DIGEST, timeVerified="2026-01-01T00:00:00Z")),
            "older than 7d",
            id="verified-long-ago",
        ),
        pytest.param(PASSED.but(signers=(BOB,)), "not named here", id="signer"),
        *(
            pytest.param(
                PASSED.but(predicate=summary(DIGEST) | {name: None}),
                why,
                id=f"no-{name}",
            )
            for name, why in {
                "verifier": "a verifier has id",
                "timeVerified": "timeVerified",
                "resourceUri": "resourceUri",
                "policy": "of other rules",
                "verificationResult": "verificationResult",
                "verifiedLevels": "verifiedLevels",
            }.items()
        ),
    ],
)
def test_a_summary_takes_the_place_of_what_it_is_of(
    keyring: Path, paper: Paper, why: str
) -> None:
    verdict = decided(keyring, keys() + DELEGATED, paper)
    assert (not why) == verdict.allowed, verdict.reasons
    assert why in "".join(verdict.reasons)
