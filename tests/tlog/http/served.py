"""An application of a few routes, served on a free port of this machine."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from tlog.http.listener import Listener, new_app
from tlog.http.problems import SHARED_ROWS, Dialect
from tlog.metrics import Metrics


@asynccontextmanager
async def serving(
    *routes: web.RouteDef,
    dialects: Mapping[str, Dialect] = {},
    most: int = 1_000,
    answer_s: float = 60.0,
) -> AsyncIterator[Listener]:
    """Serve `routes` until the block ends."""
    app = new_app(routes, Metrics(), rows=SHARED_ROWS, dialects=dialects)
    listener = Listener(app, "127.0.0.1:0", "", most=most, answer_s=answer_s)
    try:
        await listener.start()
        yield listener
    finally:
        await listener.stop()
