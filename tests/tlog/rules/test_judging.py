"""Verdicts: each refusal differs from what is allowed in one thing."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.tlog.rules.workshop import (
    BUILD,
    CAROL,
    CLEAN,
    DAY,
    ENDED,
    FRESH,
    NOW,
    OTHER_SHA256,
    SCANNED,
    VEX,
    WAIVED,
    Paper,
    at,
    block,
    built,
    claiming,
    decided,
    keys,
    scan,
    vex,
)
from tests.tlogverify.actors import TIME_S, WITNESS
from tests.tlogverify.attestation.stories import (
    ALICE,
    BOB,
    BUILDER,
    MALLORY,
    SLSA,
    SOURCE,
    provenance,
)
from tests.tlogverify.documents import ARTIFACT_SHA256, POLICY
from tlog.rules import Bundled, Document, Trust, decide, parse_rules

TWO = block(
    SLSA,
    "alice",
    "bob",
    lines=f'builders = ["{BUILDER}"]\nsources = ["{SOURCE}"]\nthreshold = 2',
)


def test_every_requirement_is_met_by_documents_of_its_own(keyring: Path) -> None:
    verdict = decided(keyring, keys() + BUILD + SCANNED, built(), CLEAN)
    assert verdict.allowed
    assert ((), ()) == (verdict.reasons, verdict.exceptions)
    assert [("alice",), ("bob",)] == [it.signers for it in verdict.outcomes]
    assert ("parameters (v1)",) == verdict.unjudged


@pytest.mark.parametrize(
    ("papers", "why"),
    [
        pytest.param((built(),), "nobody whom the rules name", id="missing"),
        pytest.param(
            (built(), CLEAN.but(subject=OTHER_SHA256)), "nobody", id="another-artifact"
        ),
        pytest.param((built(), CLEAN.but(signers=(MALLORY,))), "nobody", id="stranger"),
        pytest.param(
            (built(), CLEAN.but(signers=(CAROL,))),
            "signed by carol, who is not named here",
            id="signer-of-something-else",
        ),
        pytest.param(
            (built(), CLEAN.but(predicate=scan(("CVE-1", "critical")))),
            "above high: CVE-1 (critical)",
            id="vulnerable",
        ),
        pytest.param((CLEAN,), "build: nobody", id="no-build"),
    ],
)
def test_a_scan_that_does_not_do_refuses(
    keyring: Path, papers: tuple[Paper, ...], why: str
) -> None:
    verdict = decided(keyring, keys() + BUILD + SCANNED, *papers)
    assert not verdict.allowed
    assert why in verdict.reasons[0]


@pytest.mark.parametrize(
    ("papers", "count"),
    [
        pytest.param((built(signers=(ALICE, BOB)),), 2, id="one-envelope"),
        pytest.param((built(), built(signers=(BOB,))), 2, id="two-envelopes"),
        pytest.param((built(),), 1, id="one-signer"),
        pytest.param((built(), built(index=5)), 1, id="one-key-twice"),
        pytest.param((built(), built(signers=(CAROL,))), 1, id="a-key-not-named"),
    ],
)
def test_a_threshold_counts_different_keys_over_all_envelopes(
    keyring: Path, papers: tuple[Paper, ...], count: int
) -> None:
    verdict = decided(keyring, keys() + TWO, *papers)
    assert (count == 2, count) == (verdict.allowed, len(verdict.outcomes[0].signers))


@pytest.mark.parametrize(
    ("predicate", "why"),
    [
        pytest.param(provenance(), "", id="as-asked"),
        pytest.param(
            provenance() | {"runDetails": {"builder": {"id": "https://other.example"}}},
            "the builder is not allowed",
            id="builder",
        ),
        pytest.param(
            provenance(source="git+https://git.example/other"),
            "the source is not allowed",
            id="source",
        ),
        pytest.param({}, "provenance has a builder.id", id="malformed"),
    ],
)
def test_provenance_is_judged_as_the_verifier_does(
    keyring: Path, predicate: object, why: str
) -> None:
    verdict = decided(keyring, keys() + BUILD, built(predicate=predicate))
    assert (not why) == verdict.allowed
    assert why in "".join(verdict.reasons)


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"workflow": {"path": "release.yml"}}, ""),
        ({"workflow": {"path": "debug.yml"}}, "workflow.path"),
        ({}, "workflow.path"),
        ({"workflow": {"path": "release.yml"}, "debug": "1"}, "debug"),
    ],
)
def test_parameters_of_a_block_are_judged(
    keyring: Path, parameters: dict[str, object], why: str
) -> None:
    text = BUILD + 'parameters = {"workflow.path" = ["release.yml"]}\n'
    paper = built(predicate=provenance(**parameters))
    verdict = decided(keyring, keys() + text, paper)
    assert (not why) == verdict.allowed, verdict.reasons
    assert why in "".join(verdict.reasons)


BAD = CLEAN.but(predicate=scan(("CVE-1", "critical")))
WITH_VEX = SCANNED.replace("name =", 'vex_signers = ["carol"]\nname =')
HARMLESS = Paper(VEX, vex("CVE-1", "not_affected"), (CAROL,))


@pytest.mark.parametrize(
    ("papers", "is_allowed"),
    [
        pytest.param((HARMLESS,), True, id="not-affected"),
        pytest.param(
            (HARMLESS.but(predicate=vex("CVE-1", "fixed")),), True, id="fixed"
        ),
        pytest.param(
            (HARMLESS.but(predicate=vex("CVE-2", "not_affected")),), False, id="other"
        ),
        pytest.param(
            (HARMLESS.but(predicate=vex("CVE-1", "affected")),), False, id="affected"
        ),
        pytest.param((HARMLESS.but(signers=(MALLORY,)),), False, id="a-stranger"),
        pytest.param((HARMLESS.but(signers=(BOB,)),), False, id="the-scanner"),
        pytest.param((HARMLESS.but(subject=OTHER_SHA256),), False, id="artifact"),
        pytest.param(
            (
                HARMLESS,
                HARMLESS.but(
                    predicate=vex("CVE-1", "affected", at="2026-02-01T00:00:00Z")
                ),
            ),
            False,
            id="a-newer-word",
        ),
        pytest.param(
            (
                HARMLESS.but(
                    predicate=vex("CVE-1", "affected", at="2025-02-01T00:00:00Z")
                ),
                HARMLESS,
            ),
            True,
            id="an-older-word",
        ),
        pytest.param((HARMLESS.but(predicate={"statements": 1}),), False, id="broken"),
    ],
)
def test_vex_counts_by_its_own_signers(
    keyring: Path, papers: tuple[Paper, ...], is_allowed: bool
) -> None:
    verdict = decided(keyring, keys() + WITH_VEX, BAD, *papers)
    assert is_allowed == verdict.allowed, verdict.reasons


def test_vex_by_others_is_ignored_and_told(keyring: Path) -> None:
    verdict = decided(keyring, keys() + WITH_VEX, BAD, HARMLESS.but(signers=(BOB,)))
    assert "do not take VEX by bob here" in verdict.outcomes[0].findings[1].why
    verdict = decided(keyring, keys() + WITH_VEX, BAD, HARMLESS.but(signers=(MALLORY,)))
    assert ["v0.2.0"] == [it.document for it in verdict.unopened]
    ended = keys(carol=f"not_after = {at(TIME_S - 1)}") + WITH_VEX
    verdict = decided(keyring, ended, BAD, HARMLESS)
    assert "the key carol ended" in verdict.outcomes[0].findings[1].why


def test_a_bad_scan_is_not_outvoted(keyring: Path) -> None:
    both = SCANNED.replace('["bob"]', '["bob", "carol"]')
    good = CLEAN.but(signers=(CAROL,))
    assert decided(keyring, keys() + both, good).allowed
    assert not decided(keyring, keys() + both, good, BAD).allowed


@pytest.mark.parametrize(
    "predicate", [{"scanner": {}}, scan(("CVE-1", "low"), finished="soon")]
)
def test_a_scan_that_cannot_be_read_is_not_outvoted(
    keyring: Path, predicate: object
) -> None:
    both = SCANNED.replace('["bob"]', '["bob", "carol"]')
    unread, good = CLEAN.but(predicate=predicate), CLEAN.but(signers=(CAROL,))
    assert not decided(keyring, keys() + both, good, unread).allowed
    stranger = unread.but(signers=(MALLORY,))
    assert decided(keyring, keys() + both, good, stranger).allowed


@pytest.mark.parametrize(
    ("signer", "days", "is_allowed"),
    [(BOB, 1, True), (BOB, 0, False), (CAROL, 1, False)],
)
def test_a_newer_scan_of_the_same_signer_supersedes(
    keyring: Path, signer: object, days: int, is_allowed: bool
) -> None:
    both = SCANNED.replace('["bob"]', '["bob", "carol"]')
    older = BAD.but(predicate=scan(("CVE-1", "critical"), finished=at(TIME_S)))
    newer = claiming(TIME_S + days * DAY).but(signers=(signer,))
    assert is_allowed == decided(keyring, keys() + both, older, newer).allowed


def test_a_verdict_expires_when_time_alone_could_change_it(keyring: Path) -> None:
    text = keys() + BUILD + FRESH
    assert TIME_S + 7 * DAY + 1 == decided(keyring, text, built(), CLEAN).expires_s
    text += WAIVED % (OTHER_SHA256, at(NOW + 5))
    assert NOW + 6 == decided(keyring, text, built(), CLEAN).expires_s
    assert decided(keyring, keys() + BUILD, built()).expires_s is None
    to_come = CLEAN.but(time_s=NOW + 400)
    assert NOW + 100 == decided(keyring, keys() + FRESH, to_come).expires_s
    ended = decided(keyring, ENDED, built(), now_s=TIME_S)
    assert TIME_S + 1 == ended.expires_s


def test_what_cannot_be_opened_is_told_and_stops_nothing(keyring: Path) -> None:
    rules = parse_rules((keys() + BUILD).encode(), keyring)
    good = built().document
    broken: list[Document] = [
        Bundled("no bundle", b"{}"),
        replace(good, name="no proof", proof=b""),
        replace(good, name="many", envelope=b"[" * 9_000),
        replace(good, name="cut", envelope=good.envelope[:-9]),
    ]
    verdict = decide(ARTIFACT_SHA256, [*broken, good], rules, Trust(POLICY), NOW)
    assert verdict.allowed
    assert {it.name for it in broken} == {it.document for it in verdict.unopened}


def test_without_a_policy_no_envelope_counts(keyring: Path) -> None:
    verdict = decided(keyring, keys() + BUILD, built(), trust=Trust())
    assert not verdict.allowed
    assert "no policy" in verdict.unopened[0].why


def test_a_witness_of_the_policy_must_have_signed(keyring: Path) -> None:
    assert WITNESS.vkey in b"".join(w.key.encode().encode() for w in POLICY.witnesses)
    verdict = decided(keyring, keys() + BUILD, built(time_s=0))
    assert "too few witnesses" in verdict.unopened[0].why
