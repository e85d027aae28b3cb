"""A log that runs in this process and listens on a free port of this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tlog.api.server import serve
from tlog.assemble import Log, open_log
from tlog.clock import Clock
from tlog.config import Settings

ORIGIN = "log.example/tests"


def log_settings(folder: Path, **changes: object) -> Settings:
    """Return the settings of a log in `folder` that publishes without pauses."""
    plain = Settings(
        data=folder, origin=ORIGIN, listen="127.0.0.1:0", publish_interval_ms=0
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # each by its field


@asynccontextmanager
async def running_log(
    folder: Path, *, clock: Clock | None = None, **changes: object
) -> AsyncIterator[tuple[str, Log]]:
    """Open, serve and drain the log in `folder`; give its URL and the log itself."""
    log = open_log(log_settings(folder, **changes), clock=clock)
    stop = asyncio.Event()
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(log, stop, url.set_result))
        try:
            yield await url, log
        finally:
            stop.set()


async def published(log: Log) -> None:
    """Wait until the public checkpoint and the index have all that is committed."""
    while log.index.complete_to < log.snapshot.size:
        await asyncio.sleep(0)
