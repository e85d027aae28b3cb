"""Counts of front ends: what has ended is counted once, whoever asks meanwhile."""

import asyncio
from pathlib import Path

import msgspec

from tlog.log.workers.counting import Counts, FrontCounts, listening_at
from tlog.metrics import Counted


def told(pid: int) -> bytes:
    """Return what a front end says that has counted as much as its number."""
    counted = [Counted("requests", "requests_total", (), float(pid), is_kept=True)]
    return msgspec.msgpack.encode(Counts(pid, counted))


async def test_a_front_end_that_is_replaced_between_two_questions_counts_once(
    tmp_path: Path,
) -> None:
    path, asked, answered = tmp_path / "front-1.sock", 0, asyncio.Event()

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        is_first = asked == 1
        if is_first:
            # Its answer is late: another question may be answered before.
            for _turn in range(1_000):
                if answered.is_set():
                    break
                await asyncio.sleep(0)
        writer.write(told(10 if is_first else 20))
        writer.close()

    async def ask_again() -> None:
        await counts.fetch()
        answered.set()

    counts = FrontCounts([path])
    with listening_at(path) as listening:
        server = await asyncio.start_unix_server(tell, sock=listening)
        await asyncio.gather(counts.fetch(), ask_again())
        await counts.fetch()
        server.close()
    assert 3 == asked
    assert 30 == sum(it.value for it in counts.counted())
