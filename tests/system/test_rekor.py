"""Sigstore's door of a real server: what it acknowledged outlives a kill."""

import asyncio
import base64
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.http import ask
from tests.support.rekor import body_of, hashedrekord, leaf_of
from tests.support.rekor_client import PATH
from tests.system.server import NotServingError, ServerProcess, run_tlog, serving
from tlog.cli import main
from tlogverify.hashing import leaf_hash
from tlogverify.merkle import verify_inclusion

ORIGIN = "log.example"


async def submit(url: str, request: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Submit; return the entry, whose proof holds, and whether the log had it."""
    answer = await ask(url, PATH, method="POST", body=body_of(request))
    assert 201 == answer.status, answer
    entry: dict[str, Any] = answer.json()
    proof = entry["inclusionProof"]
    body = base64.b64decode(entry["canonicalizedBody"])
    path = [base64.b64decode(it) for it in proof["hashes"]]
    root = base64.b64decode(proof["rootHash"])
    index, size = int(entry["logIndex"]), int(proof["treeSize"])
    verify_inclusion(index, size, leaf_hash(body), path, root)
    return entry, "x-log-index" in answer.headers


async def test_a_duplicate_is_found_before_and_after_a_restart_and_a_kill(
    tmp_path: Path,
) -> None:
    requests = [hashedrekord(b"%d" % number) for number in range(20)]
    server = ServerProcess(tmp_path / "log", "--sigstore", origin=ORIGIN)
    try:
        await asyncio.to_thread(server.start)
        first = [await submit(server.url, request) for request in requests]
        assert [(str(nth), False) for nth in range(1, 21)] == [
            (entry["logIndex"], known) for entry, known in first
        ]
        for end in (None, server.terminate, server.kill):
            if end is not None:
                await asyncio.to_thread(end)
                await asyncio.to_thread(server.start)
            entry, known = await submit(server.url, requests[7])
            assert ("8", True) == (entry["logIndex"], known)
            assert first[7][0]["canonicalizedBody"] == entry["canonicalizedBody"]
            assert "21" == entry["inclusionProof"]["treeSize"]
    finally:
        server.end()


async def test_nothing_acknowledged_is_lost_to_kills_under_load(tmp_path: Path) -> None:
    server = ServerProcess(
        tmp_path / "log", "--sigstore", "--publish-interval-ms=20", origin=ORIGIN
    )
    requests = [hashedrekord(b"%d" % number) for number in range(240)]
    indexes: dict[int, str] = {}

    async def client(nth: int) -> None:
        try:
            entry, _ = await submit(server.url, requests[nth])
        except (OSError, IndexError):
            # The server is dead: the retry comes with the next life.
            return
        assert indexes.setdefault(nth, entry["logIndex"]) == entry["logIndex"]

    try:
        for life in range(4):
            await asyncio.to_thread(server.start)
            # Retries of all before, and new ones beside them.
            load = [asyncio.create_task(client(nth)) for nth in range(60 * (life + 1))]
            await asyncio.wait(load, return_when=asyncio.FIRST_COMPLETED)
            server.kill_without_waiting()
            await asyncio.gather(*load)
            assert -signal.SIGKILL == await asyncio.to_thread(server.wait)
        await asyncio.to_thread(server.start)
        acknowledged = dict(indexes)
        await asyncio.gather(*map(client, range(240)))
        assert 240 == len(set(indexes.values()))
        assert acknowledged.items() <= indexes.items()
        assert 0 == await asyncio.to_thread(server.terminate)
    finally:
        server.end()
    checked = run_tlog("fsck", tmp_path / "log")
    assert 0 == checked.returncode, checked.stderr


NOT_A_HOST = "the origin is the bare host name of the log's URL"


def test_an_origin_that_clients_would_not_find_is_refused_at_start(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "log"
    with pytest.raises(NotServingError) as error:
        ServerProcess(folder, "--sigstore", origin="log.example:8443").start()
    assert 2 == error.value.status
    assert NOT_A_HOST in error.value.stderr
    assert not folder.exists()


@pytest.mark.parametrize(
    "origin",
    [
        *("log.example:8443", "log.example/log", "https://log.example", "log.example/"),
        *(
            "Log.example",
            "log..example",
            "log-.example",
            "log.example.",
            "log_1.example",
        ),
        *("a" * 64, ".".join(["a" * 60] * 5), "log.example - 1"),
    ],
)
def test_the_command_refuses_an_origin_that_clients_would_not_find(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], origin: str
) -> None:
    folder = tmp_path / "log"
    given = ["serve", "--data", str(folder), "--sigstore", "--listen", "127.0.0.1:0"]
    assert 2 == main([*given, "--origin", origin])
    assert NOT_A_HOST in capsys.readouterr().err
    assert not folder.exists()


def test_a_log_that_has_another_origin_is_refused_at_start(tmp_path: Path) -> None:
    with serving(tmp_path / "log", origin="log.example/log") as server:
        assert 0 == server.terminate()
    with pytest.raises(NotServingError) as error:
        ServerProcess(tmp_path / "log", "--sigstore", origin="").start()
    assert 2 == error.value.status
    assert "an origin never changes" in error.value.stderr
    assert "found 'log.example/log'" in error.value.stderr


def test_a_prefix_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(NotServingError) as error:
        ServerProcess(
            tmp_path / "log", "--sigstore", "--prefix=/log", origin=ORIGIN
        ).start()
    assert 2 == error.value.status
    assert "the log is at the root of its host" in error.value.stderr


@pytest.mark.parametrize("origin", ["localhost", "127.0.0.1", "log-1.example.org", "a"])
def test_a_bare_host_is_an_origin(tmp_path: Path, origin: str) -> None:
    with serving(tmp_path / "log", "--sigstore", origin=origin) as server:
        assert origin == server.told["origin"]


async def test_a_search_finds_what_clients_logged(tmp_path: Path) -> None:
    request = hashedrekord(b"an artifact")
    with serving(tmp_path / "log", "--sigstore", origin=ORIGIN) as server:
        await submit(server.url, request)
        digest = base64.b64decode(request["hashedRekordRequestV002"]["digest"]).hex()
        found: dict[str, Any] = {"complete_to": 0}
        while found["complete_to"] < 2:
            target = f"/api/v1/search?digest=sha256:{digest}"
            found = (await ask(server.url, target)).json()
        (hit,) = found["hits"]
        entry = await ask(server.url, f"/api/v1/entries/{hit['index']}")
        assert leaf_of(request) == entry.body
