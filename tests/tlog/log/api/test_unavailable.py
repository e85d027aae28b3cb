"""When the log cannot: full, stopping, stopped, or damaged.  503 says when to retry."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.filled import filled_log
from tests.support.http import Answer, ask, post
from tests.support.openapi import require_documented
from tests.support.records import json_body, record, records
from tests.support.running import log_settings, running_log, until
from tlog.errors import FatalError
from tlog.http.listener import Listener
from tlog.log.api.routes import build_app
from tlog.log.life import Log
from tlog.log.opening import open_log
from tlog.log.sequencer.pool import settle


def start(log: Log) -> None:
    """Start the log's threads, as `serve` does."""
    loop = asyncio.get_running_loop()
    log.start(
        on_stop=lambda: None,
        deliver=lambda settled: loop.call_soon_threadsafe(settle, settled),
    )


@dataclass(frozen=True)
class Idle:
    """A served log whose threads have not been started: nothing leaves the pool."""

    server: Listener
    log: Log

    @property
    def url(self) -> str:
        return self.server.url


@asynccontextmanager
async def idle_server(folder: Path, **changes: object) -> AsyncIterator[Idle]:
    log = open_log(log_settings(folder, **changes))
    server = Listener(build_app(log), log.settings.listen, log.settings.prefix)
    await server.start()
    try:
        yield Idle(server, log)
    finally:
        await server.stop()
        await asyncio.to_thread(log.close)


def require_retry(answer: Answer, token: str) -> None:
    require_documented("POST", "/api/v1/entries", answer)
    assert (503, token) == (answer.status, answer.json()["type"])
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_full_pool_refuses_and_is_not_ready(tmp_path: Path) -> None:
    async with idle_server(tmp_path, max_pool_entries=2) as idle:
        accepted = asyncio.create_task(post(idle.url, json_body(*records(0, 2))))
        await until(lambda: idle.log.submitting.pool.is_full)
        require_retry(await post(idle.url, json_body(record(3))), "busy")
        readiness = await ask(idle.url, "/readyz")
        require_documented("GET", "/readyz", readiness)
        assert (503, False) == (readiness.status, readiness.json()["queue_not_full"])
        # What was accepted is answered as soon as the sequencer runs.
        start(idle.log)
        assert 201 == (await accepted).status
        assert 201 == (await post(idle.url, json_body(record(3)))).status


async def test_a_request_larger_than_the_pool_passes_when_nothing_waits(
    tmp_path: Path,
) -> None:
    async with filled_log(tmp_path, max_pool_entries=2) as filled:
        assert 300 == filled.log.heads.signed.size


async def test_a_log_that_stops_takes_no_entries_and_still_proves(
    tmp_path: Path,
) -> None:
    async with idle_server(tmp_path) as idle:
        start(idle.log)
        assert 201 == (await post(idle.url, json_body(record(1)))).status
        idle.log.submitting.pool.close()
        require_retry(await post(idle.url, json_body(record(2))), "busy")
        answer = await ask(idle.url, "/api/v1/proof/inclusion?index=0")
        assert 200 == answer.status


async def test_an_unknown_outcome_is_told_without_its_cause(tmp_path: Path) -> None:
    async with idle_server(tmp_path) as idle:
        start(idle.log)
        assert 201 == (await post(idle.url, json_body(record(1)))).status
        # Another hand in the journal: the head is not the one that was signed here.
        journal = sqlite3.connect(idle.log.stores.folder.layout.journal, timeout=60)
        journal.execute("UPDATE head SET note = x'00'")
        journal.commit()
        journal.close()
        answer = await post(idle.url, json_body(record(2)))
        require_retry(answer, "outcome-unknown")
        assert isinstance(idle.log.lifeline.failure, FatalError)
        assert str(idle.log.lifeline.failure).encode() not in answer.body
        readiness = await ask(idle.url, "/readyz")
        assert (503, False) == (readiness.status, readiness.json()["journal_writable"])
        assert 200 == (await ask(idle.url, "/healthz")).status
        require_retry(await post(idle.url, json_body(record(3))), "busy")


@pytest.mark.parametrize(
    "target",
    [
        *("/api/v1/entries/3", "/api/v1/entries?start=0&end=300"),
        *("/api/v1/proof/inclusion?index=3", "/api/v1/proof/consistency?old=3"),
        *("/tile/0/000.p/3", "/tile/entries/000.p/3", "/tile/0/000"),
    ],
)
async def test_a_damaged_folder_is_told_without_its_place(
    tmp_path: Path, target: str
) -> None:
    async with filled_log(tmp_path / "log") as filled:
        shutil.rmtree(tmp_path / "log" / "public" / "tile")
        answer = await ask(filled.url, target)
    assert (500, "application/problem+json") == (answer.status, answer.media_type)
    assert "corrupt" == answer.json()["type"]
    require_documented("GET", target, answer)
    assert b"tile" not in answer.body
    assert str(tmp_path).encode() not in answer.body


async def test_what_was_accepted_is_answered_when_the_server_stops(
    tmp_path: Path,
) -> None:
    async with idle_server(tmp_path) as idle:
        accepted = asyncio.create_task(post(idle.url, json_body(*records(0, 2))))
        await until(lambda: idle.log.submitting.pool.waiting_entries == 2)
        stopping = asyncio.create_task(idle.server.stop())
        start(idle.log)
        assert 201 == (await accepted).status
        await stopping
    async with running_log(tmp_path) as (_, log):
        assert 2 == log.heads.signed.size


async def test_before_the_first_publication_there_is_no_checkpoint(
    tmp_path: Path,
) -> None:
    async with idle_server(tmp_path) as idle:
        answer = await ask(idle.url, "/checkpoint")
        assert (404, "not-found") == (answer.status, answer.json()["type"])
        assert "no checkpoint is published yet" == answer.json()["detail"]
        readiness = await ask(idle.url, "/readyz")
        assert (503, False) == (readiness.status, readiness.json()["head_signed"])
