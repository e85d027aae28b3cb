"""The lean way in answers as aiohttp does, to the byte, or lets aiohttp answer.

Streams of requests, whole and broken, in any pieces: what the client sees, whether the
connection ends and what is counted must be the same with the lean way in front.
"""

import itertools
import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cases import case
from tests.tlog.http.both_ways import outcomes

HOST = b"Host: log.example\r\n"
JSON = b"Content-Type: application/json\r\n"


def get(target: bytes, *lines: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\n%b%b\r\n" % (target, HOST, b"".join(lines))


def store(body: bytes, *lines: bytes, target: bytes = b"/store") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body)
    head = b"POST %b HTTP/1.1\r\n%b%b" % (target, HOST, length)
    return b"%b%b\r\n%b" % (head, b"".join(lines) or JSON, body)


CLOSE = b"Connection: close\r\n"

# Each may be taken for the lean way's, and must be read as aiohttp reads it.
SMUGGLED = [
    store(b"ab")[:-2] + b"GET /read HTTP/1.1\r\nHost: a\r\n\r\n",
    store(b"ab", JSON, b"Content-Length: 2\r\n"),
    store(b"ab", JSON, b"Content-Length: 3\r\n"),
    store(b"ab", JSON, b"content-length: 2\r\n"),
    store(b"ab", JSON, b"Content-Length : 2\r\n"),
    store(b"ab", JSON, b"Transfer-Encoding: chunked\r\n"),
    store(b"0\r\n\r\n", JSON, b"Transfer-Encoding: chunked\r\n"),
    store(b"0\r\n\r\n", JSON, b"Transfer-Encoding : chunked\r\n"),
    store(b"0\r\n\r\n", JSON, b"transfer_encoding: chunked\r\n"),
    store(b"ab", JSON, b"X: a\r\n Transfer-Encoding: chunked\r\n"),
    store(b"ab", JSON, b"Accept: a\nTransfer-Encoding: chunked\r\n"),
    store(b"ab", JSON, b"Accept: a\rTransfer-Encoding: chunked\r\n"),
    store(b"ab", JSON, b"Accept: a\x00\r\n"),
    store(b"ab", JSON, b"Accept:\x0ba\r\n"),
    store(b"ab", b"Content-Type: application/json\r\n", b"Host: b\r\n"),
    store(b"ab", JSON, b"Expect: 100-continue\r\n"),
    store(b"ab", JSON, b"Expect: nonsense\r\n"),
    store(b"ab", JSON, b"Upgrade: websocket\r\nConnection: Upgrade\r\n"),
    store(b"ab", JSON, b"Connection: keep-alive, close\r\n"),
    store(b"ab", JSON, b"Connection: Close\r\n"),
    store(b"ab", JSON, b"Connection: close\r\nConnection: keep-alive\r\n"),
    store(b"ab", JSON, b"Content-Encoding: gzip\r\n"),
    store(b"ab", JSON, b"Content-Encoding: identity\r\n"),
    store(b"ab", b"Content-Type: Application/JSON; charset=utf-8\r\n"),
    store(b"ab", b"Content-Type: application/json,text/plain\r\n"),
    store(b"ab", JSON, JSON),
    store(b"", JSON),
    store(b"ab", JSON).replace(b": 2", b": +2"),
    store(b"ab", JSON).replace(b": 2", b": 02"),
    store(b"ab", JSON).replace(b": 2", b": 0x2"),
    store(b"ab", JSON).replace(b": 2", b": 2 "),
    store(b"ab", JSON).replace(b": 2", b": 2, 2"),
    store(b"ab", JSON).replace(b": 2", b": 1"),
    store(b"ab", JSON).replace(b": 2", b": 99999999999999999999"),
    store(b"ab", JSON).replace(b"Content-Length: 2\r\n", b""),
    store(b"ab", JSON).replace(b"HTTP/1.1", b"HTTP/1.0"),
    store(b"ab", JSON).replace(b"HTTP/1.1\r\n", b"HTTP/1.1\n"),
    store(b"ab", JSON).replace(b"\r\n", b"\n"),
    store(b"ab", JSON).replace(b"POST ", b"POST  "),
    store(b"ab", JSON).replace(b"POST", b"post"),
    b"\r\n" + store(b"ab"),
    store(b"ab") + b"\r\n",
    store(b"ab", target=b"http://log.example/store"),
    store(b"ab", target=b"/./store"),
    store(b"ab", target=b"//store"),
    store(b"ab", target=b"/store/"),
    store(b"ab", target=b"/stor%65"),
    store(b"ab", target=b"/store#x"),
    store(b"ab", target=b"/store?"),
    store(b"ab", target=b"/store?a=b&a=b"),
    get(b"/read", b"Content-Length: 0\r\n"),
    get(b"/read", b"Content-Length: 2\r\n") + b"ab",
    get(b"/read", b"Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n",
    get(b"/read").replace(HOST, b""),
    get(b"/read").replace(HOST, b"Host: \r\n"),
    get(b"/read").replace(HOST, b"Host: a b\r\n"),
    get(b"/read").replace(HOST, b"Host: a/b@c\r\n"),
    get(b"/read", b"X-Forwarded-For: a\r\n", b"X-Forwarded-For: b\r\n"),
    get(b"/read", b"Range: bytes=0-0\r\n"),
    get(b"/read", b"Accept: \r\n"),
    get(b"/read", b"Accept:text/plain\r\n"),
    get(b"/read", b"Accept:  text/plain \t\r\n"),
    get(b"/read", b"Accept: \xff\r\n"),
    get(b"/read", b"Accept: %b\r\n" % (b"a" * 9_000)),
    get(b"/read", b"Sec-WebSocket-Key1: a\r\n"),
    get(b"/read").replace(b"GET", b"HEAD"),
]

PLAIN = [
    *(get(b"/read"), get(b"/read?index=1&size=2"), get(b"/read?index=1&index=1")),
    *(get(b"/later"), get(b"/fails"), get(b"/breaks"), get(b"/nowhere"), get(b"/cold")),
    *(get(b"/kept"), get(b"/kept", b'If-None-Match: "a"\r\n'), get(b"/tile/0/000")),
    get(b"/kept", b'If-None-Match: "' + b"0" * 32 + b'"\r\n'),
    get(b"/kept", b"If-None-Match: *\r\n"),
    *(get(b"/tile/"), get(b"/tile"), get(b"/read", CLOSE), get(b"/later", CLOSE)),
    get(b"/read", b"accept: text/plain\r\nUser-Agent: a (b; c) d/1.0\r\n"),
    get(b"/read", b"connection: Keep-Alive\r\nX-Forwarded-For: a, b\r\n"),
    *(store(b"ab"), store(b"bad"), store(b"ab", CLOSE), store(b"", JSON)),
    *(store(b"ab", b"Content-Type: text/html\r\n"), store(b"a" * 70_000)),
    *(store(b"ab", target=b"/slow"), store(b"ab", target=b"/cold")),
    store(b"ab", target=b"/read"),
    store(b"ab", JSON, b"X-Forwarded-For: 192.0.2.7\r\nAuthorization: Bearer a\r\n"),
]
KNOWN = re.compile(rb"(?<=Etag: )[^\r]*")


def require_equal(pieces: Sequence[bytes], pause: int = 40) -> bytes:
    plain, lean = outcomes(pieces, pause)
    assert plain == lean
    return lean.written


def test_a_request_of_any_form_is_answered_as_by_aiohttp() -> None:
    for request in [*PLAIN, *SMUGGLED]:
        with case(repr(request[:200])):
            require_equal([request])
            require_equal([request, get(b"/read", CLOSE)])


def test_a_smuggled_request_is_seen_by_neither_or_by_both() -> None:
    hidden = get(b"/kept")
    for request in SMUGGLED:
        with case(repr(request[:200])):
            require_equal([request + hidden])
            require_equal([request, hidden], pause=0)
            require_equal([get(b"/read") + request, hidden])


def test_a_body_that_looks_like_a_request_is_a_body() -> None:
    """Who answers before the body has come still knows where it ends."""
    hidden = get(b"/kept")
    for target in (b"/slow", b"/store", b"/nowhere", b"/cold"):
        for lines in (JSON, b"Content-Type: text/html\r\n"):
            whole = store(hidden, lines, target=target)
            head = whole[: -len(hidden)]
            with case(repr(head)):
                require_equal([head, hidden])
                require_equal([head, hidden, hidden])
                require_equal([head, hidden[:9], hidden[9:], hidden])
                require_equal([whole, hidden])


def test_where_a_request_is_cut_makes_no_difference() -> None:
    for request in (get(b"/read"), store(b"abc"), store(b"bad", CLOSE)):
        for cut in range(1, len(request)):
            with case(str(cut)):
                require_equal([request[:cut], request[cut:]], pause=cut % 2 * 40)
        require_equal([bytes([byte]) for byte in request], pause=0)


def test_a_known_etag_is_304_by_both() -> None:
    found = KNOWN.search(require_equal([get(b"/kept")]))
    assert found is not None
    for etag in (found[0], b"W/" + found[0]):
        written = require_equal([get(b"/kept", b"If-None-Match: %b\r\n" % etag)])
        assert written.startswith(b"HTTP/1.1 304 Not Modified\r\n")


def test_what_comes_in_turns_is_answered_in_order_by_either_way() -> None:
    """A connection changes sides as often as its requests ask for it."""
    order = [get(b"/read"), get(b"/cold"), store(b"ab"), store(b"x", target=b"/cold")]
    order += [get(b"/later"), get(b"/nowhere"), get(b"/kept"), get(b"/read", CLOSE)]
    written = require_equal(order)
    assert 8 == written.count(b"HTTP/1.1 ")
    require_equal(order, pause=0)
    require_equal([b"".join(order)])


ODD = [b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"\x00", b"\xff", b"%", b"0", b"?"]
ODD += [b"chunked", b"Transfer-Encoding: chunked\r\n", b"\r\n\r\n", b"GET ", b"1"]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return a request with up to three places changed."""
    request = draw(st.sampled_from([*PLAIN, *SMUGGLED]))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, min(len(request), 400)))
        gone = draw(st.integers(0, 3))
        new = draw(st.sampled_from([b"", *ODD]) | st.binary(max_size=2))
        request = request[:at] + new + request[at + gone :]
    return request


@st.composite
def pieces(draw: st.DrawFn) -> list[bytes]:
    """Return one to four requests, cut anywhere."""
    stream = b"".join(draw(st.lists(mutated(), min_size=1, max_size=4)))
    near = st.integers(0, min(len(stream), 900))
    cuts = sorted({0, len(stream), *draw(st.lists(near, max_size=6))})
    return [stream[a:b] for a, b in itertools.pairwise(cuts)]


@settings(max_examples=300)
@given(pieces(), st.sampled_from([0, 1, 40]))
def test_any_stream_has_the_same_answers_and_the_same_end(
    received: list[bytes], pause: int
) -> None:
    require_equal(received, pause)


@pytest.mark.parametrize("noise", [b"\x80" * 200, b"garbage", b"\x16\x03\x01\x02"])
def test_what_is_no_http_is_handed_over_at_once(noise: bytes) -> None:
    assert require_equal([noise + b"\r\n\r\n"]).startswith(b"HTTP/1.0 400 ")


def test_a_route_is_asked_whether_it_is_ready_for_each_request() -> None:
    written = require_equal([store(b"ab", target=b"/turns")] * 5)
    assert 5 == written.count(b"HTTP/1.1 201 ")


def test_answers_of_one_route_keep_their_own_heads() -> None:
    found = KNOWN.search(require_equal([get(b"/kept")]))
    assert found is not None
    pieces = [
        *(get(b"/kept"), get(b"/kept", b"If-None-Match: %b\r\n" % found[0])),
        *(get(b"/kept", b'If-None-Match: "other"\r\n'), get(b"/read?index=1")),
        *(get(b"/read?index=1&index=1"), get(b"/read"), store(b"ab")),
        *(store(b"bad"), store(b"ab", JSON, CLOSE)),
    ]
    statuses = re.findall(rb"HTTP/1\.1 ([0-9]+) ", require_equal(pieces))
    assert b"200 304 200 200 400 200 201 400 201" == b" ".join(statuses)
