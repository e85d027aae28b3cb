"""Storing a document: what is taken, and what is left behind where it is not."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from tests.support.cases import case
from tests.support.http import ask, exchange, first_answer
from tests.support.records import digest
from tests.support.running import until
from tests.tlog.documents.kept import PIECE_BYTES, Kept, keeping, named
from tlog.http import body

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_document_is_stored_once_and_served_as_it_came(kept: Kept) -> None:
    for size in (0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 900_001):
        content = b"%d" % size + b"x" * size if size else b""
        with case(f"{size} bytes"):
            index = await kept.log_entry(content)
            first = await kept.put(content, f"?entry={index}")
            again = await kept.put(content, f"?entry={index}")
            expected = {
                "digest": named(content),
                "state": "stored",
                "size": len(content),
                "entry": index,
            }
            assert (201, expected) == (first.status, first.json())
            assert (200, expected) == (again.status, again.json())
            assert content == (await kept.get(content)).body


async def test_the_entry_is_found_where_the_request_does_not_say(kept: Kept) -> None:
    content = b"found by the index"
    index = await kept.log_entry(content)
    answer = await kept.put(content)
    assert (201, index) == (answer.status, answer.json()["entry"])


async def test_bytes_with_another_digest_are_refused(kept: Kept) -> None:
    content = b"announced"
    index = await kept.log_entry(content)
    before = kept.files()
    wrong = await kept.put(b"announceD", f"?entry={index}", name=named(content))
    assert (422, "wrong-digest") == (wrong.status, wrong.json()["type"])
    assert before == kept.files()
    assert 404 == (await kept.get(content)).status


async def test_an_entry_that_names_another_document_lets_nothing_in(
    kept: Kept,
) -> None:
    content = b"not named by that entry"
    other = await kept.log_entry(b"another document")
    size = kept.log.heads.signed.size
    as_subject = await kept.log_entry(b"a third", label=content.decode())
    assert digest(content.decode()) == hashlib.sha256(content).hexdigest()
    for index in (other, as_subject, size + 7, 2**62):
        with case(f"entry {index}"):
            answer = await kept.put(content, f"?entry={index}")
            assert (422, "unnamed") == (answer.status, answer.json()["type"])
    assert 404 == (await kept.get(content)).status


async def test_requests_that_break_a_rule_are_refused(kept: Kept) -> None:
    content = b"a document"
    for status, target, headers in (
        (400, "/api/v1/documents/sha256:00", {}),
        (400, f"/api/v1/documents/{named(content).upper()}", {}),
        (400, f"/api/v1/documents/{named(content)}?entry=01", {}),
        (400, f"/api/v1/documents/{named(content)}?entry=1&entry=1", {}),
        (400, f"/api/v1/documents/{named(content)}?environment=a%20b", {}),
        (400, f"/api/v1/documents/{named(content)}?other=1", {}),
        (415, f"/api/v1/documents/{named(content)}", {"Content-Encoding": "gzip"}),
    ):
        with case(target):
            answer = await ask(
                kept.url, target, method="PUT", body=content, headers=headers
            )
            assert status == answer.status


async def test_the_bound_on_bytes_holds_to_the_byte(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log", document_bytes=300_000) as kept:
        fits, exceeds = b"a" * 300_000, b"b" * 300_001
        assert 201 == (await kept.put(fits, await said(kept, fits))).status
        over = await kept.put(exceeds, await said(kept, exceeds))
        assert (413, "too-large") == (over.status, over.json()["type"])
        # Without a length nobody can know before they have come.
        chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(exceeds), exceeds)
        head = (
            f"PUT /api/v1/documents/{named(exceeds)} HTTP/1.1\r\nHost: a\r\n"
            "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        )
        assert b"HTTP/1.1 413" in await exchange(kept.url, head.encode() + chunk)
        assert {str(stored(fits))} == kept.files()


async def said(kept: Kept, content: bytes) -> str:
    """Log a document and return the query that says where."""
    return f"?entry={await kept.log_entry(content)}"


def stored(content: bytes) -> Path:
    name = hashlib.sha256(content).hexdigest()
    return Path("stored", name[:2], name)


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(kept: Kept) -> None:
    content = b"half of it" * 100_000
    index = await kept.log_entry(content)
    before = kept.files()
    target = f"/api/v1/documents/{named(content)}?entry={index}"
    head = f"PUT {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(content)}\r\n\r\n"
    place = kept.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(place[0], int(place[1]))
    writer.write(head.encode() + content[: len(content) // 2])
    await writer.drain()
    await until(lambda: any(it.startswith("tmp/") for it in kept.files()))
    writer.transport.abort()
    await until(lambda: before == kept.files())
    assert 404 == (await kept.get(content)).status


async def test_a_body_that_comes_too_slowly_is_refused(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"slow" * 50_000
    index = await kept.log_entry(content)
    before = kept.files()
    monkeypatch.setattr(body, "_BODY_S", 0.0)
    target = f"/api/v1/documents/{named(content)}?entry={index}"
    head = f"PUT {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(content)}\r\n\r\n"
    answer = await first_answer(kept.url, head.encode() + content[:1000])
    assert (408, "slow-body") == (answer.status, answer.json()["type"])
    assert before == kept.files()


async def test_eight_writers_of_one_document_store_it_once(kept: Kept) -> None:
    content = b"eight writers" * 60_000
    index = await kept.log_entry(content)
    answers = await asyncio.gather(
        *(kept.put(content, f"?entry={index}") for _ in range(8))
    )
    assert [200] * 7 + [201] == sorted(it.status for it in answers)
    assert content == (await kept.get(content)).body
    assert not [it for it in kept.files() if it.startswith("tmp/")]


async def test_a_document_may_wait_for_its_entry(kept: Kept) -> None:
    content = b"before its entry"
    early = await kept.put(content)
    assert (202, "pending", None) == (
        early.status,
        early.json()["state"],
        early.json()["entry"],
    )
    assert 404 == (await kept.get(content)).status
    await kept.log_entry(content)
    assert content == (await kept.get(content)).body
    assert 200 == (await kept.put(content)).status
    assert not [it for it in kept.files() if it.startswith("pending/")]


async def test_what_waits_is_bounded(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log", document_pending_bytes=10) as kept:
        assert 202 == (await kept.put(b"12345")).status
        assert 202 == (await kept.put(b"1234567890"[5:])).status
        full = await kept.put(b"1")
        assert (503, "busy") == (full.status, full.json()["type"])
        # The same one again takes no more room.
        assert 202 == (await kept.put(b"12345")).status
        # Its entry lets it in, whatever waits.
        assert 201 == (await kept.put(b"1", await said(kept, b"1"))).status


async def test_a_log_may_take_no_document_before_its_entry(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log", document_pending_bytes=0) as kept:
        early = await kept.put(b"early")
        assert (422, "unnamed") == (early.status, early.json()["type"])


async def test_storing_asks_for_the_token_and_reading_for_none(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{hashlib.sha256(b'secret').hexdigest()} ci\n")
    changes = {"tokens_file": tokens, "rate_entries_per_s": 1, "rate_burst_entries": 2}
    async with keeping(tmp_path / "log", **changes) as kept:
        content, known = b"guarded", {"Authorization": "Bearer secret"}
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            refused = await kept.put(content, headers=headers)
            assert (401, "unauthorized") == (refused.status, refused.json()["type"])
        assert 202 == (await kept.put(content, headers=known)).status
        assert 202 == (await kept.put(content, headers=known)).status
        # A document counts as an entry.
        assert 429 == (await kept.put(content, headers=known)).status
        assert 404 == (await kept.get(content)).status


async def test_a_log_that_keeps_no_documents_has_no_such_paths(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log", documents=False) as kept:
        for method, target in (
            ("PUT", f"/api/v1/documents/{named(b'')}"),
            ("GET", f"/api/v1/documents/{named(b'')}"),
            ("GET", f"/api/v1/attestations/{named(b'')}"),
        ):
            answer = await ask(kept.url, target, method=method, body=b"")
            assert (404, "not-found") == (answer.status, answer.json()["type"])
        told = (await ask(kept.url, "/api/v1/log")).json()
        assert False is told["doors"]["documents"]
    assert not (tmp_path / "log" / "documents").exists()
