"""HTTP: what is retried, for how long, and what a hostile peer gets away with."""

import asyncio
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
import stamina
from aiohttp import web
from aiohttp.client_reqrep import ConnectionKey
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from tests.support.cases import in_one_test
from tests.tlogclient.fake_log import FakeLog, entry, problem
from tlogclient import LogClient, RefusedError, UnavailableError
from tlogclient.retries import NoRoomError, last_failure, plan_retry
from tlogclient.transport import Transport
from tlogverify import FormatError, ProofError, TlogError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TOKEN = "s3cret"
REFUSAL = RefusedError("busy", "no", status=503)


def no_room(retry_after_s: float | None) -> NoRoomError:
    return NoRoomError(REFUSAL, retry_after_s)


def wrong_certificate() -> aiohttp.ClientConnectorCertificateError:
    key = ConnectionKey("log.example", 443, True, True, None, None, None)
    return aiohttp.ClientConnectorCertificateError(
        key, ssl.SSLCertVerificationError("not the log's")
    )


def answer(response: Callable[[], web.Response]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return response()

    return handle


async def cut_off(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def cut_within(request: web.Request) -> web.StreamResponse:
    """Close the connection in the middle of the answer."""
    response = web.StreamResponse(headers={"Content-Length": "100"})
    response.content_type = "application/json"
    await response.prepare(request)
    await response.write(b'{"origin":')
    assert request.transport is not None
    request.transport.abort()
    return response


@pytest.mark.parametrize(
    "error",
    [
        no_room(None),
        TimeoutError(),
        aiohttp.ServerTimeoutError(),
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientPayloadError(),
        aiohttp.ClientOSError(),
    ],
)
def test_a_passing_failure_is_retried_with_backoff(error: Exception) -> None:
    assert plan_retry(error, 1.0) is True


@pytest.mark.parametrize(
    "error",
    [REFUSAL, FormatError("rule"), ProofError("no"), ValueError(), wrong_certificate()],
)
def test_what_a_retry_cannot_mend_is_not_retried(error: Exception) -> None:
    assert plan_retry(error, 60.0) is False


def test_a_wish_for_a_pause_is_met_and_spread() -> None:
    waits = {plan_retry(no_room(4.0), 60.0) for _ in range(50)}
    assert len(waits) > 1
    assert all(4.0 <= wait <= 5.0 for wait in waits)


def test_a_pause_for_which_there_is_no_time_ends_the_request() -> None:
    assert plan_retry(no_room(10.0), 9.0) is False


@pytest.mark.parametrize(
    "failure",
    [
        cut_off,
        cut_within,
        *(problem(status, "busy") for status in (429, 502, 503, 504)),
        answer(lambda: web.Response(status=502, text="<html>proxy</html>")),
    ],
)
async def test_a_submit_outlives_passing_failures(
    fake: FakeLog, failure: Handler
) -> None:
    fake.instead.extend([failure, failure])
    async with LogClient(fake.url, fake.policy) as log:
        (proof,) = await log.submit([entry(0)])
    assert proof.index == 0
    assert len(fake.requests) >= 3


async def test_a_submit_whose_answer_was_lost_gets_the_same_index(
    fake: FakeLog,
) -> None:
    async def accept_and_cut(request: web.Request) -> web.StreamResponse:
        fake.submit([entry(0)])
        return await cut_off(request)

    fake.instead.append(accept_and_cut)
    async with LogClient(fake.url, fake.policy) as log:
        (proof,) = await log.submit([entry(0)])
    assert proof.index == 0
    assert fake.entries == [entry(0)]


async def test_retry_after_takes_the_place_of_the_backoff(fake: FakeLog) -> None:
    waits: list[float] = []

    def note_wait(details: RetryDetails) -> None:
        waits.append(details.wait_for)

    fake.instead.append(problem(429, "rate", Retry_After="0"))
    stamina.set_testing(False)
    set_on_retry_hooks([note_wait])
    try:
        async with LogClient(fake.url, fake.policy) as log:
            await log.submit([entry(0)])
    finally:
        set_on_retry_hooks(None)
    assert waits == [0.0]


async def test_a_longer_pause_than_the_patience_ends_it_at_once(fake: FakeLog) -> None:
    fake.instead.append(problem(503, "full", Retry_After="3600"))
    async with LogClient(fake.url, fake.policy, timeout_s=50) as log:
        with pytest.raises(UnavailableError) as raised:
            await log.submit([entry(0)])
    assert len(fake.requests) == 1
    assert isinstance(raised.value.__cause__, RefusedError)
    assert raised.value.__cause__.type == "full"


async def test_attempts_are_counted(fake: FakeLog) -> None:
    fake.instead.extend([problem(503, "full")] * 5)
    async with LogClient(fake.url, fake.policy, attempts=3) as log:
        with pytest.raises(UnavailableError, match="full"):
            await log.submit([entry(0)])
    assert len(fake.requests) == 3


async def test_no_connection_is_unavailable() -> None:
    log = FakeLog()
    async with log.serve():
        pass
    async with LogClient(log.url, log.policy, attempts=2) as client:
        with pytest.raises(UnavailableError) as raised:
            await client.checkpoint()
    assert isinstance(raised.value.__cause__, aiohttp.ClientConnectorError)


async def test_a_log_that_never_answers_is_unavailable(fake: FakeLog) -> None:
    fake.gate.clear()
    async with LogClient(fake.url, fake.policy, timeout_s=0.02) as log:
        with pytest.raises(UnavailableError, match="TimeoutError"):
            await log.submit([entry(0)])


def test_time_that_runs_out_in_a_retry_blames_what_was_retried() -> None:
    lost, late = aiohttp.ServerDisconnectedError(), TimeoutError()
    assert last_failure(late, [lost, no_room(1.0)]) is REFUSAL
    assert last_failure(late, [no_room(1.0), lost]) is lost
    assert last_failure(late, []) is late
    assert last_failure(lost, [no_room(1.0)]) is lost


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500])
async def test_a_refusal_is_not_retried(fake: FakeLog, status: int) -> None:
    fake.instead.append(problem(status, "token"))
    async with LogClient(fake.url, fake.policy) as log:
        with pytest.raises(RefusedError) as raised:
            await log.prove(0)
    error = raised.value
    assert (error.type, error.detail, error.status) == ("token", "no", status)
    assert error.position is None
    assert len(fake.requests) == 1


async def test_entries_whose_proof_is_to_come_are_asked_for_again(
    fake: FakeLog,
) -> None:
    fake.instead.append(answer(lambda: web.Response(status=202)))
    async with LogClient(fake.url, fake.policy) as log:
        assert 0 == (await log.submit_one(entry(0))).index


@pytest.mark.parametrize("status", [204, 301, 302, 307, 308])
async def test_no_other_success_and_no_redirect_is_followed(
    fake: FakeLog, status: int
) -> None:
    headers = {"Location": f"{fake.url}/api/v1/entries"}
    fake.instead.append(answer(lambda: web.Response(status=status, headers=headers)))
    async with LogClient(fake.url, fake.policy) as log:
        with pytest.raises(FormatError, match="status"):
            await log.submit([entry(0)])
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(lambda: web.Response(text="{}"), id="text"),
        pytest.param(lambda: web.Response(body=b"{}"), id="bytes"),
        pytest.param(lambda: web.json_response([]), id="array"),
        pytest.param(
            lambda: web.Response(body=b"[" * 200_000, content_type="application/json"),
            id="deep",
        ),
        pytest.param(
            lambda: web.json_response({}, headers={"Content-Encoding": "gzip"}),
            id="compressed",
        ),
        pytest.param(
            lambda: web.Response(
                body=b" " * (3 << 20), content_type="application/json"
            ),
            id="huge",
        ),
    ],
)
async def test_a_hostile_answer_is_malformed_and_not_retried(
    fake: FakeLog, response: Callable[[], web.Response]
) -> None:
    fake.instead.append(answer(response))
    async with LogClient(fake.url, fake.policy) as log:
        with pytest.raises(FormatError):
            await log.submit([entry(0)])
    assert len(fake.requests) == 1


async def test_an_endless_answer_is_cut(fake: FakeLog) -> None:
    async def pour(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "application/json"
        await response.prepare(request)
        try:
            while True:
                await response.write(b" " * 65_536)
        except ConnectionError:
            return response

    fake.instead.append(pour)
    async with LogClient(fake.url, fake.policy) as log:
        with pytest.raises(FormatError, match="at most"):
            await log.submit([entry(0)])
        await log.submit([entry(0)])


async def test_a_lie_is_not_retried(fake: FakeLog) -> None:
    fake.lie = lambda claim: claim["range"].update(left=["A" * 43 + "="])
    async with LogClient(fake.url, fake.policy) as log:
        with pytest.raises(ProofError):
            await log.submit([entry(0)])
    assert len(fake.requests) == 1


async def test_the_request_says_who_asks(fake: FakeLog) -> None:
    async with LogClient(f"{fake.url}/", fake.policy, token=TOKEN) as log:
        await log.submit([entry(0)])
    (request,) = fake.requests
    assert (request.method, request.path) == ("POST", "/log/api/v1/entries")
    assert request.headers["User-Agent"].startswith("tlogclient/")
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Accept-Encoding"] == "identity"


async def test_no_proxy_of_the_environment_is_used(
    fake: FakeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with LogClient(fake.url, fake.policy) as log:
        await log.checkpoint()


async def test_closing_twice_is_closing_once(fake: FakeLog) -> None:
    transport = Transport(fake.url, token=None, attempts=1, timeout_s=1)
    await transport.open()
    await transport.close()
    await transport.close()


async def test_cookies_are_not_kept(fake: FakeLog) -> None:
    fake.instead.append(problem(400, "token", Set_Cookie="a=b"))
    async with LogClient(fake.url, fake.policy) as log:
        with pytest.raises(RefusedError):
            await log.checkpoint()
        await log.checkpoint()
    assert "Cookie" not in fake.requests[1].headers


@asynccontextmanager
async def raw_server(reply: bytes) -> AsyncIterator[str]:
    """Answer each connection with `reply`, whatever it asks."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", id="no-http"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", id="length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 99_999 + b"\r\n", id="header"),
    ],
)
async def test_broken_http_is_malformed_and_the_token_stays_secret(
    reply: bytes,
) -> None:
    async with raw_server(reply) as url:
        client = LogClient(url, FakeLog().policy, token=TOKEN, attempts=2)
        async with client:
            with pytest.raises(TlogError) as raised:
                await client.checkpoint()
    assert isinstance(raised.value, FormatError)
    shown = "".join(traceback.format_exception(raised.value))
    linked: BaseException | None = raised.value
    while linked is not None:
        shown += repr(linked)
        linked = linked.__cause__ or linked.__context__
    assert TOKEN not in shown + repr(client) + str(client)


@in_one_test(
    "url",
    [
        "",
        "http://",
        "log.example",
        "ftp://log.example",
        "http://a:b@log.example",
        "http://log.example/?q",
        "http://log.example/#f",
        "http://log.example:99999",
        "http://log.example:0",
        "http://log example",
        "http://log.example/a b",
        "http://[::1",
        "127.0.0.1:8080",
        "file:///srv/log",
    ],
)
def test_a_url_that_is_no_prefix_is_a_mistake(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        Transport(url, token=None, attempts=1, timeout_s=1)


def test_a_urls_password_is_not_shown() -> None:
    with pytest.raises(ValueError, match=r"log\.example") as raised:
        Transport("ftp://a:s3cret@log.example", token=None, attempts=1, timeout_s=1)
    assert "s3cr" not in str(raised.value)


@pytest.mark.parametrize(
    "token", ["s3cret s3cret", "s3cret\r\nb", "s3crét", "s3cret\n"]
)
def test_a_token_that_no_header_can_hold_is_a_mistake_and_not_shown(
    token: str,
) -> None:
    with pytest.raises(ValueError, match="bearer") as raised:
        Transport("http://log.example", token=token, attempts=1, timeout_s=1)
    assert "s3cr" not in str(raised.value)


def test_an_empty_token_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="bearer"):
        Transport("http://log.example", token="", attempts=1, timeout_s=1)


@pytest.mark.parametrize(("attempts", "timeout_s"), [(0, 1), (1, 0), (1, -1)])
def test_no_attempt_or_no_time_is_a_mistake(attempts: int, timeout_s: float) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Transport("http://a", token=None, attempts=attempts, timeout_s=timeout_s)


async def test_a_refusal_of_any_length_is_still_one(fake: FakeLog) -> None:
    kind = "application/problem+json"
    fake.instead.append(
        answer(lambda: web.Response(status=400, body=b" " * 99_999, content_type=kind))
    )
    async with LogClient(fake.url, fake.policy) as log:
        with pytest.raises(RefusedError, match="about:blank"):
            await log.checkpoint()
