"""Heads that are given up halfway: what was read is kept, and believed no sooner."""

from pathlib import Path

import pytest

from tests.support.monitored import Monitored
from tests.support.records import canonical, digest, record
from tests.support.static_log import StaticLog, tile_path
from tlog.monitor.monitor import Outcome

OLD, SIZE, MISSING = 100, 18_000, 66
"""All bundles in front of the missing one are stored."""


@pytest.fixture(scope="module")
def entries() -> list[bytes]:
    return [canonical(record(label)) for label in range(SIZE)]


@pytest.fixture
def log(tmp_path: Path, entries: list[bytes]) -> StaticLog:
    log = StaticLog(tmp_path / "log")
    log.add(entries)
    log.publish()
    log.put("checkpoint", log.note(OLD))
    return log


@pytest.fixture
def monitored(tmp_path: Path, log: StaticLog) -> Monitored:
    return Monitored(tmp_path, str(log.folder))


def watch_of(label: int) -> str:
    """Return the digest of the one subject of a test's record."""
    return "sha256:" + digest(f"artifact {label} 0")


def stored(monitored: Monitored) -> int:
    """Return how many bundles are stored."""
    return (monitored.state / "roots.bin").stat().st_size // 32


async def give_up(monitored: Monitored, log: StaticLog, *watches: str) -> None:
    """Verify the old head, then meet a larger one with a bundle missing."""
    assert Outcome.QUIET == await monitored.look(watch=watches)
    log.put("checkpoint", log.note())
    (log.folder / tile_path("entries", MISSING)).unlink()
    assert Outcome.ALARM == await monitored.look(watch=watches)
    # From a folder, bundles are read by 16.
    assert 64 == stored(monitored)
    assert OLD == await monitored.size()


async def test_it_goes_on_from_what_is_stored(
    monitored: Monitored, log: StaticLog
) -> None:
    watches = (watch_of(5_000), watch_of(SIZE - 1))
    await give_up(monitored, log, *watches)
    assert [] == monitored.alarms("hit")
    log.publish()
    for number in range(64):
        (log.folder / tile_path("entries", number)).unlink()
    assert Outcome.HITS == await monitored.look(watch=watches)
    assert SIZE == await monitored.size()
    assert [5_000, SIZE - 1] == [it["index"] for it in monitored.alarms("hit")]


async def test_a_new_watch_is_looked_for_in_both_parts(
    monitored: Monitored, log: StaticLog
) -> None:
    """At once in what is verified, and told of the rest when that is."""
    await give_up(monitored, log)
    watches = tuple(map(watch_of, [50, 150, 5_000, SIZE - 1]))
    assert Outcome.ALARM == await monitored.look(watch=watches)
    assert [50] == [it["index"] for it in monitored.alarms("hit")]
    log.publish()
    assert Outcome.HITS == await monitored.look(watch=watches)
    told = [it["index"] for it in monitored.alarms("hit")]
    assert [50, 150, 5_000, SIZE - 1] == told


async def test_a_smaller_head_than_what_is_stored_is_read_anew(
    monitored: Monitored, log: StaticLog
) -> None:
    watches = (watch_of(200), watch_of(5_000))
    await give_up(monitored, log, *watches)
    log.put("checkpoint", log.note(300))
    log.publish(300)
    assert Outcome.HITS == await monitored.look(watch=watches)
    assert [200] == [it["index"] for it in monitored.alarms("hit")]
    assert (300, 1) == (await monitored.size(), stored(monitored))


async def test_what_is_stored_of_a_lie_is_dropped_when_it_comes_out(
    monitored: Monitored, log: StaticLog
) -> None:
    """A false entry among the stored ones is found by the root, and read again."""
    log.flip(tile_path("entries", 10))
    await give_up(monitored, log, watch_of(2_600))
    log.publish()
    assert Outcome.ALARM == await monitored.look(watch=(watch_of(2_600),))
    assert (OLD, 0) == (await monitored.size(), stored(monitored))
    assert Outcome.HITS == await monitored.look(watch=(watch_of(2_600),))
    assert [2_600] == [it["index"] for it in monitored.alarms("hit")]
    assert SIZE == await monitored.size()
