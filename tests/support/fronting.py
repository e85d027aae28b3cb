"""A log and one front end of it, in this process; the front end is asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.running import log_settings
from tlog.log.front import Front
from tlog.log.leader import lead
from tlog.log.life import Log
from tlog.log.opening import open_log
from tlog.log.workers.together import Opened, Together


@asynccontextmanager
async def fronted_log(
    folder: Path, **changes: object
) -> AsyncIterator[tuple[str, Log]]:
    """Open the log in `folder`, and give its front end's URL and the log itself.

    changes: of its settings.
    """
    together = Together.of(log_settings(folder, **changes))
    log = await asyncio.to_thread(open_log, together.settings)
    loop, ends = asyncio.get_running_loop(), (asyncio.Event(), asyncio.Event())
    opened: asyncio.Future[Opened] = loop.create_future()
    url: asyncio.Future[str] = loop.create_future()
    tasks = [asyncio.create_task(lead(log, together, ends[0], opened.set_result))]
    try:
        await _first(opened, *tasks)
        front = Front(1, together, opened.result())
        tasks.append(asyncio.create_task(front.run(ends[1], url.set_result)))
        await _first(url, *tasks)
        yield url.result(), log
    finally:
        for end, task in zip(
            reversed(ends[: len(tasks)]), reversed(tasks), strict=True
        ):
            end.set()
            await task


async def _first(*waited: "asyncio.Future[Any]") -> None:
    """Wait for one of them; what has ended too soon says why."""
    done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    for it in done:
        it.result()
