"""A registry of each kind, and repositories that are open while a test lasts."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest_asyncio
import stamina

from tests.support.registry import StandIn
from tlog.registry import Keyring, Repository, Way, parse_reference

Opener = Callable[..., Repository]


@pytest_asyncio.fixture
async def standin() -> AsyncIterator[StandIn]:
    async with StandIn().serve() as found:
        yield found


@pytest_asyncio.fixture
async def opened(standin: StandIn) -> AsyncIterator[Opener]:
    """Open the image's repository, as often as a test likes."""
    stamina.instrumentation.set_on_retry_hooks([])
    async with AsyncExitStack() as stack:

        def open_one(
            keyring: Keyring | None = None, timeout_s: float = 60
        ) -> Repository:
            way = Way(keyring or Keyring(), timeout_s)
            repository = Repository(parse_reference(standin.image), way)
            stack.push_async_callback(repository.close)
            return repository

        yield open_one
