"""The blocking facade, with the log in another thread."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from tests.tlogclient.fake_log import PROVENANCE, FakeLog, entry, record
from tlogclient import BlockingLog, UnavailableError
from tlogverify import FormatError


@pytest.fixture
def served() -> Iterator[FakeLog]:
    """A fake log whose event loop is not this thread's."""
    log, ready = FakeLog(), threading.Event()
    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        stop = asyncio.Event()
        async with log.serve():
            stops.append((asyncio.get_running_loop(), stop))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait()
    yield log
    loop, stop = stops[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join()


def test_each_verb_answers_as_the_client_does(served: FakeLog) -> None:
    with BlockingLog(served.url, served.policy, attempts=2) as log:
        assert [p.index for p in log.submit([record(0), entry(1)])] == [0, 1]
        old = log.checkpoint().checkpoint
        assert log.submit_one(record(2)).index == 2
        result = log.search(f"sha256:{PROVENANCE.hex()}", limit=2)
        assert ([hit.index for hit in result.hits], result.next) == ([0, 1], 2)
        assert log.prove(1).extra == entry(1)
        assert log.checkpoint(extending=old).checkpoint.size == 3
        assert log.note() == served.note()
        assert log.history(old.size).new.size == 3


def test_errors_come_through_and_the_client_stays_usable(served: FakeLog) -> None:
    with BlockingLog(served.url, served.policy) as log:
        with pytest.raises(FormatError):
            log.search("sha256:none")
        assert log.submit_one(record(0)).index == 0


def test_a_log_that_is_not_there_is_unavailable() -> None:
    policy = FakeLog().policy
    with (
        BlockingLog("http://127.0.0.1:9", policy, attempts=1) as log,
        pytest.raises(UnavailableError),
    ):
        log.checkpoint()
