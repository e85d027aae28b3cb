"""How often a log may ask: 429 with an honest Retry-After, and no other log pays."""

from pathlib import Path

import pytest

from tests.oracle import rfc6962
from tests.support.refused import require_told
from tests.support.witnessing import (
    History,
    StillClock,
    histories,
    running_witness,
)
from tests.tlogverify.actors import LOG, OTHER_LOG, STRANGER, note
from tlog.witness.budget import Budget, BudgetError
from tlog.witness.roster import KnownLog

ONE, _ = histories(12, common=12)
DAY_S = 86_400


def log(qpd: int, origin: str = LOG.name) -> KnownLog:
    return KnownLog(origin, (LOG.key,), qpd)


def spend_all(budget: Budget, known: KnownLog) -> tuple[int, int]:
    """Return how many requests there were, and the wait that was asked for then."""
    for spent in range(1_000_000):
        try:
            budget.spend(known)
        except BudgetError as error:
            return spent, error.retry_after_s
    raise AssertionError("without end")


@pytest.mark.parametrize(
    ("qpd", "burst"),
    [(1, 1), (23, 1), (24, 1), (48, 2), (240, 10), (2400, 100)],
)
def test_a_log_has_an_hours_worth_at_once(qpd: int, burst: int) -> None:
    assert burst == spend_all(Budget(StillClock()), log(qpd))[0]


@pytest.mark.parametrize("qpd", [1, 7, 24, 240, 86_400, 200_000])
def test_who_waits_as_told_is_heard_and_who_waits_less_is_not(qpd: int) -> None:
    clock = StillClock()
    budget = Budget(clock)
    _, wait_s = spend_all(budget, log(qpd))
    assert wait_s > 0
    if wait_s > 1:
        clock.seconds += wait_s - 2
        with pytest.raises(BudgetError):
            budget.spend(log(qpd))
        clock.seconds += 2
    else:
        clock.seconds += wait_s
    budget.spend(log(qpd))


@pytest.mark.parametrize("qpd", [1, 24, 240, 1000])
def test_a_day_has_the_days_number_and_one_burst(qpd: int) -> None:
    clock = StillClock()
    budget = Budget(clock)
    heard = 0
    for _ in range(24 * 60):
        clock.seconds += 60
        heard += spend_all(budget, log(qpd))[0]
    assert qpd - 1 <= heard <= qpd + max(qpd / 24, 1)


def test_one_logs_requests_cost_another_nothing() -> None:
    budget = Budget(StillClock())
    spend_all(budget, log(24))
    budget.spend(log(24, "other"))


def test_a_day_of_rest_gives_no_more_than_a_burst() -> None:
    clock = StillClock()
    budget = Budget(clock)
    spend_all(budget, log(240))
    clock.seconds += 100 * DAY_S
    assert 10 == spend_all(budget, log(240))[0]


async def test_a_log_without_budget_is_told_when_to_come_back(tmp_path: Path) -> None:
    clock = StillClock()
    other = History(rfc6962.leaf_hashes(9, "other"), OTHER_LOG)
    async with running_witness(
        tmp_path / "w", LOG, OTHER_LOG, clock=clock, qpd=48
    ) as served:
        assert 200 == (await served.add(ONE.request(0, 1))).status
        assert 200 == (await served.add(ONE.request(1, 2))).status
        answer = await served.add(ONE.request(2, 3))
        require_told(answer, 429, "budget", "48 cosignatures a day")
        assert 0 < int(answer.headers["retry-after"]) <= DAY_S / 48 + 1
        assert 2 == await served.cosigned_size()
        assert 200 == (await served.add(other.request(0, 9))).status
        clock.seconds += int(answer.headers["retry-after"])
        assert 200 == (await served.add(ONE.request(2, 3))).status


async def test_who_is_no_log_and_who_is_stale_spends_nothing(tmp_path: Path) -> None:
    async with running_witness(tmp_path / "w", clock=StillClock(), qpd=24) as served:
        head = ONE.head(5)
        forged = note(head, STRANGER.line(head))
        for _ in range(3):
            assert 403 == (await served.add(b"old 0\n\n" + forged)).status
            assert 409 == (await served.add(ONE.request(3, 5))).status
            assert 400 == (await served.add(ONE.request(7, 5))).status
        assert 200 == (await served.add(ONE.request(0, 5))).status
