"""A log that runs in this process and listens on a free port of this machine."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tlog.documents.opening import no_bucket
from tlog.log.life import Log
from tlog.log.opening import open_log
from tlog.log.serving import serve
from tlog.log.settings import LogSettings

ORIGIN = "log.example/tests"

# Between two looks at what another thread does: looking all the time takes the
# processor from that thread.
LOOK_S = 0.001


def log_settings(folder: Path, **changes: object) -> LogSettings:
    """Return the settings of a log in `folder` that publishes without pauses."""
    plain = LogSettings(
        data=folder, origin=ORIGIN, listen="127.0.0.1:0", publish_interval_ms=0
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # each by its field


@asynccontextmanager
async def running_log(
    folder: Path, **changes: object
) -> AsyncIterator[tuple[str, Log]]:
    """Open, serve and drain the log in `folder`; give its URL and the log itself.

    changes: of its settings; is_lean, whether hot routes have both ways in; and
    open_shelf, which opens documents in a bucket.
    """
    is_lean = bool(changes.pop("is_lean", True))
    open_shelf: Any = changes.pop("open_shelf", no_bucket)
    # In a thread: a log that opens asks its witnesses, who may be in this loop.
    log = await asyncio.to_thread(
        open_log, log_settings(folder, **changes), open_shelf=open_shelf
    )
    stop = asyncio.Event()
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(log, stop, url.set_result, is_lean=is_lean))
    try:
        # A server that cannot start ends before it has a URL.
        either: set[asyncio.Future[Any]] = {url, serving}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            yield url.result(), log
    finally:
        stop.set()
        await serving


async def published(log: Log) -> None:
    """Wait until the public checkpoint and the index have all that is committed."""
    await until(
        lambda: (
            log.publisher.public_note == log.heads.signed.note
            and log.stores.index.complete_to == log.heads.signed.size
        ),
        LOOK_S,
    )


async def until(claim: Callable[[], bool], pause_s: float = 0.0) -> None:
    """Let the loop run until a claim holds.

    pause_s: LOOK_S for a claim that stays true and waits for another thread; what holds
    for a moment would be missed.
    """
    while not claim():  # noqa: ASYNC110 - that thread sets no event of ours
        await asyncio.sleep(pause_s)
