"""Age by named clocks, and the terms of keys: by one second, by one index."""

from pathlib import Path

import pytest

from tests.tlog.rules.workshop import (
    BUILD,
    CLEAN,
    DAY,
    ENDED,
    FRESH,
    NOW,
    TWO_LOGS,
    Paper,
    built,
    claiming,
    decided,
    keys,
    scan,
    trust_for,
)
from tests.tlogverify.actors import LOG, TIME_S
from tests.tlogverify.documents import POLICY
from tlog.rules import Trust
from tlogverify.policy import Policy


# The time of the witness is TIME_S, and the rules ask for at most seven days.
@pytest.mark.parametrize(
    ("now_s", "is_allowed"),
    [
        (TIME_S, True),
        (TIME_S + 7 * DAY, True),
        (TIME_S + 7 * DAY + 1, False),
        (TIME_S - 300, True),
        (TIME_S - 301, False),
    ],
)
def test_age_counts_from_the_witness(
    keyring: Path, now_s: int, is_allowed: bool
) -> None:
    verdict = decided(keyring, keys() + FRESH, CLEAN, now_s=now_s)
    assert is_allowed == verdict.allowed


@pytest.mark.parametrize(
    ("clock", "paper", "why"),
    [
        pytest.param("witness", CLEAN.but(time_s=0), "no witness", id="no-witness"),
        pytest.param(
            "witness",
            claiming(NOW).but(time_s=0),
            "its own time is a claim",
            id="a-claim-is-no-witness",
        ),
        pytest.param(
            "witness",
            claiming(NOW - 8 * DAY).but(time_s=NOW),
            "by its own word",
            id="an-old-scan-with-a-new-proof",
        ),
        pytest.param("witness", claiming(TIME_S), "", id="both"),
        pytest.param("tsa", claiming(NOW), "no timestamp", id="no-timestamp"),
        pytest.param("claimed", claiming(NOW).but(time_s=0), "", id="claimed"),
        pytest.param("claimed", CLEAN, "does not say when", id="nothing-claimed"),
        pytest.param(
            "claimed", claiming(NOW + DAY), "a time still to come", id="to-come"
        ),
        pytest.param(
            "claimed", CLEAN.but(predicate=scan(finished="soon")), "RFC 3339", id="none"
        ),
    ],
)
def test_age_is_by_the_clock_that_is_named(
    keyring: Path, clock: str, paper: Paper, why: str
) -> None:
    text = keys() + FRESH.replace('"witness"', f'"{clock}"')
    verdict = decided(keyring, text, paper, trust=trust_for(paper))
    assert (not why) == verdict.allowed, verdict.reasons
    assert why in "".join(verdict.reasons)


@pytest.mark.parametrize(
    ("paper", "now_s", "is_allowed"),
    [
        pytest.param(built(time_s=0), TIME_S, True, id="now-is-within"),
        pytest.param(built(time_s=0), TIME_S + 1, False, id="nobody-saw-it"),
        pytest.param(built(), NOW, True, id="a-witness-saw-it-before"),
        pytest.param(built(time_s=TIME_S + 1), NOW, False, id="a-witness-saw-it-after"),
    ],
)
def test_a_key_counts_for_what_was_signed_before_its_end(
    keyring: Path, paper: Paper, now_s: int, is_allowed: bool
) -> None:
    trust = trust_for(paper)
    verdict = decided(keyring, ENDED, paper, now_s=now_s, trust=trust)
    assert is_allowed == verdict.allowed


@pytest.mark.parametrize(
    ("lines", "index", "policy", "why"),
    [
        ("revoked_from = 4", 3, POLICY, ""),
        ("revoked_from = 4", 4, POLICY, "revoked from entry 4 on, and this is entry 4"),
        ("revoked_from = 4", 5, POLICY, "this is entry 5"),
        ("revoked_from = 4", 3, TWO_LOGS, "revoked_log"),
        (f'revoked_from = 4\nrevoked_log = "{LOG.name}"', 3, TWO_LOGS, ""),
        (f'revoked_from = 4\nrevoked_log = "{LOG.name}"', 4, TWO_LOGS, "entry 4"),
        ('revoked_from = 4\nrevoked_log = "other.example/log"', 3, POLICY, "is in log"),
    ],
)
def test_entries_below_the_index_of_a_revocation_stay_good(
    keyring: Path, lines: str, index: int, policy: Policy, why: str
) -> None:
    text = keys(alice=lines) + BUILD
    verdict = decided(keyring, text, built(index=index), trust=Trust(policy))
    assert (not why) == verdict.allowed, verdict.reasons
    assert why in "".join(verdict.reasons)
