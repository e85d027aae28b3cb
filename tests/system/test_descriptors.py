"""A real server without descriptors: what it cannot read is never a fact about the log.

In the first test its limit of open files is lowered while it runs, below what it holds:
from then on no file is opened and no connection accepted, and all is asked on
connections that were there before.  In the second it starts with 256, and 300 idle
clients come.
"""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.http import Answer, parse_answer
from tests.support.records import canonical, json_body, record, records
from tests.system.server import ServerProcess, serving
from tlogclient import LogClient

SIZE = 300
TILE = "/tile/0/000"
BODY = json_body(record(3), record("new"))


class Asking:
    """One connection that is kept, for one request after the other."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._socket = socket.create_connection((place.hostname, place.port or 0))
        self._answers = self._socket.makefile("rb")

    def ask(
        self, target: str, body: bytes | None = None, accept: str = "*/*"
    ) -> Answer:
        """Return the answer to a GET, or to a POST of `body`."""
        lines = [f"{'GET' if body is None else 'POST'} {target} HTTP/1.1", "Host: a"]
        lines += [f"Accept: {accept}", "Content-Type: application/json"]
        lines += [f"Content-Length: {len(body or b'')}", "", ""]
        self._socket.sendall("\r\n".join(lines).encode() + (body or b""))
        received = b""
        while not received.endswith(b"\r\n\r\n"):
            received += self._answers.readline()
        length = int(parse_answer(received).headers["content-length"])
        return parse_answer(received + self._answers.read(length))

    def close(self) -> None:
        """Close the connection."""
        self._answers.close()
        self._socket.close()


class NarrowProcess(ServerProcess):
    """`tlog serve` that may open 256 files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._command = ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh", *self._command]


@contextmanager
def without_descriptors(server: ServerProcess) -> Iterator[None]:
    """Let a process open nothing more, until the block ends."""
    kind = resource.RLIMIT_NOFILE
    soft, hard = resource.prlimit(server.pid, kind)
    resource.prlimit(server.pid, kind, (3, hard))
    try:
        yield
    finally:
        resource.prlimit(server.pid, kind, (soft, hard))


def fill(server: ServerProcess) -> None:
    """Submit 300 records and start anew: all is on disk, and no tile in memory."""
    with closing(Asking(server.url)) as asking:
        body = json_body(*records(0, SIZE))
        assert 201 == asking.ask("/api/v1/entries", body).status
    assert 0 == server.terminate()
    server.start()


def require_trouble(answer: Answer, token: str) -> None:
    """Assert 503, to be tried again and kept by no cache."""
    assert (503, token) == (answer.status, answer.json()["type"])
    assert int(answer.headers["retry-after"]) >= 1
    assert "no-store" == answer.headers["cache-control"]


async def require_both_entries(server: ServerProcess) -> None:
    """Submit both entries again: their proofs verify, and each has its one index."""
    entries = [canonical(record(3)), canonical(record("new"))]
    async with LogClient(server.url, server.policy) as client:
        proofs = await client.submit(entries)
    assert [3, SIZE] == [proof.index for proof in proofs]
    sizes = {server.policy.open_checkpoint(it.note).checkpoint.size for it in proofs}
    assert {SIZE + 1} == sizes


async def test_without_descriptors_nothing_is_said_about_the_log(
    tmp_path: Path,
) -> None:
    with serving(tmp_path / "log") as server:
        fill(server)
        with closing(Asking(server.url)) as asking:
            # One that only the system has accepted so far would never be answered.
            assert 200 == asking.ask("/healthz").status
            with without_descriptors(server):
                for target in (TILE, "/tile/entries/000", f"{TILE}.p/9"):
                    require_trouble(asking.ask(target), "unavailable")
                require_trouble(asking.ask("/api/v1/entries/7"), "unavailable")
                require_trouble(
                    asking.ask("/api/v1/entries?start=0&end=9"), "unavailable"
                )
                proof = "/api/v1/proof/inclusion?index=7"
                require_trouble(asking.ask(proof), "unavailable")
                require_trouble(asking.ask(proof, accept="text/plain"), "unavailable")
                # The new entry is committed; the known one's tile cannot be read.
                answer = asking.ask("/api/v1/entries", BODY)
                require_trouble(answer, "outcome-unknown")
                assert 200 == asking.ask("/healthz").status
                assert 404 == asking.ask("/tile/0/999").status
            assert 200 == asking.ask(TILE).status
            assert 200 == asking.ask("/api/v1/entries", BODY).status
        await require_both_entries(server)
        assert 0 == server.terminate()


async def test_idle_clients_take_no_descriptor_that_the_log_needs(
    tmp_path: Path,
) -> None:
    server = NarrowProcess(tmp_path / "log")
    try:
        fill(server.start())
        with ExitStack() as idle:
            for _ in range(SIZE):
                idle.enter_context(closing(Asking(server.url)))
            asking = idle.enter_context(closing(Asking(server.url)))
            assert 200 == asking.ask(TILE).status
            assert 200 == asking.ask("/api/v1/proof/inclusion?index=7").status
            assert 201 == asking.ask("/api/v1/entries", BODY).status
            await require_both_entries(server)
        assert 0 == server.terminate()
    finally:
        server.end()


@pytest.mark.parametrize("form", ["full", "partial"])
def test_only_a_tile_that_the_tree_lacks_is_404(tmp_path: Path, form: str) -> None:
    """A published tile that was removed is damage, and no cache keeps that."""
    with serving(tmp_path / "log") as server:
        fill(server)
        (tmp_path / "log" / "public" / TILE[1:]).unlink()
        with closing(Asking(server.url)) as asking:
            answer = asking.ask(TILE if form == "full" else f"{TILE}.p/9")
        assert (500, "corrupt") == (answer.status, answer.json()["type"])
        assert "no-store" == answer.headers["cache-control"]
