"""The machine's trouble is 503 with Retry-After, and no cache may keep it."""

import errno

import pytest
from aiohttp import hdrs, web

from tests.support.http import ask
from tests.tlog.http.served import serving
from tlog.errors import CorruptError, FatalError
from tlog.http.respond import IMMUTABLE

TROUBLE = [
    OSError(errno.EMFILE, "Too many open files", "/srv/log/public/tile/0/000"),
    OSError(errno.ENFILE, "Too many open files in system"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    OSError(errno.EIO, "Input/output error"),
    OSError(errno.ENOSPC, "No space left on device"),
    PermissionError(errno.EACCES, "Permission denied"),
    FileNotFoundError(errno.ENOENT, "No such file or directory"),
    TimeoutError("too late"),
    MemoryError(),
]


def raising(error: Exception) -> web.RouteDef:
    async def fail(_: web.Request) -> web.Response:
        raise error

    return web.get("/asked", fail)


@pytest.mark.parametrize("error", TROUBLE, ids=repr)
async def test_the_machines_trouble_is_503_and_says_nothing_of_the_data(
    error: Exception,
) -> None:
    async with serving(raising(error)) as listener:
        answer = await ask(listener.url, "/asked")
    assert (503, "unavailable") == (answer.status, answer.json()["type"])
    assert int(answer.headers["retry-after"]) >= 1
    assert "no-store" == answer.headers["cache-control"]
    assert answer.json()["title"] == answer.json()["detail"]


@pytest.mark.parametrize(
    ("error", "status", "token"),
    [
        (CorruptError("tile/0/000", "is missing"), 500, "corrupt"),
        (FatalError("sync failed"), 503, "outcome-unknown"),
        (RuntimeError("a fault"), 500, "internal"),
    ],
)
async def test_other_faults_keep_their_token(
    error: Exception, status: int, token: str
) -> None:
    async with serving(raising(error)) as listener:
        answer = await ask(listener.url, "/asked")
    assert (status, token) == (answer.status, answer.json()["type"])
    assert str(error) not in answer.body.decode()


@pytest.mark.parametrize("status", [201, 202, 400, 403, 404, 410, 412, 416, 500, 503])
async def test_only_200_206_and_304_may_be_cached(status: int) -> None:
    async def answered(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={hdrs.CACHE_CONTROL: IMMUTABLE})

    async with serving(web.get("/asked", answered)) as listener:
        answer = await ask(listener.url, "/asked")
    assert (status, "no-store") == (answer.status, answer.headers["cache-control"])


@pytest.mark.parametrize("status", [200, 206, 304])
async def test_what_may_be_cached_keeps_its_header(status: int) -> None:
    async def answered(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={hdrs.CACHE_CONTROL: IMMUTABLE})

    async with serving(web.get("/asked", answered)) as listener:
        answer = await ask(listener.url, "/asked")
    assert (status, IMMUTABLE) == (answer.status, answer.headers["cache-control"])
