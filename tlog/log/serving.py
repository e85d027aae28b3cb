"""A log behind its doors, until it is stopped and has answered all that it accepted."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from aiohttp import web
from aiohttp.typedefs import Middleware

from tlog.errors import BusyError
from tlog.http.listener import Listener
from tlog.log.api.routes import build_app
from tlog.log.cosigning.guard import RolledBackError
from tlog.log.life import Log
from tlog.log.sequencer.pool import Settled, settle
from tlog.log.storage.sizes import folder_bytes
from tlog.log_lines import log_event

_MEASURE_S: Final = 300.0


class SharedDoor(NamedTuple):
    """What a process brings that other processes of its log ask.

    listening: its socket.  routes: for the others.  wake: called after each batch.
    middlewares: around what they ask.  committed: called on the sequencer's thread with
    each batch, before anybody is answered.
    """

    listening: socket.socket
    routes: Sequence[web.RouteDef]
    wake: Callable[[], object]
    middlewares: Sequence[Middleware] = ()
    committed: Callable[[], object] = lambda: None


async def serve(
    log: Log,
    stop: asyncio.Event,
    ready: Callable[[str], None],
    *,
    is_lean: bool = True,
    shared: SharedDoor | None = None,
) -> None:
    """Serve `log` until `stop` is set or the log stops by itself; then close it.

    ready: called with the URL when the first request can be answered.  is_lean: hot
    routes have both ways in, and aiohttp's alone if not.  shared: what a log needs
    beside that other nodes ask.
    Raises the FatalError that stopped the log, if one did.
    """
    loop = asyncio.get_running_loop()

    def deliver(settled: Settled) -> None:
        settle(settled)
        log.heads.wake()
        if shared is not None:
            shared.wake()

    def hand_over(settled: Settled) -> None:
        if shared is not None:
            shared.committed()
        # One wake-up of the loop for all waiters of a batch.
        loop.call_soon_threadsafe(deliver, settled)

    settings = log.settings
    app = build_app(log, shared.routes if shared else ())
    app.middlewares.extend(shared.middlewares if shared else ())
    listener = Listener(app, settings.listen, settings.prefix, is_lean=is_lean)
    if shared is not None:
        listener.adopt(shared.listening)
    log.start(
        on_stop=lambda: loop.call_soon_threadsafe(stop.set),
        deliver=hand_over,
    )
    log.heads.start()
    measuring = asyncio.create_task(_measure(log))
    try:
        await _begin(log)
        await listener.start()
        ready(listener.url)
        await stop.wait()
        log.heads.end_waiting()
        log.sequencer.end_waiting()
    finally:
        measuring.cancel()
        await listener.stop()
        await log.heads.close()
        await asyncio.to_thread(log.close)
    if log.lifeline.failure is not None:
        raise log.lifeline.failure


async def _measure(log: Log) -> None:
    """Say now and then how large the folder is: too long a look for each scrape."""
    while True:
        found = await asyncio.to_thread(folder_bytes, log.settings.data)
        for part, count in found.items():
            log.metrics.folder_bytes.labels(part).set(count)
        await asyncio.sleep(_MEASURE_S)


async def _begin(log: Log) -> None:
    """Let a new log take its first entry, if it may write already.

    With witnesses it may not yet: the first submission waits for both.
    """
    if log.submitting.guard.is_confirmed:
        try:
            await log.submitting.wait_writable()
        except (BusyError, RolledBackError) as error:
            log_event("no first entry yet", level="warning", error=str(error))
