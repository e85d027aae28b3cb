"""Ranges and preconditions of bytes that do not change (RFC 9110, 13 and 14)."""

from hashlib import sha256

import pytest
from aiohttp import hdrs, web

from tests.support.cases import in_one_test
from tests.support.http import Answer, ask
from tests.tlog.http.served import serving
from tlog.http.exchange import asked_of, rendered
from tlog.http.respond import IMMUTABLE, Content, ranged_reply

BODY = bytes(range(100))
ETAG = f'"{sha256(BODY).hexdigest()[:32]}"'
HEADERS: dict[str, str] = {
    hdrs.CACHE_CONTROL: IMMUTABLE,
    hdrs.CONTENT_TYPE: "application/x-bytes",
}


async def answered(request: web.Request) -> web.Response:
    return rendered(ranged_reply(asked_of(request), Content.of(BODY), HEADERS))


async def get(method: str = "GET", **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with serving(web.get("/bytes", answered)) as listener:
        return await ask(listener.url, "/bytes", method=method, headers=sent)


@pytest.mark.parametrize(
    ("wanted", "first", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=0-", 0, 100),
        ("bytes=99-", 99, 100),
        ("bytes=10-19", 10, 20),
        ("bytes=90-9999999999999999999", 90, 100),
        ("bytes=-1", 99, 100),
        ("bytes=-1000", 0, 100),
        ("BYTES=5-6", 5, 7),
    ],
)
async def test_a_range_is_206(wanted: str, first: int, end: int) -> None:
    answer = await get(Range=wanted)
    assert (206, BODY[first:end]) == (answer.status, answer.body)
    assert f"bytes {first}-{end - 1}/100" == answer.headers["content-range"]
    assert (ETAG, IMMUTABLE) == (
        answer.headers["etag"],
        answer.headers["cache-control"],
    )


@in_one_test(
    "wanted",
    [
        *(
            "bytes=100-",
            "bytes=100-200",
            "bytes=5-4",
            "bytes=-0",
            "bytes=-",
            "bytes=",
            "bytes",
        ),
        *("bytes=0-1,3-4", "bytes=a-b", "bytes=+1-2", "bytes=0x1-2", "bytes=\u0661-"),
        "bytes=99999999999999999999-",
    ],
)
async def test_an_impossible_range_is_416_and_not_cached(wanted: str) -> None:
    answer = await get(Range=wanted)
    assert (416, b"") == (answer.status, answer.body)
    assert "bytes */100" == answer.headers["content-range"]
    assert "no-store" == answer.headers["cache-control"]


@pytest.mark.parametrize("wanted", ["lines=1-2", ""])
async def test_another_unit_is_passed_over(wanted: str) -> None:
    answer = await get(Range=wanted)
    assert (200, BODY) == (answer.status, answer.body)


@pytest.mark.parametrize(
    "known",
    ['"another"', f"W/{ETAG}", ETAG.strip('"'), "Thu, 26 Nov 2026 18:00:00 GMT"],
)
async def test_a_range_of_another_version_is_answered_in_full(known: str) -> None:
    answer = await get(Range="bytes=1-2", If_Range=known)
    assert (200, BODY) == (answer.status, answer.body)


async def test_a_range_of_this_version_is_206() -> None:
    answer = await get(Range="bytes=1-2", If_Range=ETAG)
    assert (206, BODY[1:3]) == (answer.status, answer.body)


async def test_a_head_has_no_range() -> None:
    answer = await get("HEAD", Range="bytes=1-2")
    assert (200, "100") == (answer.status, answer.headers["content-length"])


@pytest.mark.parametrize(
    ("wanted", "status"),
    [(ETAG, 200), ("*", 200), (f'"a", {ETAG}', 200), ('"a"', 412), (f"W/{ETAG}", 412)],
)
async def test_if_match_asks_for_this_version(wanted: str, status: int) -> None:
    answer = await get(If_Match=wanted, Range="bytes=0-99")
    assert (206 if status == 200 else status) == answer.status
    if status == 412:
        assert (b"", "no-store") == (answer.body, answer.headers["cache-control"])


@pytest.mark.parametrize("known", [ETAG, "*", f"W/{ETAG}"])
async def test_a_known_version_is_304_before_its_range_is_read(known: str) -> None:
    answer = await get(If_None_Match=known, Range="bytes=500-")
    assert (304, b"", ETAG) == (answer.status, answer.body, answer.headers["etag"])
    assert IMMUTABLE == answer.headers["cache-control"]
