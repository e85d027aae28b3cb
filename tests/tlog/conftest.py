"""One filled log for each module of tests.

A module that says BOTH_WAYS has its tests run against both ways in: the lean one, and
aiohttp alone.  One that says AT_FRONT has them run against a front end too.
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
    way = getattr(request, "param", "lean")
    changes = {"is_fronted": True} if way == "front" else {"is_lean": way == "lean"}
    async with filled_log(folder, **changes) as found:
        yield found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "filled" in metafunc.fixturenames and hasattr(metafunc.module, "BOTH_WAYS"):
        ways = ["lean", "aiohttp"]
        if hasattr(metafunc.module, "AT_FRONT"):
            ways.append("front")
        metafunc.parametrize("filled", ways, indirect=True, scope="module")
