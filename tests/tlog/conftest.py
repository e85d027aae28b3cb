"""One filled log for each module of tests.

A module that says BOTH_WAYS has its tests run against both ways in: the lean one, and
aiohttp alone.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.filled import Filled, filled_log


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Filled]:
    folder = tmp_path_factory.mktemp("filled") / "log"
    is_lean = getattr(request, "param", True)
    async with filled_log(folder, is_lean=is_lean) as found:
        yield found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "filled" in metafunc.fixturenames and hasattr(metafunc.module, "BOTH_WAYS"):
        ways, names = [True, False], ["lean", "aiohttp"]
        metafunc.parametrize("filled", ways, ids=names, indirect=True, scope="module")
