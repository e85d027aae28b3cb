"""An application of a few routes, served on a free port of this machine."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tlog.http.exchange import HotRoute
from tlog.http.listener import Listener, new_app
from tlog.http.problems import SHARED_ROWS, Dialect
from tlog.metrics import Metrics


@asynccontextmanager
async def serving(
    *routes: web.RouteDef,
    dialects: Mapping[str, Dialect] = {},
    hot: Sequence[HotRoute] = (),
    **limits: Any,
) -> AsyncIterator[Listener]:
    """Serve `routes` until the block ends; limits: those of the listener."""
    app = new_app(routes, Metrics(), rows=SHARED_ROWS, dialects=dialects, hot=hot)
    listener = Listener(app, "127.0.0.1:0", "", **{"most": 1_000, **limits})
    try:
        await listener.start()
        yield listener
    finally:
        await listener.stop()
