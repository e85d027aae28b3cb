"""One log with documents for each module of tests."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.tlog.documents.kept import Kept, keeping


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kept]:
    async with keeping(tmp_path_factory.mktemp("kept") / "log") as found:
        yield found
