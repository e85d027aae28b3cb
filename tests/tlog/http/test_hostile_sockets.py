"""Bytes that are no HTTP: aiohttp answers before any of our code is asked.

It says 400 as text/plain and shows the line that it could not read; the connection
ends, and the log does not notice.
"""

import asyncio
import os
from urllib.parse import urlsplit

import pytest

from tests.support.cases import in_one_test
from tests.support.filled import Filled
from tests.support.http import Answer, ask, exchange, parse_answer
from tests.support.records import json_body, record
from tests.support.refused import Unchanged
from tests.support.running import until

pytestmark = pytest.mark.asyncio(loop_scope="module")
BOTH_WAYS = True

POST = b"POST /api/v1/entries HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
GET = b"GET /checkpoint HTTP/1.1\r\nHost: a\r\n"

BROKEN = [
    pytest.param(b"\x00" * 64 + b"\r\n\r\n", id="zeros"),
    pytest.param(b"garbage\r\n\r\n", id="one word"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS hello"),
    pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2 preface"),
    pytest.param(b"BREW /checkpoint HTTP/1.1\r\nHost: a\r\n\r\n", id="method"),
    pytest.param(b"GET /checkpoint HTTP/9.9\r\nHost: a\r\n\r\n", id="version"),
    pytest.param(b"GET /checkpoint HTTP/1.1\r\n\r\n", id="no host"),
    pytest.param(b"GET checkpoint HTTP/1.1\r\nHost: a\r\n\r\n", id="relative path"),
    pytest.param(b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", id="byte in the path"),
    pytest.param(b"GET /?\xff=1 HTTP/1.1\r\nHost: a\r\n\r\n", id="byte in the query"),
    pytest.param(b"GET / x HTTP/1.1\r\nHost: a\r\n\r\n", id="space in the path"),
    pytest.param(GET + b"no colon\r\n\r\n", id="no colon"),
    pytest.param(GET + b"X-\xff: a\r\n\r\n", id="byte in a name"),
    pytest.param(GET + b"X : a\r\n\r\n", id="space behind a name"),
    pytest.param(GET + b"X: a\x00b\r\n\r\n", id="NUL in a value"),
    pytest.param(GET + b"X: %b\r\n\r\n" % (b"a" * 20_000), id="huge value"),
    pytest.param(GET + b"%b: a\r\n\r\n" % (b"X" * 20_000), id="huge name"),
    pytest.param(GET + b"X: a\r\n" * 2_000 + b"\r\n", id="2,000 headers"),
    pytest.param(
        b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 20_000), id="huge path"
    ),
    pytest.param(POST + b"Content-Length: -1\r\n\r\n", id="negative length"),
    pytest.param(POST + b"Content-Length: 1e3\r\n\r\n", id="length of letters"),
    pytest.param(
        POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", id="two lengths"
    ),
    pytest.param(
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        id="length and chunks",
    ),
    pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", id="chunk size"),
    pytest.param(POST + b"Transfer-Encoding: nonsense\r\n\r\n", id="transfer coding"),
]


async def is_alive(filled: Filled) -> bool:
    return (await ask(filled.url, "/healthz")).status == 200


def require_plain_refusal(answer: Answer) -> None:
    assert (400, "text/plain") == (answer.status, answer.media_type)
    assert b"Traceback" not in answer.body
    assert b'File "' not in answer.body
    assert len(answer.body) < 1_000


@in_one_test("request_bytes", BROKEN)
async def test_broken_http_is_400_and_ends_the_connection(
    filled: Filled, request_bytes: bytes
) -> None:
    with Unchanged(filled):
        require_plain_refusal(parse_answer(await exchange(filled.url, request_bytes)))
    assert await is_alive(filled)


async def test_random_bytes_are_400(filled: Filled) -> None:
    with Unchanged(filled):
        for _ in range(20):
            # High bytes and a line's end: never the start of a request.
            noise = bytes(byte | 0x80 for byte in os.urandom(200)) + b"\r\n\r\n"
            require_plain_refusal(parse_answer(await exchange(filled.url, noise)))
    assert await is_alive(filled)


async def test_an_unknown_expectation_is_417(filled: Filled) -> None:
    request = GET + b"Expect: nonsense\r\nConnection: close\r\n\r\n"
    answer = parse_answer(await exchange(filled.url, request))
    assert (417, "text/plain") == (answer.status, answer.media_type)


@pytest.mark.parametrize("cut", [1, 10, len(POST), len(POST) + 10])
async def test_a_connection_that_ends_early_changes_nothing(
    filled: Filled, cut: int
) -> None:
    body = json_body(record("cut off"))
    request = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body[:-1]
    place = urlsplit(filled.url)
    with Unchanged(filled):
        _, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(request[:cut] if cut < len(POST) else request)
        writer.close()
        await writer.wait_closed()
        assert await is_alive(filled)


async def test_who_leaves_within_the_body_is_no_fault_of_the_server(
    filled: Filled,
) -> None:
    place = urlsplit(filled.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(POST + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n")
    assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()
    with Unchanged(filled):
        for _ in range(3):
            assert await is_alive(filled)
    assert b'status="500"' not in filled.log.metrics.render()


async def test_who_leaves_before_the_answer_has_still_submitted(
    filled: Filled,
) -> None:
    body = json_body(record("left early"))
    place = urlsplit(filled.url)
    _, writer = await asyncio.open_connection(place.hostname, place.port)
    size = filled.log.heads.signed.size
    writer.write(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    await until(lambda: filled.log.heads.signed.size > size)
    writer.close()
    await writer.wait_closed()
    assert size + 1 == filled.log.heads.signed.size
    assert await is_alive(filled)


async def test_requests_in_one_connection_are_answered_in_order(
    filled: Filled,
) -> None:
    last = GET + b"Connection: close\r\n\r\n"
    first = GET.replace(b"/checkpoint", b"/nowhere") + b"\r\n"
    received = await exchange(filled.url, first * 3 + last)
    statuses = [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]
    assert [b"404", b"404", b"404", b"200"] == statuses
