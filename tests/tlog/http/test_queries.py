"""Queries and conditions that strangers send, on every route of every server."""

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from tests.support.cases import in_one_test
from tests.support.http import ask, post
from tests.support.monitored import Monitored
from tests.support.records import json_body, record
from tests.support.running import published, running_log
from tests.support.witnessing import running_witness
from tlog.http.listener import Listener
from tlog.log.api.routes import build_app
from tlog.monitor.door import build_monitor_app
from tlog.monitor.opening import open_monitor
from tlog.witness.door import build_witness_app

Routes = dict[str, tuple[str, list[tuple[str, str]]]]

# What stands in the place of a route's variable.
_FILLED = {"{index}": "0", "{path}": "0/000.p/1", "{origin_hash}": "0" * 64}
# Its answer has no end.
_ENDLESS = "/api/v1/events"
_QUERIES = ["?x=1", "?x=1&x=1", "?x=%ff", "?%ff=1", "?=", "?;", "?x=%zz"]
_CONDITIONS = [
    *({"If-None-Match": it} for it in ("*", '"', "W/*", '"a", *', "\udcff", "")),
    *({"If-Match": it} for it in ("*", '"', "W/*", "\udcff")),
    *(
        {"Range": "bytes=0-0", "If-Range": it}
        for it in ('"a"', 'W/"a"', "*", "Thu, 01 Jan 1970 00:00:00 GMT", "\udcff", "")
    ),
    *(
        {"Range": it}
        for it in ("bytes", "bytes=", "bytes=-", "bytes=0-0,2-", "bytes=-0", "\udcff")
    ),
]


def routes_of(app: web.Application) -> list[tuple[str, str]]:
    """Return method and target of each route, its variables filled."""
    found = []
    for route in app.router.routes():
        assert route.resource is not None
        target = route.resource.canonical
        for variable, value in _FILLED.items():
            target = target.replace(variable, value)
        found.append((route.method, target))
    return found


@asynccontextmanager
async def monitoring(
    folder: Path, url: str
) -> AsyncIterator[tuple[str, web.Application]]:
    monitored = Monitored(folder, url)
    async with open_monitor(monitored.settings(), monitored.surroundings()) as monitor:
        app = build_monitor_app(monitor)
        listener = Listener(app, "127.0.0.1:0", "")
        await listener.start()
        try:
            yield listener.url, app
        finally:
            await listener.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Routes]:
    """A log for all clients, a witness and a monitor: URL and routes of each."""
    folder = tmp_path_factory.mktemp("queries")
    async with AsyncExitStack() as stack:
        url, log = await stack.enter_async_context(
            running_log(
                folder / "log",
                origin="127.0.0.1",
                sigstore=True,
                sigstore_native=True,
            )
        )
        assert (await post(url, json_body(record("one")))).status in {201, 403}
        await published(log)
        witness = await stack.enter_async_context(running_witness(folder / "witness"))
        monitor_url, monitor_app = await stack.enter_async_context(
            monitoring(folder, url)
        )
        yield {
            "log": (url, routes_of(build_app(log))),
            "witness": (witness.url, routes_of(build_witness_app(witness.witness))),
            "monitor": (monitor_url, routes_of(monitor_app)),
        }


@pytest.mark.asyncio(loop_scope="module")
@in_one_test("server", ["log", "witness", "monitor"])
@in_one_test("query", _QUERIES)
async def test_an_unknown_query_is_refused_or_passed_over(
    servers: Routes, server: str, query: str
) -> None:
    url, routes = servers[server]
    for method, target in routes:
        body = b"{}" if method == "POST" else None
        asked = await ask(url, target + query, method=method, body=body)
        if target.startswith("/api/v1/"):
            assert 400 == asked.status, target
        else:
            plain = await ask(url, target, method=method, body=body)
            assert plain.status == asked.status, target


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("server", ["log", "witness", "monitor"])
async def test_a_bare_byte_in_a_query_is_no_http(servers: Routes, server: str) -> None:
    url, routes = servers[server]
    for method, target in routes:
        assert 400 == (await ask(url, f"{target}?x=\udcff", method=method)).status


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("server", ["log", "witness", "monitor"])
async def test_no_condition_is_an_error_of_the_servers(
    servers: Routes, server: str
) -> None:
    url, routes = servers[server]
    for (method, target), headers in itertools.product(routes, _CONDITIONS):
        if method != "POST" and target != _ENDLESS:
            asked = await ask(url, target, method=method, headers=headers)
            is_not_ready = target == "/readyz" and server == "monitor"
            assert asked.status < 500 or is_not_ready, (target, headers)


@pytest.mark.asyncio(loop_scope="module")
@in_one_test(
    "parameter",
    ["digest", "key", "identity", "issuer", "start", "index", "old", "wait"],
)
@in_one_test("value", ["%ff", "%c3%28", "%ed%a0%80"])
async def test_a_known_parameter_that_is_no_utf_8_is_refused(
    servers: Routes, parameter: str, value: str
) -> None:
    """Its bytes are not searched for as the text of their escapes."""
    url, _ = servers["log"]
    path = {"start": "search", "index": "proof/inclusion", "old": "proof/consistency"}
    target = f"/api/v1/{path.get(parameter, 'search')}?{parameter}={value}"
    answer = await ask(url, target)
    if parameter == "wait":
        target = f"/api/v1/entries?wait={value}"
        answer = await ask(url, target, method="POST", body=json_body(record("one")))
    assert 400 == answer.status
    assert "invalid-request" == answer.json()["type"]
