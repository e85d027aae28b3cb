"""A server in front of a log, as whoever runs the log could have one."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession, web

Change = Callable[[dict[str, Any]], None]


@asynccontextmanager
async def in_front(
    url: str, change: Change, path: str = "/api/v1/search"
) -> AsyncIterator[str]:
    """Serve what the log at `url` serves, with answers below a path changed."""

    async def answer(request: web.Request) -> web.Response:
        async with session.get(f"{url}{request.rel_url}") as found:
            body = await found.read()
        if request.path.startswith(path):
            page = json.loads(body)
            change(page)
            body = json.dumps(page).encode()
        kind = found.content_type
        return web.Response(body=body, status=found.status, content_type=kind)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    async with ClientSession() as session:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            host, port = runner.addresses[0]
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()
