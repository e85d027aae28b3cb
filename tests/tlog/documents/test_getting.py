"""Reading a document: whole, in parts, and never other bytes than its digest says."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.support.cases import case
from tests.support.http import Answer, exchange, parse_answer
from tests.tlog.documents.kept import PIECE_BYTES, Kept, keeping, named

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG = (bytes(range(251)) * 4_000)[: 3 * PIECE_BYTES + 5]
assert len(LONG) > 3 * PIECE_BYTES


async def store(kept: Kept, content: bytes) -> None:
    index = await kept.log_entry(content)
    assert (await kept.put(content, f"?entry={index}")).status in (200, 201)


async def test_the_headers_let_caches_keep_it_and_browsers_not_run_it(
    kept: Kept,
) -> None:
    content = b'{"predicate":"<script>"}'
    await store(kept, content)
    digest = hashlib.sha256(content).hexdigest()
    for method in ("GET", "HEAD"):
        answer = await kept.get(content, method=method)
        assert 200 == answer.status
        assert {
            "cache-control": "public, max-age=3600, immutable",
            "content-type": "application/octet-stream",
            "content-disposition": f'attachment; filename="{digest}"',
            "x-content-type-options": "nosniff",
            "etag": f'"{digest}"',
            "accept-ranges": "bytes",
            "content-length": str(len(content)),
            "access-control-allow-origin": "*",
        }.items() <= answer.headers.items()
        assert (content if method == "GET" else b"") == answer.body
    known = await kept.get(content, headers={"If-None-Match": f'"{digest}"'})
    assert (304, b"") == (known.status, known.body)
    other = await kept.get(content, headers={"If-Match": '"other"'})
    assert 412 == other.status


async def test_a_range_is_what_is_asked_for(kept: Kept) -> None:
    await store(kept, LONG)
    size, piece = len(LONG), PIECE_BYTES
    for asked, start, end in (
        ("0-0", 0, 1),
        ("5-9", 5, 10),
        (f"{piece - 1}-{piece}", piece - 1, piece + 1),
        (f"{piece}-{2 * piece - 1}", piece, 2 * piece),
        (f"{2 * piece + 7}-", 2 * piece + 7, size),
        ("-3", size - 3, size),
        (f"0-{size + 99}", 0, size),
    ):
        with case(asked):
            answer = await kept.get(LONG, headers={"Range": f"bytes={asked}"})
            assert (206, LONG[start:end]) == (answer.status, answer.body)
            shown = f"bytes {start}-{end - 1}/{size}"
            assert shown == answer.headers["content-range"]
    for asked in (f"{size}-", "9-5", "-0"):
        with case(asked):
            answer = await kept.get(LONG, headers={"Range": f"bytes={asked}"})
            assert (416, b"") == (answer.status, answer.body)


async def test_what_was_never_stored_is_404(kept: Kept) -> None:
    answer = await kept.get(b"never stored")
    assert (404, "no-document") == (answer.status, answer.json()["type"])
    assert "no-store" == answer.headers["cache-control"]


def tampered(answer: Answer) -> bool:
    return (500, "corrupt") == (answer.status, answer.json()["type"])


async def is_withheld(kept: Kept, content: bytes) -> bool:
    """Whether an answer is an error, or right as far as it goes and cut short."""
    request = f"GET /api/v1/documents/{named(content)} HTTP/1.1\r\nHost: a\r\n"
    received = await exchange(kept.url, f"{request}Connection: close\r\n\r\n".encode())
    answer = parse_answer(received)
    if answer.status == 500:
        return tampered(answer)
    assert str(len(content)) == answer.headers["content-length"]
    return len(answer.body) < len(content) and content.startswith(answer.body)


async def test_a_changed_document_is_never_served_and_never_called_absent(
    tmp_path: Path,
) -> None:
    async with keeping(tmp_path / "log") as kept:
        for content in (b"one piece", LONG):
            await store(kept, content)
            file = kept.stored(content)
            whole = file.read_bytes()
            times = file.stat()
            for position in (0, len(whole) // 2, len(whole) - 1):
                with case(f"byte {position} of {len(whole)}"):
                    before = detections(kept)
                    changed = bytearray(whole)
                    changed[position] ^= 1
                    file.write_bytes(changed)
                    # As if nothing had happened.
                    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
                    assert await is_withheld(kept, content)
                    assert before + 1 == detections(kept)
                    assert not file.exists()
                    aside = kept.documents.store.root / "damaged" / file.name
                    assert bytes(changed) == aside.read_bytes()
                    # Still no absence; and whoever has the right bytes mends it.
                    assert tampered(await kept.get(content))
                    assert 201 == (await kept.put(content)).status
                    assert content == (await kept.get(content)).body


def detections(kept: Kept) -> int:
    rendered = kept.log.metrics.render().decode()
    name = 'tlog_tamper_detections_total{kind="document"}'
    (line,) = (it for it in rendered.splitlines() if it.startswith(name))
    return int(float(line.rpartition(" ")[2]))


async def test_a_document_that_changes_while_it_is_read_is_cut_short(
    tmp_path: Path,
) -> None:
    """Its pieces are known, so that a wrong one is found before it leaves."""
    content = bytes(16 * PIECE_BYTES)
    async with keeping(tmp_path / "log") as kept:
        await store(kept, content)
        assert content == (await kept.get(content)).body
        with kept.stored(content).open("r+b") as file:
            file.seek(15 * PIECE_BYTES + 1)
            file.write(b"\1")
        assert await is_withheld(kept, content)
        assert tampered(await kept.get(content))


async def test_a_link_is_no_document(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log") as kept:
        content = b"behind a link"
        await store(kept, content)
        elsewhere = tmp_path / "elsewhere"
        kept.stored(content).rename(elsewhere)
        kept.stored(content).symlink_to(elsewhere)
        assert 404 == (await kept.get(content)).status


async def test_the_cold_tier_is_read_through(tmp_path: Path) -> None:
    cold = tmp_path / "cold"
    async with keeping(tmp_path / "log", document_cold=cold) as kept:
        for content in (b"cold", LONG):
            await store(kept, content)
            digest = hashlib.sha256(content).digest()
            store_of = kept.documents.store
            assert store_of.cool(digest)
            assert not store_of.cool(digest)
            assert not kept.stored(content).exists()
            assert content == (await kept.get(content)).body
            # The first tier's is damaged, the second has it still.
            kept.stored(content).parent.mkdir(exist_ok=True)
            kept.stored(content).write_bytes(b"x" + content[1:])
            assert content == (await kept.get(content)).body
            assert not kept.stored(content).exists()
