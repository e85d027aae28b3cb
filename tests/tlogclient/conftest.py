"""Waits of nothing between attempts, and no token of this machine in the tests."""

from collections.abc import AsyncIterator, Iterator

import pytest
import stamina

from tests.tlogclient.fake_log import FakeLog


@pytest.fixture(autouse=True)
def no_waits() -> Iterator[None]:
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture
async def fake() -> AsyncIterator[FakeLog]:
    async with FakeLog().serve() as log:
        yield log
