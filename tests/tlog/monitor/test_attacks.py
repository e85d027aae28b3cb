"""What a lying log, and a disk that rots, have tried."""

import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.oracle import rfc6962
from tests.support.monitored import Monitored
from tests.support.records import canonical, digest, record
from tests.support.static_log import POLICY, StaticLog, entries_of, fork, tile_path
from tests.tlogverify.actors import LOG, LOG_MLDSA, STRANGER, Head, note, oddly
from tlog.errors import CorruptError
from tlog.monitor.monitor import Outcome
from tlog.monitor.opening import open_monitor
from tlogverify.errors import FormatError
from tlogverify.evidence import Evidence
from tlogverify.policy import Policy
from tlogverify.proof import Proof


@pytest.fixture
def log(tmp_path: Path) -> StaticLog:
    log = StaticLog(tmp_path / "log")
    log.add(entries_of(0, 700))
    log.publish(300)
    return log


@pytest.fixture
def monitored(tmp_path: Path, log: StaticLog) -> Monitored:
    return Monitored(tmp_path, str(log.folder))


async def test_a_fork_that_was_shown_once_is_not_forgotten(
    monitored: Monitored, log: StaticLog
) -> None:
    """Its head is signed, its entries never come, and the log goes on as before."""
    assert Outcome.QUIET == await monitored.look()
    other = fork(log.folder, log, 100, 400)
    log.put("checkpoint", other.note())
    assert Outcome.ALARM == await monitored.look()
    log.publish(500)
    assert Outcome.ALARM == await monitored.look()
    (alarm,) = monitored.alarms("split-view")
    older, newer = Evidence.read(alarm["evidence"]).verify(Policy.parse(POLICY))
    assert (400, 500) == (older.size, newer.size)


async def test_tiles_convict_a_log_that_keeps_its_entries_back(
    monitored: Monitored, log: StaticLog
) -> None:
    assert Outcome.QUIET == await monitored.look()
    fork(log.folder, log, 0, 600).publish()
    for path in (tile_path("entries", 1), tile_path("entries", 2, 88)):
        (log.folder / path).unlink()
    assert Outcome.ALARM == await monitored.look()
    assert {"split-view", "unreachable"} == set(monitored.kinds())


async def test_an_unknown_keys_line_may_have_unused_bits(
    monitored: Monitored, log: StaticLog
) -> None:
    odd = oddly(STRANGER.line(log.head(300)))
    log.put("checkpoint", log.note(300) + odd)
    assert Outcome.QUIET == await monitored.look()
    log.put("checkpoint", oddly_signed(log))
    assert Outcome.ALARM == await monitored.look()


def oddly_signed(log: StaticLog) -> bytes:
    """Return the checkpoint with another spelling of the log's own signature."""
    head = log.head(300)
    return note(head, oddly(LOG.line(head)))


@pytest.mark.parametrize("size", [10**9, 10**15, 2**63 - 1])
async def test_a_huge_size_costs_no_memory(
    monitored: Monitored, log: StaticLog, size: int
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    head = Head(size=size, root=bytes(32))
    log.put("checkpoint", note(head, LOG.line(head)))
    assert Outcome.ALARM == await monitored.look()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(bytes(content))


async def test_a_flipped_bit_of_the_store_convicts_nobody(
    monitored: Monitored, log: StaticLog
) -> None:
    log.publish(600)
    assert Outcome.QUIET == await monitored.look()
    stored = (monitored.state / "entries.bin").read_bytes()
    flip(monitored.state / "entries.bin", stored.index(b"entry 50"))
    log.put("checkpoint", log.note(100))
    with pytest.raises(CorruptError, match="not what was stored"):
        await monitored.look()
    assert [] == monitored.kinds()


async def test_a_flipped_bit_of_the_store_hides_no_entry(tmp_path: Path) -> None:
    log = StaticLog(tmp_path / "log")
    log.add([canonical(record(label)) for label in range(300)])
    log.publish()
    monitored = Monitored(tmp_path, str(log.folder))
    assert Outcome.QUIET == await monitored.look()
    wanted = digest("artifact 7 0")
    stored = (monitored.state / "entries.bin").read_bytes()
    flip(monitored.state / "entries.bin", stored.index(wanted.encode()))
    with pytest.raises(CorruptError, match="not what was stored"):
        await monitored.look(watch=(f"sha256:{wanted}",))


@pytest.mark.parametrize("at", [-1, -2, -8])
async def test_an_end_that_is_wrong_cuts_nothing(
    monitored: Monitored, log: StaticLog, at: int
) -> None:
    log.publish(600)
    assert Outcome.QUIET == await monitored.look()
    before = (monitored.state / "entries.bin").read_bytes()
    flip(monitored.state / "ends.bin", at)
    with pytest.raises(CorruptError):
        await monitored.look()
    assert before == (monitored.state / "entries.bin").read_bytes()


def make_folder(file: Path) -> None:
    file.mkdir()


def make_huge(file: Path) -> None:
    file.write_bytes(b"#" * (17 << 20))


@pytest.mark.parametrize("make", [make_folder, make_huge, lambda _: None])
async def test_a_file_of_watches_that_cannot_be_read_ends_the_start(
    monitored: Monitored, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    file = tmp_path / "watches"
    make(file)
    with pytest.raises((OSError, FormatError)):
        await monitored.look(watch_file=file)


async def test_a_proof_is_for_todays_key(tmp_path: Path) -> None:
    """The log signs the same head with another key, and the policy follows."""
    log = StaticLog(tmp_path / "log", LOG)
    log.add([canonical(record(label)) for label in range(5)])
    log.publish()
    monitored = Monitored(tmp_path, str(log.folder))
    assert Outcome.QUIET == await monitored.look()
    head = log.head()
    log.put("checkpoint", note(head, LOG_MLDSA.line(head)))
    today = b"log " + LOG_MLDSA.vkey + b"\nquorum none\n"
    later = replace(monitored, policy=today)
    assert Outcome.QUIET == await later.look()
    assert Outcome.HITS == await later.look(watch=(f"sha256:{digest('artifact 4 0')}",))
    (alarm,) = later.alarms("hit")
    proof = Proof.read(alarm["proof"])
    proof.verify(rfc6962.leaf_hash(proof.extra or b""), Policy.parse(today))


async def test_two_histories_are_counted_as_tampering_once(
    monitored: Monitored, log: StaticLog
) -> None:
    surroundings = monitored.surroundings()
    async with open_monitor(monitored.settings(once=False), surroundings) as monitor:
        await monitor.run_round()
        other = fork(log.folder, log, 100, 400)
        log.put("checkpoint", other.note())
        await monitor.run_round()
        log.publish(500)
        for _ in range(2):
            await monitor.run_round()
    counted = surroundings.metrics.render().decode()
    assert 'tlog_tamper_detections_total{kind="split-view"} 1.0' in counted
    assert 'tlog_tamper_detections_total{kind="bad-tile"} 0.0' in counted
