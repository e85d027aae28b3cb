"""What Sigstore's clients are told when an entry is not logged: shape, code, reason."""

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.cosigned import NOWHERE, TOLD, policy_of, some_witnesses
from tests.support.http import ask, exchange
from tests.support.rekor import (
    P256,
    b64,
    body_of,
    certificate,
    hashedrekord,
    private_key,
)
from tests.support.rekor_client import ORIGIN, PATH, Client, require_error
from tests.support.running import published, running_log, until
from tests.tlog.log.api.test_unavailable import idle_server, start
from tlog.errors import FatalError


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with running_log(tmp_path / "log", origin=ORIGIN, sigstore=True) as running:
        yield Client(*running)


MALFORMED = [
    (b"", "the body is not JSON"),
    (b"\x1f\x8b\x08", "the body is not JSON"),
    (b"[]", "the body is an object"),
    (b"{}", "the body is one of hashedRekordRequestV002, dsseRequestV002"),
    (b'{"entries":[]}', "the body has an unknown member: found 'entries'"),
    (b'{"hashedRekordRequestV002":{}}', "signature is missing"),
    (b"[" * 15_000, "a body has at most 512 brackets and commas"),
    (b'{"a":[' + b"[]," * 1_000_000 + b"[]]}", "at most 512 brackets and commas"),
    (b" " * 20_000 + b"{", "the body is not JSON"),
]


@pytest.mark.parametrize(("body", "reason"), MALFORMED)
async def test_what_is_malformed_is_400_and_says_why(
    client: Client, body: bytes, reason: str
) -> None:
    require_error(await client.post(body), 400, 3, reason)
    assert 1 == client.log.heads.signed.size


async def test_a_signature_that_does_not_hold_is_400_and_says_so(
    client: Client,
) -> None:
    request = hashedrekord(b"an artifact")
    request["hashedRekordRequestV002"]["digest"] = b64(bytes(32))
    reason = "the signature is not of this key and digest"
    require_error(await client.post(body_of(request)), 400, 3, reason)
    assert b"invalid-request" in client.log.metrics.render()


async def test_a_coded_body_is_415(client: Client) -> None:
    answer = await client.post(b"{}", content_encoding="gzip")
    require_error(answer, 415, 3, "a body is JSON, and not encoded")


@pytest.mark.parametrize(
    ("form", "limit"), [("reject", 256 << 10), ("legacy", 4 << 20)]
)
@pytest.mark.parametrize("is_chunked", [False, True], ids=["stated", "chunked"])
async def test_a_body_above_its_bound_is_413(
    tmp_path: Path, form: str, limit: int, is_chunked: bool
) -> None:
    changes = {"origin": ORIGIN, "sigstore": True, "sigstore_dsse": form}
    async with running_log(tmp_path / "log", **changes) as (url, log):
        client = Client(url, log)
        for size, expected in ((limit, 400), (limit + 1, 413)):
            body = b" " * size
            if is_chunked:
                head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                head += f"Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n"
                received = await exchange(url, head.encode() + body + b"\r\n0\r\n\r\n")
                assert f"HTTP/1.1 {expected} ".encode() == received[:13]
                if expected == 413:
                    assert f"at most {limit} bytes".encode() in received
            elif expected == 413:
                reason = f"a body has at most {limit} bytes"
                require_error(await client.post(body), 413, 8, reason)
            else:
                require_error(await client.post(body), 400, 3, "the body is not JSON")


@pytest.mark.parametrize("token", ["", "Bearer unknown"])
async def test_a_log_of_tokens_asks_for_one(tmp_path: Path, token: str) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{hashlib.sha256(b'known').hexdigest()} ci\n")
    changes = {"origin": ORIGIN, "sigstore": True, "tokens_file": tokens}
    async with running_log(tmp_path / "log", **changes) as (url, log):
        client, body = Client(url, log), body_of(hashedrekord(b"an artifact"))
        answer = await client.post(body, authorization=token)
        require_error(answer, 401, 16, "submitting needs a known bearer token")
        assert "Bearer" == answer.headers["www-authenticate"]
        assert 201 == (await client.post(body, authorization="Bearer known")).status


async def test_a_client_that_submits_too_fast_is_429(tmp_path: Path) -> None:
    changes = {"origin": ORIGIN, "sigstore": True}
    rates = {"rate_entries_per_s": 1, "rate_burst_entries": 2}
    async with running_log(tmp_path / "log", **changes, **rates) as (url, log):
        client, body = Client(url, log), body_of(hashedrekord(b"an artifact"))
        # What cannot be parsed or verified is an entry too: it costs as much.
        bad = b'{"hashedRekordRequestV002":{}}'
        require_error(await client.post(bad), 400, 3, "signature is missing")
        assert 201 == (await client.post(body)).status
        answer = await client.post(body)
        require_error(answer, 429, 8, "")
        assert int(answer.headers["retry-after"]) > 0


async def test_a_frozen_log_is_405_in_plain_text(tmp_path: Path) -> None:
    changes = {"origin": ORIGIN, "sigstore": True}
    request = hashedrekord(b"an artifact")
    async with running_log(tmp_path / "log", **changes) as (url, log):
        await Client(url, log).submit(request)
    async with running_log(tmp_path / "log", **changes, frozen=True) as (url, log):
        answer = await Client(url, log).post(body_of(request))
        assert (405, "text/plain") == (answer.status, answer.media_type)
        assert b"this log is frozen: submit to the one after it\n" == answer.body
        assert "GET, HEAD" == answer.headers["allow"]
        assert 200 == (await ask(url, "/api/v2/checkpoint")).status


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", PATH, 405, 12),
        ("POST", f"{PATH}/", 404, 5),
        ("GET", "/api/v2/log/entries/0", 404, 5),
        ("GET", "//api/v2/log/publicKey", 404, 5),
    ],
)
async def test_what_is_not_there_says_so_in_the_same_shape(
    client: Client, method: str, path: str, status: int, code: int
) -> None:
    answer = await ask(client.url, path, method=method)
    assert (status, code) == (answer.status, answer.json()["code"])


SIGSTORE = {"origin": ORIGIN, "sigstore": True}


async def test_one_bad_certificate_spoils_nobody_elses_entry(client: Client) -> None:
    """What makes a check stumble is one client's own, whatever it raises."""
    feature = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24"), b"\x30\x03\x02\x01\x63"
    )
    cert = certificate(private_key(P256), extensions=(feature,))
    bad = body_of(hashedrekord(b"bad", P256, cert))
    good = [body_of(hashedrekord(b"%d" % number)) for number in range(40)]
    mixed = [it for body in good for it in (body, bad)]
    answers = await asyncio.gather(*map(client.post, mixed))
    assert [201, 400] * 40 == [answer.status for answer in answers]


async def test_large_bodies_that_come_slowly_have_a_bound(tmp_path: Path) -> None:
    async with running_log(tmp_path / "log", **SIGSTORE) as (url, log):
        host, port = url.removeprefix("http://").split(":")
        head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {4 << 20}\r\n\r\n"
        writers = []
        for _ in range(16):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(head.encode())
            writers.append(writer)
        await until(lambda: log.submitting.checks.waiting == 16)
        answer = await Client(url, log).post(b" " * (1 << 20))
        require_error(answer, 503, 14, "too many submissions wait to be checked")
        for writer in writers:
            writer.transport.abort()
        await until(lambda: log.submitting.checks.waiting == 0)


async def test_large_bodies_that_had_room_are_answered(tmp_path: Path) -> None:
    """What was let in to be read is checked, and not asked for room again."""
    body = b" " * (4 << 20)
    async with running_log(tmp_path / "log", **SIGSTORE) as (url, log):
        host, port = url.removeprefix("http://").split(":")
        head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        opened = [await asyncio.open_connection(host, int(port)) for _ in range(16)]
        for _, writer in opened:
            writer.write(head.encode())
        await until(lambda: log.submitting.checks.waiting == 16)
        for _, writer in opened:
            writer.write(body)
        answers = await asyncio.gather(*(reader.read() for reader, _ in opened))
        for _, writer in opened:
            writer.close()
        assert {b"HTTP/1.1 400 "} == {answer[:13] for answer in answers}
        assert 0 == log.submitting.checks.waiting


async def test_a_body_under_way_at_the_end_is_answered_at_once(tmp_path: Path) -> None:
    async with running_log(tmp_path / "log", **SIGSTORE) as (url, log):
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n"
        writer.write(head.encode() + b"{")
        await until(lambda: log.submitting.checks.waiting == 1)
    received = await reader.read()
    assert b"HTTP/1.1 503 " == received[:13]
    assert b"the log is stopping" in received
    writer.close()


async def test_a_log_without_room_is_503_and_says_when_to_come_back(
    tmp_path: Path,
) -> None:
    async with idle_server(tmp_path, **SIGSTORE, max_pool_entries=1) as idle:
        client = Client(idle.url, idle.log)
        accepted = asyncio.create_task(client.submit(hashedrekord(b"one")))
        await until(lambda: idle.log.submitting.pool.is_full)
        answer = await client.post(body_of(hashedrekord(b"two")))
        require_error(answer, 503, 14, "too many entries wait for a commit")
        assert int(answer.headers["retry-after"]) >= 1
        start(idle.log)
        assert "1" == (await accepted)["logIndex"]


async def test_an_unknown_outcome_is_500_without_its_cause(tmp_path: Path) -> None:
    async with idle_server(tmp_path, **SIGSTORE) as idle:
        start(idle.log)
        client = Client(idle.url, idle.log)
        await client.submit(hashedrekord(b"one"))
        # Another hand in the journal: the head is not the one that was signed here.
        journal = sqlite3.connect(idle.log.stores.folder.layout.journal, timeout=60)
        journal.execute("UPDATE head SET note = x'00'")
        journal.commit()
        journal.close()
        answer = await client.post(body_of(hashedrekord(b"two")))
        require_error(answer, 500, 2, "the log is restarting: send it again")
        assert isinstance(idle.log.lifeline.failure, FatalError)
        assert str(idle.log.lifeline.failure).encode() not in answer.body


async def test_a_proof_that_fails_is_not_sent(tmp_path: Path) -> None:
    requests = [hashedrekord(b"%d" % number) for number in range(257)]
    async with running_log(tmp_path / "log", **SIGSTORE) as (url, log):
        await asyncio.gather(*map(Client(url, log).submit, requests))
        await published(log)
    tile = tmp_path / "log" / "public" / "tile" / "0" / "000"
    content = bytearray(tile.read_bytes())
    async with running_log(tmp_path / "log", **SIGSTORE) as (url, log):
        # Each hash is changed: whichever entry is asked for, its sibling is wrong.
        tile.write_bytes(bytes(it ^ 1 for it in content))
        answer = await Client(url, log).post(body_of(requests[0]))
        require_error(answer, 503, 14, "The entries are in the log, and no proof")
        assert b"tlog_unproven_answers_total 1.0" in log.metrics.render()


async def test_a_damaged_folder_is_503_without_its_place(tmp_path: Path) -> None:
    requests = [hashedrekord(b"%d" % number) for number in range(257)]
    async with running_log(tmp_path / "log", **SIGSTORE) as (url, log):
        await asyncio.gather(*map(Client(url, log).submit, requests))
        await published(log)
    async with running_log(tmp_path / "log", **SIGSTORE) as (url, log):
        (tmp_path / "log" / "public" / "tile" / "0" / "000").unlink()
        answer = await Client(url, log).post(body_of(requests[0]))
        require_error(answer, 503, 14, "The entries are in the log, and no proof")
        assert b"tile" not in answer.body


async def test_without_a_cosigned_head_it_is_503_and_the_entry_is_kept(
    tmp_path: Path,
) -> None:
    """A client that retries later gets the same index."""
    policy = tmp_path / "policy"
    async with some_witnesses(tmp_path, 1) as witnesses:
        policy.write_text(policy_of(witnesses, 1, w0=NOWHERE))
    changes = {**SIGSTORE, **TOLD, "witness_policy": policy, "witness_wait_ms": 1}
    request = body_of(hashedrekord(b"an artifact"))
    async with running_log(tmp_path / "log", **changes) as (url, log):
        for _ in range(2):
            answer = await Client(url, log).post(request)
            require_error(answer, 503, 14, "the entry has index 1, but no cosigned")
            assert int(answer.headers["retry-after"]) >= 1
        assert 2 == log.heads.signed.size
    async with running_log(tmp_path / "log", **SIGSTORE) as (url, log):
        answer = await Client(url, log).post(request)
        assert (201, "1") == (answer.status, answer.headers["x-log-index"])


async def test_who_leaves_within_the_body_has_submitted_nothing(client: Client) -> None:
    body = body_of(hashedrekord(b"an artifact"))
    head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
    host, port = client.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode() + body[:-1])
    await writer.drain()
    writer.transport.abort()
    assert "1" == (await client.submit(hashedrekord(b"another")))["logIndex"]


async def test_who_leaves_before_the_answer_gets_it_by_a_retry(client: Client) -> None:
    body = body_of(hashedrekord(b"an artifact"))
    head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
    host, port = client.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode() + body)
    await writer.drain()
    writer.transport.abort()
    await until(lambda: client.log.heads.signed.size == 2)
    answer = await client.post(body)
    assert (201, "1") == (answer.status, answer.headers["x-log-index"])
