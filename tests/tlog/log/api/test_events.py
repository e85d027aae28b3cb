"""New entries as they come: in order, each once, and resumed by index."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from tests.support.cosigned import record, submit
from tests.support.http import ask
from tests.support.running import published, running_log, until
from tlog.log.life import Log
from tlogverify import Record
from tlogverify.record import Subject

EVENTS = "/api/v1/events"


class Listener:
    """What one client heard; place: the last id, by which it would come back."""

    def __init__(self, lines: AsyncIterator[bytes]) -> None:
        self._lines = lines
        self.place = ""

    async def next(self) -> dict[str, Any]:
        """Return the next event; StopAsyncIteration at the end of the stream."""
        fields: dict[str, str] = {}
        while True:
            line = (await anext(self._lines)).decode().rstrip("\n")
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            self.place = fields.get("id", self.place)
            if "data" in fields:
                event: dict[str, Any] = json.loads(fields["data"])
                assert ("entry", str(event["index"])) == (fields["event"], fields["id"])
                return event
            fields = {}

    async def take(self, count: int) -> list[int]:
        """Return the indexes of the next events."""
        return [(await self.next())["index"] for _ in range(count)]

    async def moved_to(self, place: int) -> None:
        """Read on until the stream says that it stands there."""
        while self.place != str(place):
            line = (await anext(self._lines)).decode().rstrip("\n")
            self.place = line.removeprefix("id: ") or self.place


@asynccontextmanager
async def listening(
    url: str, query: str = "", last: int | None = None
) -> AsyncIterator[Listener]:
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    async with (
        ClientSession() as session,
        session.get(f"{url}{EVENTS}{query}", headers=headers) as answer,
    ):
        assert (200, "text/event-stream") == (answer.status, answer.content_type)
        assert "no-store" == answer.headers["Cache-Control"]
        yield Listener(aiter(answer.content))


def listeners(log: Log) -> float:
    return float(log.metrics.event_listeners._value.get())


async def test_entries_come_as_they_are_committed(tmp_path: Path) -> None:
    async with running_log(tmp_path) as (url, log):
        await submit(url, range(3))
        async with listening(url) as heard:
            await submit(url, [3])
            event = await heard.next()
            assert {"index": 3, "entry": event["entry"]} == event
            assert record(3).encode() == base64.b64decode(event["entry"])
            # What is known already is no new entry.
            await submit(url, [2, 4])
            assert [4] == await heard.take(1)
        await until(lambda: listeners(log) == 0)
        assert 2 == log.metrics.events._value.get()


async def test_who_comes_back_goes_on_where_it_was(tmp_path: Path) -> None:
    async with running_log(tmp_path) as (url, _):
        await submit(url, range(100))
        async with listening(url, "?start=0") as heard:
            assert [*range(70)] == await heard.take(70)
            place = int(heard.place)
        async with listening(url, "?start=0", place) as heard:
            assert [*range(70, 100)] == await heard.take(30)
            await submit(url, [100])
            assert [100] == await heard.take(1)


async def test_a_filter_lets_only_its_entries_pass(tmp_path: Path) -> None:
    async with running_log(tmp_path) as (url, log):
        await submit(url, range(50))
        digest = record(41).subjects[0].sha256.hex()
        for query in (f"?digest=sha256:{digest}", f"?key=sha256:{digest}"):
            hits = [41] if "digest" in query else []
            async with listening(url, f"{query}&start=0") as heard:
                assert hits == await heard.take(len(hits))
                await published(log)
        sought = record(60).subjects[0].sha256.hex()
        async with listening(url, f"?digest=sha256:{sought}") as heard:
            await submit(url, range(50, 70))
            assert [60] == await heard.take(1)
            await heard.moved_to(69)


async def test_a_request_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    digest = f"digest=sha256:{'00' * 32}"
    async with running_log(tmp_path) as (url, _):
        for query in (f"?{digest}&identity=a", "?digest=a", "?start=-1", "?other=1"):
            assert 400 == (await ask(url, EVENTS + query)).status
        for last in ("-1", "x", "", "1,2"):
            answer = await ask(url, EVENTS, headers={"Last-Event-ID": last})
            assert (400, "invalid-request") == (answer.status, answer.json()["type"])
        assert 200 == (await ask(url, EVENTS, method="HEAD")).status


async def test_listeners_are_bounded_and_room_is_given_back(tmp_path: Path) -> None:
    async with running_log(tmp_path, event_listeners=1) as (url, log):
        async with listening(url):
            answer = await ask(url, EVENTS)
            assert (503, "busy") == (answer.status, answer.json()["type"])
            assert "1" == answer.headers["retry-after"]
        await until(lambda: listeners(log) == 0)
        async with listening(url, "?start=0") as heard:
            await submit(url, [1])
            assert [0] == await heard.take(1)


async def test_a_listener_that_reads_nothing_keeps_nobody_waiting(
    tmp_path: Path,
) -> None:
    count = 1_000
    async with running_log(tmp_path, event_listeners=2) as (url, log):
        async with ClientSession() as session, session.get(f"{url}{EVENTS}") as slow:
            async with listening(url) as quick:
                for start in range(0, count, 250):
                    await submit_large(url, range(start, start + 250))
                assert [*range(count)] == await quick.take(count)
            # More than the system's buffers hold waits in no buffer of the log.
            assert log.metrics.events._value.get() < 2 * count
            late = Listener(aiter(slow.content))
            assert [*range(count)] == await late.take(count)
        assert 2 * count == log.metrics.events._value.get()


async def submit_large(url: str, numbers: range) -> None:
    """Submit records of 200 subjects, which have 27 KiB each as events."""
    entries = []
    for number in numbers:
        digests = sorted(sha256(b"%d %d" % (number, it)).digest() for it in range(200))
        entries.append(Record(tuple(map(Subject, digests)), digests[0]).encode())
    body = b'{"entries":[' + b",".join(entries) + b"]}"
    headers = {"Content-Type": "application/json"}
    answer = await ask(
        url, "/api/v1/entries", method="POST", headers=headers, body=body
    )
    assert 201 == answer.status


async def test_a_stream_ends_with_the_log(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def listen(url: str, begun: asyncio.Event) -> None:
        async with listening(url) as heard:
            begun.set()
            try:
                await heard.next()
            except StopAsyncIteration:
                ended.set()

    async with running_log(tmp_path) as (url, _):
        begun = asyncio.Event()
        task = asyncio.create_task(listen(url, begun))
        await begun.wait()
    await task
    assert ended.is_set()
