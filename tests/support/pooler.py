"""PgBouncer in front of a PostgreSQL server, on a free port of this machine."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.postgres import Postgres, free_port
from tests.support.real_bucket import answers

MISSING = "needs PgBouncer: apt-get install pgbouncer"
_FOLDERS = (os.environ.get("PATH", os.defpath), "/usr/sbin")


@contextmanager
def pooled(server: Postgres, mode: str, connections: int) -> Iterator[str]:
    """Give the URL of a pooler; mode: "session" or "transaction".

    connections: at most so many are opened to the server.
    """
    program = shutil.which("pgbouncer", path=os.pathsep.join(_FOLDERS))
    if program is None:
        pytest.skip(MISSING)
    port = free_port()
    # It does not run as root.
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="tlog-pooler-") as name:
        settings = _settings(Path(name), server, port, mode, connections)
        if user is not None:
            os.chown(name, pwd.getpwnam(user).pw_uid, -1)
        pooling = subprocess.Popen(
            [program, settings],
            user=user,
            extra_groups=None if user is None else [],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not answers(port):
                assert pooling.poll() is None
            yield server.url.replace(str(server.port), str(port))
        finally:
            pooling.kill()
            pooling.wait()


def _settings(
    folder: Path, server: Postgres, port: int, mode: str, connections: int
) -> Path:
    (folder / "users").write_text('"tlog" ""\n')
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        "[databases]\n"
        f"postgres = host=127.0.0.1 port={server.port} dbname=postgres user=tlog\n"
        "[pgbouncer]\n"
        "listen_addr = 127.0.0.1\n"
        f"listen_port = {port}\n"
        "unix_socket_dir =\n"
        "auth_type = any\n"
        f"auth_file = {folder}/users\n"
        f"pool_mode = {mode}\n"
        f"default_pool_size = {connections}\n"
    )
    return settings
