"""Following honest logs of all sizes, and what is found in dishonest ones."""

import itertools
import sys
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.monitored import Monitored
from tests.support.static_log import (
    POLICY,
    StaticLog,
    bundle_of,
    entries_of,
    fork,
    tile_path,
)
from tests.system.server import environment
from tests.tlogverify.actors import LOG, STRANGER, Head, note
from tlog.errors import CorruptError, RejectedError
from tlog.monitor.monitor import Outcome
from tlog.monitor.opening import open_monitor
from tlogverify.errors import FormatError
from tlogverify.evidence import Evidence
from tlogverify.policy import Policy

SIZES = [0, 1, 2, 255, 256, 257, 511, 512, 513]


@pytest.fixture
def log(tmp_path: Path) -> StaticLog:
    return StaticLog(tmp_path / "log")


@pytest.fixture
def monitored(tmp_path: Path, log: StaticLog) -> Monitored:
    return Monitored(tmp_path, str(log.folder))


def convicts(file: str, policy: Path) -> bool:
    """Whether the verifier's own command takes a file of evidence."""
    command = [sys.executable, "-m", "tlogverify", "--evidence", file]
    done = warm.run([*command, "--policy", policy], environment=environment())
    return done.returncode == 0


@pytest.mark.parametrize("size", SIZES)
async def test_a_log_of_any_size_is_verified(
    monitored: Monitored, log: StaticLog, size: int
) -> None:
    log.add(entries_of(0, size))
    log.publish()
    assert Outcome.QUIET == await monitored.look()
    assert size == await monitored.size()
    assert [] == monitored.lines


async def test_a_large_log_is_verified(monitored: Monitored, log: StaticLog) -> None:
    log.add(entries_of(0, 70_000))
    log.publish()
    assert Outcome.QUIET == await monitored.look()
    assert 70_000 == await monitored.size()
    assert (70_000, 70_000) == monitored.progress[-1]


@pytest.mark.parametrize(("old", "new"), list(itertools.combinations(SIZES, 2)))
async def test_growth_between_any_two_sizes_is_verified(
    monitored: Monitored, log: StaticLog, old: int, new: int
) -> None:
    log.add(entries_of(0, new))
    for size in (old, new):
        log.publish(size)
        assert Outcome.QUIET == await monitored.look()
        assert size == await monitored.size()


async def test_growth_through_all_sizes_is_verified(
    monitored: Monitored, log: StaticLog
) -> None:
    log.add(entries_of(0, SIZES[-1]))
    for size in SIZES:
        log.publish(size)
        assert Outcome.QUIET == await monitored.look()
    assert SIZES[-1] == await monitored.size()


async def test_a_log_that_stands_still_is_read_no_further(
    monitored: Monitored, log: StaticLog
) -> None:
    log.add(entries_of(0, 300))
    log.publish()
    await monitored.look()
    (log.folder / tile_path("entries", 0)).unlink()
    assert Outcome.QUIET == await monitored.look()


async def test_only_new_bundles_are_read(monitored: Monitored, log: StaticLog) -> None:
    log.add(entries_of(0, 900))
    log.publish(600)
    await monitored.look()
    log.publish()
    for number in (0, 1):
        (log.folder / tile_path("entries", number)).unlink()
    assert Outcome.QUIET == await monitored.look()
    assert 900 == await monitored.size()


async def test_a_dropped_partial_bundle_is_cut_from_the_full_one(
    monitored: Monitored, log: StaticLog
) -> None:
    log.add(entries_of(0, 512))
    log.publish(300)
    (log.folder / tile_path("entries", 1, 44)).unlink()
    log.put(tile_path("entries", 1), bundle_of(log.entries[256:512]))
    assert Outcome.QUIET == await monitored.look()
    assert 300 == await monitored.size()


LIES = ["entry", "checkpoint", "root", "signature", "short bundle", "long bundle"]


def lie(log: StaticLog, what: str) -> None:
    """Break one thing of a log of 300 entries that has grown from 100."""
    entries = tile_path("entries", 0)
    match what:
        case "entry":
            log.flip(entries)
        case "checkpoint":
            log.flip("checkpoint", 0)
        case "root":
            head = Head(log.origin, 300, bytes(32))
            log.put("checkpoint", note(head, LOG.line(head)))
        case "signature":
            log.put("checkpoint", note(log.head(), STRANGER.line(log.head())))
        case "short bundle":
            log.put(entries, bundle_of(log.entries[:255]))
        case "long bundle":
            log.put(entries, bundle_of(log.entries[:257]))
        case _:
            raise ValueError(what)


@pytest.mark.parametrize("what", LIES)
async def test_one_lie_raises_one_alarm_and_the_cursor_stays(
    monitored: Monitored, log: StaticLog, what: str
) -> None:
    log.add(entries_of(0, 300))
    log.publish(100)
    assert Outcome.QUIET == await monitored.look()
    log.publish()
    lie(log, what)
    kind = "bad-signature" if what in {"checkpoint", "signature"} else "bad-log"
    for _ in range(2):
        assert Outcome.ALARM == await monitored.look()
    assert [kind] == monitored.kinds()
    assert 100 == await monitored.size()
    log.publish()
    last = await monitored.look()
    if what == "root":
        # The log has signed it: now there are two roots of one size.
        assert Outcome.ALARM == last
        assert [kind, "recovered", "split-view"] == monitored.kinds()
    else:
        assert Outcome.QUIET == last
        assert [kind, "recovered"] == monitored.kinds()
    assert 300 == await monitored.size()


async def test_a_broken_hash_tile_keeps_no_head_from_being_verified(
    monitored: Monitored, log: StaticLog
) -> None:
    """The tree is recomputed from the entries: no hash is believed."""
    log.add(entries_of(0, 300))
    log.publish()
    log.flip(tile_path("0", 0))
    assert Outcome.ALARM == await monitored.look()
    assert ["bad-tile"] == monitored.kinds()
    assert 300 == await monitored.size()


async def test_an_older_head_is_no_alarm(monitored: Monitored, log: StaticLog) -> None:
    log.add(entries_of(0, 600))
    log.publish()
    await monitored.look()
    for size in (0, 1, 255, 256, 257, 599):
        log.put("checkpoint", log.note(size))
        assert Outcome.QUIET == await monitored.look()
    assert 600 == await monitored.size()


@pytest.mark.parametrize("size", [1, 255, 256, 257, 512, 599, 600])
async def test_an_older_head_of_another_tree_convicts(
    monitored: Monitored, log: StaticLog, tmp_path: Path, size: int
) -> None:
    log.add(entries_of(0, 600))
    log.publish()
    await monitored.look()
    log.put("checkpoint", fork(tmp_path / "fork", log, 0, size).note())
    assert Outcome.ALARM == await monitored.look()
    (alarm,) = monitored.alarms("split-view")
    assert "log" == alarm["source"]
    assert convicts(alarm["evidence"], tmp_path / "policy")
    assert 600 == await monitored.size()


FORKS = [
    (at, old, new)
    for old, new in [
        (2, 3),
        (100, 255),
        (256, 300),
        (300, 301),
        (511, 1030),
        (512, 513),
    ]
    for at in sorted({0, 1, 255, 256, 257, old - 1})
    if at < old
]


@pytest.mark.parametrize(("at", "old", "new"), FORKS)
async def test_a_fork_at_any_place_convicts(
    monitored: Monitored, log: StaticLog, tmp_path: Path, at: int, old: int, new: int
) -> None:
    """Another history from `at` on, shown to one who has verified the first."""
    log.add(entries_of(0, old))
    log.publish()
    await monitored.look()
    fork(log.folder, log, at, new).publish()
    for _ in range(2):
        assert Outcome.ALARM == await monitored.look()
    (alarm,) = monitored.alarms()
    assert "split-view" == alarm["kind"]
    assert convicts(alarm["evidence"], tmp_path / "policy")
    assert old == await monitored.size()
    found = Evidence.read(alarm["evidence"])
    older, newer = found.verify(Policy.parse(POLICY))
    assert (old, new) == (older.size, newer.size)


async def test_a_hundred_files_of_evidence_are_enough(
    monitored: Monitored, log: StaticLog
) -> None:
    """A log can sign new histories for ever; the alarm is raised all the same."""
    log.add(entries_of(0, 10))
    log.publish()
    await monitored.look()
    evidence = monitored.state / "evidence"
    for number in range(100):
        (evidence / f"{number}.tlog-evidence").touch()
    log.put("checkpoint", fork(log.folder, log, 0, 10).note())
    assert Outcome.ALARM == await monitored.look()
    (alarm,) = monitored.alarms()
    assert "split-view" == alarm["kind"]
    assert "evidence" not in alarm
    assert 100 == len(list(evidence.iterdir()))


async def test_a_fork_whose_tiles_are_hidden_is_a_bad_log(
    monitored: Monitored, log: StaticLog
) -> None:
    log.add(entries_of(0, 600))
    log.publish(300)
    await monitored.look()
    fork(log.folder, log, 0, 600).publish()
    log.flip(tile_path("0", 1))
    assert Outcome.ALARM == await monitored.look()
    assert ["bad-log"] == monitored.kinds()


async def test_a_log_that_is_gone_is_unreachable(
    monitored: Monitored, log: StaticLog
) -> None:
    assert Outcome.ALARM == await monitored.look()
    assert ["unreachable"] == monitored.kinds()
    log.publish(0)
    assert Outcome.QUIET == await monitored.look()
    assert ["unreachable", "recovered"] == monitored.kinds()


async def test_a_bundle_that_is_gone_leaves_the_cursor(
    monitored: Monitored, log: StaticLog
) -> None:
    log.add(entries_of(0, 600))
    log.publish()
    (log.folder / tile_path("entries", 1)).unlink()
    assert Outcome.ALARM == await monitored.look()
    assert Outcome.ALARM == await monitored.look()
    assert ["unreachable"] == monitored.kinds()
    assert 0 == await monitored.size()
    log.publish()
    assert Outcome.QUIET == await monitored.look()
    assert ["unreachable", "recovered"] == monitored.kinds()


async def test_an_empty_log_after_a_head_that_did_not_come_out(
    monitored: Monitored, log: StaticLog
) -> None:
    """What was read for the larger head is no part of the empty tree."""
    log.add(entries_of(0, 600))
    log.publish()
    log.put(tile_path("entries", 1), b"nonsense")
    given = monitored.settings()
    async with open_monitor(given, monitored.surroundings()) as monitor:
        await monitor.run_round()
        log.put("checkpoint", log.note(0))
        await monitor.run_round()
        assert 0 == monitor.size
    log.publish()
    assert Outcome.QUIET == await monitored.look()
    assert 600 == await monitored.size()
    assert ["bad-log", "recovered"] == monitored.kinds()


async def test_a_log_that_does_not_grow_is_stalled_until_it_does(
    monitored: Monitored, log: StaticLog
) -> None:
    log.add(entries_of(0, 10))
    log.publish(5)
    await monitored.look(stalled_after_s=100)
    monitored.clock.time_s += 99
    assert Outcome.QUIET == await monitored.look(stalled_after_s=100)
    monitored.clock.time_s += 1
    assert Outcome.ALARM == await monitored.look(stalled_after_s=100)
    assert Outcome.QUIET == await monitored.look(stalled_after_s=0)
    log.publish()
    assert Outcome.QUIET == await monitored.look(stalled_after_s=100)
    assert ["stalled", "recovered"] == monitored.kinds()


async def test_another_log_of_the_same_policy_is_refused(
    monitored: Monitored, log: StaticLog
) -> None:
    log.publish(0)
    await monitored.look()
    other = StaticLog(log.folder, STRANGER, origin=STRANGER.name)
    other.publish(0)
    monitored.policy = POLICY + b"log " + other_vkey() + b"\n"
    assert Outcome.ALARM == await monitored.look()
    assert ["bad-signature"] == monitored.kinds()


def other_vkey() -> bytes:
    """Return a second log's key."""
    return STRANGER.vkey


async def test_changed_entries_of_the_store_are_found_at_the_start(
    monitored: Monitored, log: StaticLog
) -> None:
    log.add(entries_of(0, 600))
    log.publish()
    await monitored.look()
    roots = monitored.state / "roots.bin"
    content = bytearray(roots.read_bytes())
    content[0] ^= 1
    roots.write_bytes(content)
    with pytest.raises(CorruptError):
        await monitored.look()


async def test_a_shorter_store_is_found_at_the_start(
    monitored: Monitored, log: StaticLog
) -> None:
    log.add(entries_of(0, 600))
    log.publish()
    await monitored.look()
    entries = monitored.state / "entries.bin"
    entries.write_bytes(entries.read_bytes()[:-1])
    with pytest.raises(CorruptError):
        await monitored.look()


async def test_a_second_process_is_refused(
    monitored: Monitored, log: StaticLog
) -> None:
    log.publish(0)
    async with open_monitor(monitored.settings(), monitored.surroundings()):
        with pytest.raises(RejectedError):
            await monitored.look()


@pytest.mark.parametrize("missing", ["log", "policy", "state"])
async def test_a_monitor_needs_its_three_settings(
    monitored: Monitored, missing: str
) -> None:
    with pytest.raises(FormatError):
        await monitored.look(**{missing: "" if missing == "log" else None})


async def test_the_state_is_for_its_owner_alone(
    monitored: Monitored, log: StaticLog
) -> None:
    log.publish(0)
    await monitored.look()
    assert 0o700 == monitored.state.stat().st_mode & 0o777
