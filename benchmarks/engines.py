"""A database and an object store as processes of their own, for logs that nodes share.

PostgreSQL with its defaults, so synced as always, on the disk; gofakes3 in memory, so
that the store's own disk is not what is measured.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.running import free_port, wait_for_port

_BUCKET: Final = "bucket"
BUCKET_URL: Final = f"s3://{_BUCKET}/logs"
"""A prefix in the bucket that `bucket` runs."""


@dataclass(frozen=True, slots=True)
class Engines:
    """What nodes share.  postmaster, store: the ids of two processes."""

    postmaster: int
    store: int
    flags: tuple[str, ...]

    @property
    def database_cpu_s(self) -> float:
        """The CPU time of the server and of its backends that have not ended."""
        return _cpu_s(self.postmaster) + sum(map(_cpu_s, _children(self.postmaster)))

    @property
    def store_cpu_s(self) -> float:
        """The CPU time of the store."""
        return _cpu_s(self.store)


@contextmanager
def engines() -> Iterator[Engines]:
    """Run both; FileNotFoundError where one is not installed."""
    with _database() as (postmaster, port), bucket() as store:
        database = f"postgresql://tlog@127.0.0.1:{port}/postgres"
        flags = (f"--database={database}", f"--objects={BUCKET_URL}")
        yield Engines(postmaster, store, flags)


@contextmanager
def _database() -> Iterator[tuple[int, int]]:
    """Run PostgreSQL on a new folder below TMPDIR; yield its id and its port."""
    found = shutil.which("initdb") or next(
        iter(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")))), None
    )
    if found is None:
        raise FileNotFoundError("initdb: apt-get install postgresql")
    programs = Path(found).resolve().parent
    # It does not run as root.
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="tlog-bench-postgres-"))
    port = free_port()

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs / program, "-D", folder / "d", *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            user=user,
            extra_groups=None if user is None else [],
            cwd="/",
        )

    try:
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        run("initdb", "-A", "trust", "-U", "tlog")
        options = f"-c port={port} -c unix_socket_directories="
        run("pg_ctl", "-w", "-o", options, "-l", str(folder / "log"), "start")
        try:
            told = (folder / "d/postmaster.pid").read_text("ascii")
            yield int(told.split()[0]), port
        finally:
            run("pg_ctl", "-w", "-m", "fast", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def has_bucket() -> bool:
    """Whether `bucket` can be run."""
    return _gofakes3() is not None


def _gofakes3() -> str | None:
    return os.environ.get("TLOG_GOFAKES3") or shutil.which("gofakes3")


@contextmanager
def bucket() -> Iterator[int]:
    """Run gofakes3, and name it in the environment of servers; yield its id.

    FileNotFoundError where it is not installed.
    """
    program = _gofakes3()
    if program is None:
        raise FileNotFoundError("gofakes3: see tests/support/real_bucket.py")
    port = free_port()
    command = [program, "-backend", "memory", "-host", f"127.0.0.1:{port}"]
    with subprocess.Popen(
        [*command, "-initialbucket", _BUCKET],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for_port(port)
            for name, value in (
                ("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}"),
                ("AWS_ACCESS_KEY_ID", "bench"),
                ("AWS_SECRET_ACCESS_KEY", "bench"),
                ("AWS_REGION", "us-east-1"),
            ):
                os.environ[name] = value
            yield process.pid
        finally:
            process.kill()


def _children(parent: int) -> list[int]:
    text = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii")
    return [int(it) for it in text.split()]


def _cpu_s(process: int) -> float:
    try:
        stat = Path(f"/proc/{process}/stat").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
