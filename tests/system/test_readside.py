"""Any static file server over public/ serves what the log server serves."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.system.audit import paths_of_size
from tests.system.load import audit_server, entry, fetch_all
from tests.system.server import ServerProcess, serving
from tlogclient import LogClient
from tlogverify import Checkpoint

SIZES = [1, 255, 256, 257, 700]


@contextmanager
def static_server(folder: Path) -> Iterator[str]:
    """Serve `folder` with the standard library's server; yield its URL."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "--directory", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            # It says where, in brackets, with a slash at the end.
            yield process.stdout.readline().split("(")[1].split("/)")[0]
        finally:
            process.kill()


async def grow_to(server: ServerProcess, size: int) -> None:
    """Submit until the log has `size` entries, in two requests."""
    wanted = [entry(f"read {number}") for number in range(size)]
    async with LogClient(server.url, server.policy) as client:
        await client.submit(wanted[: size // 2] or wanted)
        await client.submit(wanted)


async def published(server: ServerProcess, url: str, size: int) -> Checkpoint:
    """Ask for the public checkpoint until it names `size`."""
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{url}/checkpoint") as answer:
                note = await answer.read()
                # A new log has none until its first publication.
                if answer.status == 404:
                    continue
            checkpoint = server.policy.open_checkpoint(note).checkpoint
            if checkpoint.size == size:
                return checkpoint


@pytest.mark.parametrize("size", SIZES)
async def test_a_static_server_over_a_running_log_serves_the_same_bytes(
    tmp_path: Path, size: int
) -> None:
    with (
        serving(tmp_path / "log", "--publish-interval-ms", "0") as server,
        static_server(tmp_path / "log" / "public") as static,
    ):
        await grow_to(server, size)
        checkpoint = await published(server, server.url, size)
        paths = ["checkpoint", *paths_of_size(checkpoint.size)]
        expected = await fetch_all(server.url, paths)
        assert expected == await fetch_all(static, paths)
        by_log = await audit_server(server.url, checkpoint)
        assert by_log == await audit_server(static, checkpoint)
        assert [entry(f"read {number}") for number in range(size)] == by_log.entries


async def test_a_static_server_over_a_stopped_log_serves_the_same_bytes(
    tmp_path: Path,
) -> None:
    with (
        serving(tmp_path / "log") as server,
        static_server(tmp_path / "log" / "public") as static,
    ):
        await grow_to(server, 600)
        paths = paths_of_size(600)
        by_log = await fetch_all(server.url, paths)
        assert 0 == server.terminate()
        assert by_log == await fetch_all(static, paths)
        checkpoint = await published(server, static, 600)
        await audit_server(static, checkpoint)


async def test_a_restarted_log_serves_its_checkpoint_from_the_first_request_on(
    tmp_path: Path,
) -> None:
    with serving(tmp_path / "log") as server:
        await grow_to(server, 300)
        server.terminate()
        before = (tmp_path / "log" / "public" / "checkpoint").read_bytes()
        server.start()
        assert {"checkpoint": before} == await fetch_all(server.url, ["checkpoint"])


async def test_older_widths_of_the_right_edge_are_served_too(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as server:
        await grow_to(server, 300)
        full = await fetch_all(
            server.url, ["tile/0/000", "tile/0/001.p/44", "tile/entries/001.p/44"]
        )
        widths = {f"tile/0/001.p/{width}" for width in (1, 17, 43)}
        for path, content in (await fetch_all(server.url, widths)).items():
            width = int(path.rpartition("/")[2])
            assert full["tile/0/001.p/44"][: 32 * width] == content
        (first,) = (await fetch_all(server.url, ["tile/0/000.p/255"])).values()
        assert full["tile/0/000"][: 32 * 255] == first
