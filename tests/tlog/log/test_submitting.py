"""What a door submits, and in which batches it is committed."""

import asyncio
from pathlib import Path

from tests.support.records import canonical, record
from tests.support.running import running_log

COUNT = 2_000


async def test_what_one_turn_of_the_loop_reads_is_one_batch(tmp_path: Path) -> None:
    async with running_log(tmp_path / "log") as (_, log):
        entries = [canonical(record(nth)) for nth in range(COUNT)]
        # No turn of the loop ends between the first and the last.
        waiting = [log.submitting.commit([it]) for it in entries]
        receipts = await asyncio.gather(*waiting)
    assert {COUNT} == {it.snapshot.size for it in receipts}
    assert [(nth,) for nth in range(COUNT)] == [it.indexes for it in receipts]
