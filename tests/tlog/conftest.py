"""One filled log for each module of tests."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.filled import Filled, filled_log


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Filled]:
    async with filled_log(tmp_path_factory.mktemp("filled") / "log") as found:
        yield found
