"""Pauses that a log asks for, and answers of what is no log."""

import traceback

import pytest
from aiohttp import web

from tests.tlogclient.fake_log import FakeLog, entry, problem
from tests.tlogclient.test_transport import TOKEN, answer, raw_server
from tlogclient import LogClient, RefusedError, UnavailableError
from tlogclient.network import Network
from tlogclient.problems import parse_retry_after
from tlogverify import FormatError, TlogError


async def test_pauses_that_are_asked_for_are_no_attempts(fake: FakeLog) -> None:
    told: list[tuple[float, str]] = []
    network = Network(on_wait=lambda seconds, why: told.append((seconds, why)))
    fake.instead.extend([problem(429, "rate", Retry_After="1")] * 9)
    async with LogClient(fake.url, fake.policy, attempts=1, network=network) as log:
        await log.submit([entry(0)])
    assert len(fake.requests) == 10
    assert len(told) == 9
    assert all(1.0 <= seconds <= 1.25 and "rate" in why for seconds, why in told)


@pytest.mark.parametrize("status", [202, 429])
async def test_a_pause_of_nothing_and_a_proof_to_come_are_attempts(
    fake: FakeLog, status: int
) -> None:
    pause = "0" if status == 429 else "1"
    fake.instead.extend([problem(status, "rate", Retry_After=pause)] * 5)
    async with LogClient(fake.url, fake.policy, attempts=3) as log:
        with pytest.raises(UnavailableError):
            await log.submit([entry(0)])
    assert len(fake.requests) == 3


async def test_a_redirect_says_where_to(fake: FakeLog) -> None:
    headers = {"Location": "https://log.example/log"}
    fake.instead.append(answer(lambda: web.Response(status=301, headers=headers)))
    async with LogClient(fake.url, fake.policy) as log:
        with pytest.raises(FormatError, match=r"https://log\.example/log"):
            await log.checkpoint()


@pytest.mark.parametrize("token", ["not-found", "about:blank"])
async def test_where_no_log_is_there_is_said_to_be_none(
    fake: FakeLog, token: str
) -> None:
    fake.instead.append(problem(404, token))
    async with LogClient(fake.url, fake.policy) as log:
        with pytest.raises(RefusedError, match=f"no log at {fake.url}: "):
            await log.submit([entry(0)])


async def test_what_the_log_lacks_is_still_its_own_word(fake: FakeLog) -> None:
    fake.instead.append(problem(404, "not-found"))
    async with LogClient(fake.url, fake.policy) as log:
        with pytest.raises(RefusedError, match=r"not-found \(404\): no"):
            await log.prove(7)


DATE = "Thu, 01 Jan 2026 00:00:00 GMT"


@pytest.mark.parametrize(
    ("field", "date", "seconds"),
    [
        ("Thu, 01 Jan 2026 00:01:00 GMT", DATE, 60.0),
        ("Wed, 31 Dec 2025 23:59:59 GMT", DATE, 0.0),
        ("Thu, 01 Jan 2026 00:01:00 GMT", None, None),
        ("Thu, 01 Jan 2026 00:01:00 GMT", "today", None),
        ("Thu, 32 Jan 2026 00:01:00 GMT", DATE, None),
        ("7", DATE, 7.0),
    ],
)
def test_a_time_to_come_back_at_counts_from_the_answers_own(
    field: str, date: str | None, seconds: float | None
) -> None:
    assert parse_retry_after(field, date) == seconds


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"407 Proxy Authentication Required", RefusedError),
        (b"403 Forbidden", RefusedError),
        (b"502 Bad Gateway", UnavailableError),
    ],
)
async def test_a_proxy_that_opens_no_way_is_told_apart_from_the_log(
    line: bytes, kind: type[TlogError]
) -> None:
    async with raw_server(b"HTTP/1.1 " + line + b"\r\n\r\n") as url:
        log = LogClient(
            "https://log.example",
            FakeLog().policy,
            token=TOKEN,
            attempts=2,
            network=Network(proxy=url),
        )
        async with log:
            with pytest.raises(
                kind, match=f"the proxy says: {line[4:].decode()}"
            ) as it:
                await log.checkpoint()
    assert TOKEN not in "".join(traceback.format_exception(it.value))
