"""A monitor that runs until it is told to stop, and what it says about itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.http import ask
from tests.support.monitored import Monitored
from tests.support.records import canonical, record
from tests.support.running import until
from tests.support.static_log import StaticLog, entries_of
from tests.tlog.monitor.peers import peer
from tests.tlog.monitor.test_webhook import WATCHES, Receiver, settings
from tlog.cli.progress import progress_line
from tlog.http.listener import Listener
from tlog.monitor.door import build_monitor_app
from tlog.monitor.monitor import Monitor
from tlog.monitor.opening import open_monitor


@asynccontextmanager
async def running(monitored: Monitored, **changes: object) -> AsyncIterator[Monitor]:
    """Run a monitor beside a test; stop it at the end."""
    stop = asyncio.Event()
    given = monitored.settings(once=False, **changes)
    async with open_monitor(given, monitored.surroundings()) as monitor:
        work = asyncio.create_task(monitor.run(stop))
        try:
            yield monitor
        finally:
            stop.set()
            await work


@pytest.fixture
def log(tmp_path: Path) -> StaticLog:
    log = StaticLog(tmp_path / "log")
    log.add([canonical(record(label)) for label in range(600)])
    log.publish(300)
    return log


async def test_it_verifies_and_stops_when_told(log: StaticLog, tmp_path: Path) -> None:
    monitored = Monitored(tmp_path, str(log.folder))
    async with running(monitored) as monitor:
        await until(lambda: monitor.has_verified)
        assert 300 == monitor.size


async def test_it_goes_on_from_round_to_round(log: StaticLog, tmp_path: Path) -> None:
    monitored = Monitored(tmp_path, str(log.folder))
    given = monitored.settings(once=False)
    async with open_monitor(given, monitored.surroundings()) as monitor:
        for size in (300, 400, 600):
            log.publish(size)
            await monitor.run_round()
            assert size == monitor.size


async def test_an_outage_is_told_after_a_time_and_once(
    log: StaticLog, tmp_path: Path
) -> None:
    monitored = Monitored(tmp_path, str(log.folder))
    given = monitored.settings(once=False, unreachable_after_s=100)
    checkpoint = log.folder / "checkpoint"
    async with open_monitor(given, monitored.surroundings()) as monitor:
        await monitor.run_round()
        checkpoint.unlink()
        for pause_s, expected in [(99, []), (1, ["unreachable"]), (9, ["unreachable"])]:
            monitored.clock.time_s += pause_s
            await monitor.run_round()
            assert expected == monitored.kinds()
        log.publish()
        await monitor.run_round()
    assert ["unreachable", "recovered"] == monitored.kinds()


async def test_alarms_are_posted_while_it_runs(log: StaticLog, tmp_path: Path) -> None:
    monitored = Monitored(tmp_path, str(log.folder))
    receiver = Receiver([503])
    async with (
        peer(receiver.answer) as url,
        running(monitored, **settings(url, tmp_path)),
    ):
        await until(lambda: len(receiver.posts) == 1 + len(WATCHES))
    assert [it["id"] for it in monitored.alarms()] == receiver.ids()[1:]


async def test_an_alarm_that_is_refused_is_posted_again_while_it_runs(
    log: StaticLog, tmp_path: Path
) -> None:
    monitored = Monitored(tmp_path, str(log.folder))
    receiver = Receiver([400])
    async with (
        peer(receiver.answer) as url,
        running(monitored, **settings(url, tmp_path)),
    ):
        await until(lambda: len(receiver.posts) == 1 + len(WATCHES))
    assert receiver.ids()[0] == receiver.ids()[1]


async def test_it_tells_about_itself(log: StaticLog, tmp_path: Path) -> None:
    monitored = Monitored(tmp_path, str(log.folder))
    given = monitored.settings(once=False, watch=WATCHES)
    async with open_monitor(given, monitored.surroundings()) as monitor:
        listener = Listener(build_monitor_app(monitor), "127.0.0.1:0", "")
        await listener.start()
        try:
            assert 200 == (await ask(listener.url, "/healthz")).status
            assert 503 == (await ask(listener.url, "/readyz")).status
            await monitor.run_round()
            assert 200 == (await ask(listener.url, "/readyz")).status
            metrics = (await ask(listener.url, "/metrics")).body.decode()
            page = (await ask(listener.url, "/status")).body.decode()
            log.flip("checkpoint", 0)
            await monitor.run_round()
            troubled = (await ask(listener.url, "/status")).body.decode()
            answer = await ask(listener.url, "/readyz")
            assert {"head_verified": True, "no_alarm_stands": False} == answer.json()
        finally:
            await listener.stop()
    assert "<dt>Alarms that stand</dt><dd>none</dd>" in page
    assert "tlog_monitor_verified_size: 300" in page
    assert "<dt>Alarms that stand</dt><dd>none</dd>" not in troubled
    assert "tlog_monitor_verified_size 300.0" in metrics
    assert "tlog_monitor_entries_behind 0.0" in metrics
    assert "tlog_monitor_hits_total 3.0" in metrics
    assert 'tlog_monitor_alarms_total{kind="hit"} 3.0' in metrics
    assert 'tlog_tamper_detections_total{kind="split-view"} 0.0' in metrics


@pytest.mark.parametrize(
    ("done", "total", "lately", "taken_s", "line"),
    [
        (0, 10, 0, 0.0, "0 of 10 entries"),
        (500, 1_000, 500, 1.0, "500 of 1,000 entries, 500/s, 1 s left"),
        (1_000, 1_000, 500, 1.0, "1,000 of 1,000 entries, 500/s"),
        (1, 121, 1, 1.0, "1 of 121 entries, 1/s, 2 min 0 s left"),
        (1, 7_201, 1, 1.0, "1 of 7,201 entries, 1/s, 2 h 0 min left"),
    ],
)
def test_progress_shows_speed_and_time_left(
    done: int, total: int, lately: int, taken_s: float, line: str
) -> None:
    assert line == progress_line(done, total, lately, taken_s)


async def test_entries_of_any_length_keep_memory_bounded(tmp_path: Path) -> None:
    """Bundles of 16 MiB come one by one; all are verified."""
    log = StaticLog(tmp_path / "log")
    large = bytes(65_535)
    log.add([*entries_of(0, 256), *(large for _ in range(512))])
    log.publish()
    monitored = Monitored(tmp_path, str(log.folder))
    await monitored.look()
    assert 768 == await monitored.size()
