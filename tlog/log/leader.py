"""The process that writes a log, behind its front ends: no door of its own.

It has all that a log of one process has, and listens on a Unix socket.  Front ends send
it entries in bunches, ask it what they cannot know, and pass on what is about the whole
log.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from tlog.clock import SystemClock
from tlog.log.admission.opening import open_gate
from tlog.log.api.fronts import FrontEndpoints
from tlog.log.api.nodes import NodeEndpoints
from tlog.log.api.passing import with_remote
from tlog.log.life import Log
from tlog.log.publishing.heads import NotCosignedError
from tlog.log.serving import SharedDoor, serve
from tlog.log.workers.board import Poster, Stand
from tlog.log.workers.counting import FrontCounts, listening_at, socket_of
from tlog.log.workers.leading import SOCKET
from tlog.log.workers.together import Opened, Together

_LOOK_S = 0.01


async def lead(
    log: Log,
    together: Together,
    stop: asyncio.Event,
    ready: Callable[[Opened], None],
) -> None:
    """Serve the front ends until `stop` is set, or the log stops by itself.

    Raises as `tlog.log.serving.serve`.
    """
    settings, folder, count = log.settings, together.sockets, log.settings.workers
    if together.buckets is not None:
        # Documents count too, and have one bucket with entries.
        gate = open_gate(settings, SystemClock(), together.buckets)
        log = replace(log, submitting=replace(log.submitting, gate=gate))
    paths = [socket_of(folder, nth) for nth in range(1, count + 1)]
    counts = FrontCounts(paths)
    log.metrics.leave_requests_to(counts.counted)
    log.metrics.front_ends.set_function(lambda: counts.answering)
    poster = Poster(together.board, lambda: _stand(log))
    poster.post()
    log.publisher.on_published = poster.post
    standing = replace(
        log.standing,
        facts=lambda: {"front_ends": counts.answering},
        refresh=counts.fetch,
    )
    listening = listening_at(folder / SOCKET)
    nodes = NodeEndpoints(log, together.secret, SystemClock())
    fronts = FrontEndpoints(log.reading, together.secret, poster.head)
    prefix = settings.prefix
    routes = [*nodes.routes(prefix), *fronts.routes(prefix)]
    # Posted before anybody is answered: all front ends know what one of them tells.
    door = SharedDoor(listening, routes, nodes.wake, [with_remote], poster.post)
    watching = asyncio.create_task(_watch_witnesses(log, poster))
    try:
        await serve(
            replace(log, standing=standing),
            stop,
            lambda _: ready(_opened(log)),
            shared=door,
        )
    finally:
        watching.cancel()
        listening.close()
        for path in (folder / SOCKET, *paths):
            path.unlink(missing_ok=True)


def _opened(log: Log) -> Opened:
    return Opened(
        log.standing.origin,
        log.heads.signed.size,
        [key.encode() for key in log.keys],
        log.submitting.shows_at_once,
    )


def _stand(log: Log) -> Stand:
    """Return where the log stands; what is behind is read before what is ahead."""
    complete_to, public = log.stores.index.complete_to, log.publisher.public_note
    guard, witnessing = log.standing.guard, log.standing.witnessing
    is_open = not guard.is_contradicted
    signed = log.heads.signed
    shown = signed
    if not log.submitting.shows_at_once:
        try:
            shown = log.heads.shown
        except NotCosignedError:
            return Stand(signed, None, public, complete_to, is_open, False)
    size = shown.size
    is_cosigned = witnessing is not None and witnessing.cosigned_size() >= size
    return Stand(signed, shown, public, complete_to, is_open, is_cosigned)


async def _watch_witnesses(log: Log, poster: Poster) -> None:
    """Post what witnesses change, for a log that has some."""
    if log.submitting.shows_at_once:
        return
    known = None
    while True:
        stand = _stand(log)
        newest = stand.shown, stand.is_open, stand.is_cosigned
        if newest != known:
            known = newest
            poster.post()
        await asyncio.sleep(_LOOK_S)
