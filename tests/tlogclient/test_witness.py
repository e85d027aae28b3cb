"""WitnessClient: a real witness's answers, and what a hostile one gets away with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.cases import in_one_test
from tests.support.witnessing import (
    Served,
    histories,
    require_cosigned,
    require_subtree_cosigned,
    running_witness,
)
from tests.tlogclient.fake_log import problem
from tests.tlogverify.actors import LOG, OTHER_LOG, WITNESS
from tlogclient.cosigning import AddCheckpoint, SignSubtree
from tlogclient.errors import RefusedError, UnavailableError
from tlogclient.witness import KnownSize, WitnessClient
from tlogverify.errors import FormatError, TlogError
from tlogverify.hashing import to_hash
from tlogverify.note import MAX_NOTE_BYTES

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]
SIZE = "text/x.tlog.size"

ONE, TWO = histories(12, common=3)
LINE = WITNESS.line(ONE.head(5))


def add(old: int, size: int, history: object = ONE) -> AddCheckpoint:
    found = ONE if history is ONE else TWO
    path = tuple(map(to_hash, found.path(old, size)))
    return AddCheckpoint(old, path, found.note(size))


SUBTREE = SignSubtree(0, 1, to_hash(bytes(32)), (), b"x")


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Served]:
    async with running_witness(tmp_path / "w") as found:
        yield found


async def test_a_head_is_cosigned_read_back_and_its_subtrees_too(real: Served) -> None:
    async with WitnessClient(real.url + "/") as client:
        assert await client.checkpoint(LOG.name) is None
        lines = await client.add_checkpoint(add(0, 5))
        assert not isinstance(lines, KnownSize)
        encoded = b"".join(line.encode() for line in lines)
        require_cosigned(encoded, ONE.head(5), real.keys)
        signed = await client.checkpoint(LOG.name)
        assert ONE.note(5) + encoded == signed
        place = (2, 4, ONE.tree.mth(2, 4))
        path = tuple(map(to_hash, ONE.tree.subtree_path(2, 4, 5)))
        subtree = SignSubtree(2, 4, to_hash(place[2]), path, signed)
        (line,) = await client.sign_subtree(subtree)
        require_subtree_cosigned(line.encode(), LOG.name, place, real.keys[1])


async def test_a_stale_request_is_told_where_to_begin(real: Served) -> None:
    async with WitnessClient(real.url) as client:
        assert KnownSize(0) == await client.add_checkpoint(add(3, 5))
        await client.add_checkpoint(add(0, 5))
        told = await client.add_checkpoint(add(0, 9))
        assert KnownSize(5) == told
        assert isinstance(told, KnownSize)
        lines = await client.add_checkpoint(add(told.size, 9))
        assert not isinstance(lines, KnownSize)


async def test_a_refusal_has_its_status_and_token(real: Served) -> None:
    async with WitnessClient(real.url) as client:
        await client.add_checkpoint(add(0, 5))
        with pytest.raises(RefusedError, match="unproven") as caught:
            await client.add_checkpoint(add(5, 9, TWO))
        assert (422, "unproven") == (caught.value.status, caught.value.type)
        with pytest.raises(RefusedError, match="invalid-request"):
            await client.sign_subtree(SUBTREE)


@asynccontextmanager
async def hostile(
    answering: Answering, timeout_s: float = 30
) -> AsyncIterator[WitnessClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answering)
    async with TestServer(app) as server:
        url = str(server.make_url("/w"))
        async with WitnessClient(url, timeout_s=timeout_s) as client:
            yield client


def answer(
    status: int, body: bytes = b"", media_type: str = "text/plain", **headers: str
) -> Answering:
    told = {"Content-Type": media_type}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}

    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers=told)

    return respond


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(200):
        try:
            await response.write(LINE * 1_000)
        except ConnectionError:
            break
    return response


async def cut_within(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(2 * len(LINE))})
    await response.prepare(request)
    await response.write(LINE)
    assert request.transport is not None
    request.transport.abort()
    return response


async def no_http(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.write(b"SSH-2.0-x\r\n\r\n")
    request.transport.close()
    return web.Response()


ANSWERS: list[tuple[str, Answering, type[TlogError]]] = [
    ("nothing", answer(200), FormatError),
    ("a page", answer(200, b"<html>\n", "text/html"), FormatError),
    ("no last newline", answer(200, LINE[:-1]), FormatError),
    ("a blank line", answer(200, LINE + b"\n"), FormatError),
    ("a whole note", answer(200, ONE.note(5) + LINE), FormatError),
    ("CR", answer(200, LINE.replace(b"\n", b"\r\n")), FormatError),
    ("101 lines", answer(200, LINE * 101), FormatError),
    ("bytes that are no text", answer(200, b"\xff" * 100), FormatError),
    ("a line above the bound", answer(200, b"x" * ((1 << 17) + 1)), FormatError),
    ("without end", endless, FormatError),
    ("compressed", answer(200, LINE, Content_Encoding="gzip"), FormatError),
    ("201", answer(201, LINE), FormatError),
    ("204", answer(204), FormatError),
    ("206", answer(206, LINE), FormatError),
    ("301", answer(301, LINE, Location="/other"), FormatError),
    ("307", answer(307, LINE, Location="/other"), FormatError),
    ("308 to itself", answer(308, LINE, Location="/w/add-checkpoint"), FormatError),
    ("no HTTP", no_http, FormatError),
    ("cut short", cut_within, UnavailableError),
    ("400", answer(400), RefusedError),
    ("403", problem(403, "unproven-signature"), RefusedError),
    ("404", answer(404, b"<html>", "text/html"), RefusedError),
    ("422", problem(422, "unproven"), RefusedError),
    ("500", answer(500), RefusedError),
    ("429", problem(429, "budget", Retry_After="9"), UnavailableError),
    ("502", answer(502, b"<html>", "text/html"), UnavailableError),
    ("503", problem(503, "busy", Retry_After="9"), UnavailableError),
    ("409 without the type", answer(409, b"5\n"), RefusedError),
    ("409, a problem", problem(409, "stale"), RefusedError),
    ("409 of JSON", answer(409, b"5\n", "application/json"), RefusedError),
    ("200 with the size's type", answer(200, b"5\n", SIZE), FormatError),
    *(
        (f"409, no size: {it!r}", answer(409, it, SIZE), FormatError)
        for it in (b"", b"\n", b"5", b"5\n\n", b"5\r\n", b" 5\n", b"+5\n", b"05\n")
    ),
    ("409, a letter", answer(409, b"five\n", SIZE), FormatError),
    ("409, too large", answer(409, b"9223372036854775808\n", SIZE), FormatError),
    ("409, too long", answer(409, b"1" * 5_000 + b"\n", SIZE), FormatError),
    ("409, compressed", answer(409, b"5\n", SIZE, Content_Encoding="br"), FormatError),
]


@in_one_test(
    ("answering", "error"), [it[1:] for it in ANSWERS], ids=[it[0] for it in ANSWERS]
)
async def test_an_answer_to_a_head_is_lines_or_a_named_failure(
    answering: Answering, error: type[TlogError]
) -> None:
    async with hostile(answering) as client:
        with pytest.raises(error) as caught:
            await client.add_checkpoint(add(0, 5))
        assert error is type(caught.value)
        assert len(str(caught.value)) < 500


NO_SIZES = [it for it in ANSWERS if not it[0].startswith("409, ")]


@in_one_test(
    ("answering", "error"), [it[1:] for it in NO_SIZES], ids=[it[0] for it in NO_SIZES]
)
async def test_an_answer_to_a_subtree_is_lines_or_a_named_failure(
    answering: Answering, error: type[TlogError]
) -> None:
    async with hostile(answering) as client:
        with pytest.raises(error):
            await client.sign_subtree(SUBTREE)


async def test_a_409_is_no_size_for_a_subtree() -> None:
    async with hostile(answer(409, b"5\n", SIZE)) as client:
        with pytest.raises(RefusedError):
            await client.sign_subtree(SUBTREE)


CHECKPOINTS: list[tuple[str, Answering, type[TlogError]]] = [
    ("too large", answer(200, b"x" * (MAX_NOTE_BYTES + 1)), FormatError),
    ("a redirect", answer(302, b"x", Location="/other"), FormatError),
    ("304", answer(304), FormatError),
    ("compressed", answer(200, b"x", Content_Encoding="gzip"), FormatError),
    ("cut short", cut_within, UnavailableError),
    ("no HTTP", no_http, FormatError),
    ("403", answer(403), RefusedError),
    ("410", answer(410), RefusedError),
    ("500", answer(500), RefusedError),
    ("503", answer(503), UnavailableError),
]


@pytest.mark.parametrize(
    ("answering", "error"),
    [it[1:] for it in CHECKPOINTS],
    ids=[it[0] for it in CHECKPOINTS],
)
async def test_a_newest_head_is_read_or_a_named_failure(
    answering: Answering, error: type[TlogError]
) -> None:
    async with hostile(answering) as client:
        with pytest.raises(error):
            await client.checkpoint(OTHER_LOG.name)


async def test_a_media_types_parameters_and_case_are_no_matter() -> None:
    for media_type in (SIZE, f"{SIZE}; charset=utf-8", "TEXT/X.Tlog.Size"):
        async with hostile(answer(409, b"7\n", media_type)) as client:
            assert KnownSize(7) == await client.add_checkpoint(add(0, 5))


async def test_retry_after_is_told_to_the_caller() -> None:
    async with hostile(problem(429, "budget", Retry_After="9")) as client:
        with pytest.raises(UnavailableError) as caught:
            await client.add_checkpoint(add(0, 5))
        assert 9.0 == caught.value.retry_after_s


@pytest.mark.parametrize("after_head", [True, False])
async def test_a_witness_that_says_nothing_is_given_up(after_head: bool) -> None:
    never = asyncio.Event()

    async def silent(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if after_head:
            await response.prepare(request)
            await response.write(LINE)
        await never.wait()
        return response

    async with hostile(silent, timeout_s=0.05) as client:
        for asked in (
            client.add_checkpoint(add(0, 5)),
            client.sign_subtree(SUBTREE),
            client.checkpoint(LOG.name),
        ):
            with pytest.raises(UnavailableError, match="does not answer"):
                await asked
        never.set()


async def test_one_call_is_one_attempt() -> None:
    asked: list[str] = []

    async def busy(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=503)

    async with hostile(busy) as client:
        with pytest.raises(UnavailableError):
            await client.add_checkpoint(add(0, 5))
    assert ["/w/add-checkpoint"] == asked


async def test_no_witness_is_unavailable_and_a_closed_client_opens_again() -> None:
    client = WitnessClient("http://127.0.0.1:1")
    for _ in range(2):
        async with client:
            with pytest.raises(UnavailableError, match="does not answer"):
                await client.add_checkpoint(add(0, 5))


@pytest.mark.parametrize(
    "url", ["", "witness.example", "ftp://w", "http://", "http://u@w", "http://w?a=b"]
)
def test_a_url_that_is_none_is_a_mistake(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        WitnessClient(url)
