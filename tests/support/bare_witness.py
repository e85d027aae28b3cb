"""A witness that shows no heads, and the copy of a log that it knows more of.

It answers as litewitness, omniwitness and Sunlight's witness were seen to: 404 on the
monitoring path, 409 with `text/x.tlog.size`, 422 with nothing to read.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from tests.support.cosigned import (
    cosigned_log,
    policy_of,
    shown,
    some_witnesses,
    submit,
)
from tests.support.witnessing import SIZE_TYPE, Served


def _opened() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


@dataclass
class Bare:
    """A witness of ours behind the face of those that show no heads.

    asked: how many requests have come.  gate: while it is shut, they wait.  left: how
    many it answers before it is down; None for no end.
    """

    witness: Served
    asked: int = 0
    gate: asyncio.Event = field(default_factory=_opened)
    left: int | None = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Listen; give the URL."""
        app = web.Application()
        app.router.add_post("/add-checkpoint", self._add)
        async with ClientSession() as self._session, TestServer(app) as server:
            yield str(server.make_url("")).rstrip("/")

    async def _add(self, request: web.Request) -> web.Response:
        self.asked += 1
        await self.gate.wait()
        if self.left == 0:
            return web.Response(status=503)
        if self.left is not None:
            self.left -= 1
        url = f"{self.witness.url}/add-checkpoint"
        async with self._session.post(url, data=await request.read()) as answer:
            body = await answer.read()
            if answer.status == 409:
                headers = {"Content-Type": SIZE_TYPE}
                return web.Response(status=409, body=body, headers=headers)
            if answer.status != 200:
                return web.Response(status=answer.status)
            return web.Response(body=body)


@asynccontextmanager
async def bare_quorum(folder: Path) -> AsyncIterator[str]:
    """Serve one such witness; give the policy that asks for it alone."""
    async with gated_quorum(folder) as (policy, _):
        yield policy


@asynccontextmanager
async def gated_quorum(folder: Path) -> AsyncIterator[tuple[str, Bare]]:
    """Serve one such witness; give the policy that asks for it alone, and itself."""
    async with some_witnesses(folder, 1) as (witness,):
        bare = Bare(witness)
        async with bare.serving() as url:
            yield policy_of([witness], 1, w0=url), bare


async def copy_behind(folder: Path, policy: str) -> Path:
    """Let a log grow to 3, copy it, let it grow to 8; return the copy."""
    copy = folder.with_name("copy")
    async with cosigned_log(folder, policy) as (url, log):
        assert 201 == (await submit(url, range(3))).status
        await shown(log, 3, 1)
    shutil.copytree(folder, copy)
    async with cosigned_log(folder, policy) as (url, log):
        assert 201 == (await submit(url, range(3, 8))).status
        await shown(log, 8, 1)
    return copy
