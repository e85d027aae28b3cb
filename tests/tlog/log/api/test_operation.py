"""What operators ask: facts, health, readiness, metrics; prefix, CORS, IPv6."""

import re
import socket
from pathlib import Path

import pytest
import uvloop

from tests.support.filled import SIZE, Filled, filled_log
from tests.support.http import Answer, ask, post
from tests.support.openapi import DOCUMENT, require_documented
from tests.support.records import json_body, record
from tests.support.running import ORIGIN, running_log
from tlog import __version__
from tlogverify import Policy, parse_verifier_key

in_module_loop = pytest.mark.asyncio(loop_scope="module")

READS = [
    "/api/v1/entries?start=0&end=1",
    "/api/v1/entries/0",
    "/api/v1/proof/inclusion?index=0",
    "/api/v1/proof/consistency?old=0",
    "/api/v1/search?digest=sha256:" + "0" * 64,
    "/api/v1/log",
    "/checkpoint",
    "/tile/0/000",
    "/tile/entries/001.p/44",
    "/healthz",
    "/readyz",
    "/metrics",
    "/status",
    "/openapi.json",
]


async def get(url: str, target: str) -> Answer:
    answer = await ask(url, target)
    require_documented("GET", target, answer)
    return answer


async def counters(url: str) -> dict[str, float]:
    """Return every counter and gauge by its name with its labels."""
    text = (await ask(url, "/metrics")).body.decode()
    lines = re.findall(r"^(tlog_\S+) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in lines}


@in_module_loop
async def test_the_log_tells_its_facts(filled: Filled) -> None:
    document = (await get(filled.url, "/api/v1/log")).json()
    keys = [parse_verifier_key(vkey.encode()) for vkey in document["verifier_keys"]]
    assert (ORIGIN, SIZE, __version__) == (
        document["origin"],
        document["size"],
        document["version"],
    )
    assert keys == list(filled.log.keys)
    assert keys == [log.key for log in Policy.parse(document["policy"].encode()).logs]
    assert 10_000 == document["limits"]["entries_per_request"]
    assert 8 << 20 == document["limits"]["body_bytes"]


@in_module_loop
async def test_a_running_log_is_alive_and_ready(filled: Filled) -> None:
    health = await get(filled.url, "/healthz")
    ready = await get(filled.url, "/readyz")
    assert (200, {"alive": True}) == (health.status, health.json())
    assert 200 == ready.status
    assert all(ready.json().values())


@in_module_loop
async def test_the_document_is_served_as_it_is_packaged(filled: Filled) -> None:
    assert DOCUMENT == (await get(filled.url, "/openapi.json")).json()


@in_module_loop
async def test_counters_move_with_what_happens(tmp_path: Path) -> None:
    async with running_log(tmp_path) as (url, _):
        before = await counters(url)
        await post(url, json_body(record(1), record(2)))
        await post(url, json_body(record(1)))
        await post(url, b"[]")
        await post(url, b"", media_type="text/plain")
        await ask(url, "/nowhere")
        after = await counters(url)

    def moved(name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    posts = 'tlog_requests_total{route="/api/v1/entries",status="%d"}'
    assert [1, 1, 1, 1] == [moved(posts % status) for status in (201, 200, 400, 415)]
    assert 1 == moved('tlog_requests_total{route="unknown",status="404"}')
    assert 1 == moved('tlog_refused_entries_total{reason="invalid-request"}')
    assert 1 == moved('tlog_refused_entries_total{reason="unsupported-media-type"}')
    assert (2, 0) == (after["tlog_tree_size"], after["tlog_queue_entries"])
    assert (1, 2) == (
        moved("tlog_batch_entries_count"),
        moved("tlog_batch_entries_sum"),
    )
    assert 1 == moved("tlog_commit_seconds_count")


@in_module_loop
async def test_answers_from_files_are_counted_by_their_status(tmp_path: Path) -> None:
    async with filled_log(tmp_path) as filled:
        etag = (await ask(filled.url, "/tile/0/000")).headers["etag"]
        for headers in (
            {"Range": "bytes=0-1"},
            {"Range": "bytes=9999-"},
            {"If-None-Match": etag},
        ):
            await ask(filled.url, "/tile/0/000", headers=headers)
        counted = await counters(filled.url)
    tiles = 'tlog_requests_total{route="/tile/{path}",status="%d"}'
    assert [1] * 4 == [counted.get(tiles % it, 0) for it in (200, 206, 304, 416)]


@in_module_loop
@pytest.mark.parametrize("target", READS)
async def test_every_read_is_open_to_all_web_origins(
    filled: Filled, target: str
) -> None:
    answer = await get(filled.url, target)
    assert (200, "*") == (answer.status, answer.headers["access-control-allow-origin"])


@in_module_loop
async def test_submissions_are_not_open_to_web_origins(filled: Filled) -> None:
    answer = await post(filled.url, b"{}", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


@in_module_loop
@pytest.mark.parametrize("prefix", ["/log", "/a/b.c-d_e~1"])
async def test_everything_stands_below_the_prefix(tmp_path: Path, prefix: str) -> None:
    async with filled_log(tmp_path, prefix=prefix) as filled:
        assert filled.url.endswith(prefix)
        for target in READS:
            assert 200 == (await get(filled.url, target)).status
        root = filled.url.removesuffix(prefix)
        for target in READS:
            assert 404 == (await ask(root, target)).status
            assert 404 == (await ask(root, prefix + prefix + target)).status


def test_the_loop_of_the_command_serves_the_same(tmp_path: Path) -> None:
    async def scenario() -> list[int]:
        async with filled_log(tmp_path) as filled:
            return [(await get(filled.url, target)).status for target in READS]

    assert [200] * len(READS) == uvloop.run(scenario())


@in_module_loop
async def test_a_log_listens_on_ipv6(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with running_log(tmp_path, listen="[::1]:0") as (url, _):
        assert url.startswith("http://[::1]:")
        assert 200 == (await get(url, "/healthz")).status
