"""The compose file of a log that three nodes share: read, and run without containers.

What differs from containers: a service's name and port are a port of this machine, its
paths are folders here, and the images of PostgreSQL and the store are programs of this
machine; where versitygw is not installed, the store is a bucket in memory.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import psycopg
import pytest
import yaml  # type: ignore[import-untyped]  # the oracle alone: nothing of ours needs it

from tests.docs.documents import DOCS
from tests.docs.workplace import Workplace
from tests.faults.opened import entries
from tests.support import warm
from tests.support.bucket import bucket
from tests.support.cases import case
from tests.support.http import ask
from tests.support.postgres import Postgres, free_port, postgres
from tlog.cli.command import verb_parser
from tlog.log.settings import LogSettings
from tlogclient import LogClient
from tlogverify import Policy

SHARED = DOCS / "ops" / "shared"
NODES = ("node1", "node2", "node3")
OURS = (*NODES, "witness", "monitor")
LOOK_S = 0.2


def services() -> dict[str, Any]:
    """Return the services of the compose file, with what they take from others."""
    found: dict[str, Any] = yaml.safe_load((SHARED / "compose.yaml").read_text())
    return dict(found["services"])


def test_each_service_is_closed_and_its_command_and_variables_are_ours() -> None:
    found = services()
    assert {*OURS, "postgres", "bucket", "store"} == found.keys()
    variables = {f"TLOG_{it.name.upper()}" for it in fields(LogSettings)}
    for name in OURS:
        with case(name):
            service = found[name]
            assert service["read_only"]
            assert ["ALL"] == service["cap_drop"]
            verb, *arguments = service["command"]
            verb_parser(verb).parse_args(arguments)
            given = {it for it in service.get("environment", ()) if it[:5] == "TLOG_"}
            assert set() == given - variables
    for name in NODES:
        with case(name):
            # The others reach it by the name that it has in the compose file.
            assert f"http://{name}:8080" == found[name]["command"][-1]


def test_no_secret_stands_in_the_compose_file() -> None:
    text = (SHARED / "compose.yaml").read_text()
    assert [] == re.findall("(?i)password|secret_|access_key|[a-z0-9]{24}", text)
    for name, service in services().items():
        with case(name):
            for file in service.get("env_file", ()):
                assert file.startswith("secrets/") or file == "config/witness.env"


@dataclass
class Stack:
    """The services as processes of this machine, in a folder."""

    place: Workplace
    server: Postgres
    services: dict[str, Any] = field(default_factory=services)
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, warm.Running] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.place.folder

    def __post_init__(self) -> None:
        self.ports |= {name: free_port() for name in self.services}
        self.ports["postgres"] = self.server.port

    def placed(self, name: str, text: str) -> str:
        """Return a text of a service with the addresses and paths that it has here."""
        for other, port in self.ports.items():
            text = re.sub(rf"\b{other}:\d+", f"127.0.0.1:{port}", text)
        own = str(self.ports[name])
        text = re.sub(
            r"\b(0\.0\.0\.0|127\.0\.0\.1):(8080|7070)", rf"127.0.0.1:{own}", text
        )
        text = own if text == "5432" else text
        for there, here in (
            ("/var/lib/tlog", self.folder / "volumes" / name),
            ("/data", self.folder / "volumes/store"),
            ("/etc/tlog", self.folder / "config"),
            ("/run/secrets", self.folder / "secrets"),
        ):
            text = text.replace(there, str(here))
        return text

    def environment(self, name: str) -> dict[str, str]:
        """Return the variables of a service, those of its files too."""
        service = self.services[name]
        given = dict(service.get("environment", {}))
        for file in service.get("env_file", ()):
            lines = (self.folder / file).read_text().splitlines()
            given |= dict(it.split("=", 1) for it in lines)
        # That of the place otherwise, so that all are forked by one warm parent.
        kept = {k: v for k, v in self.place.environment.items() if k[:5] != "TLOG_"}
        return {**kept, **{k: self.placed(name, v) for k, v in given.items()}}

    def start(self, name: str) -> None:
        """Start a service of ours by its command."""
        command = [self.placed(name, it) for it in self.services[name]["command"]]
        with (self.folder / f"{name}.log").open("w") as log:
            self.running[name] = warm.start(
                [sys.executable, "-m", "tlog", *command],
                stdout=log,
                stderr=log,
                environment=self.environment(name),
            )

    def until_healthy(self, name: str) -> None:
        """Wait until the service's own check says so."""
        _, *test = self.services[name]["healthcheck"]["test"]
        check = [self.placed(name, it) for it in test]
        check[0] = sys.executable if check[0] == "python" else check[0]
        done: subprocess.CompletedProcess[bytes] | None = None
        while done is None or done.returncode:
            # It is not healthy yet, or has ended.
            running = self.running.get(name)
            assert running is None or running.poll() is None, self.log(name)
            Event().wait(LOOK_S)
            done = subprocess.run(check, capture_output=True, check=False)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Give the services, of which database and store run."""
    with postgres() as server, ExitStack() as stores:
        monkeypatch.setenv("PATH", str(server.programs), prepend=":")
        place = Workplace(tmp_path)
        shutil.copy(SHARED / "prepare.sh", place.folder)
        stack = Stack(place, server)
        prepare(place, "keys")
        database = stack.environment("postgres")
        user, name = database["POSTGRES_USER"], database["POSTGRES_DB"]
        secret = database["POSTGRES_PASSWORD"]
        server.run(f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{secret}'")
        server.run(f"CREATE DATABASE {name} OWNER {user}")
        stores.enter_context(running_store(stack))
        try:
            yield stack
        finally:
            for it in stack.running.values():
                if it.poll() is None:
                    it.send_signal(signal.SIGKILL)
                    it.wait()


def prepare(place: Workplace, *arguments: str) -> None:
    """Run prepare.sh; it must succeed."""
    command = ["sh", "prepare.sh", *arguments]
    subprocess.run(
        command,
        cwd=place.folder,
        env=place.environment,
        pass_fds=place.descriptors,
        check=True,
    )


@contextmanager
def running_store(stack: Stack) -> Iterator[None]:
    """Run the store by its command, or one in memory where it cannot be run."""
    service = stack.services["store"]
    program = os.environ.get("TLOG_VERSITYGW") or shutil.which("versitygw")
    if program is None or shutil.which("wget") is None:
        with bucket() as stored:
            stack.ports["store"] = int(stored.url.rpartition(":")[2])
            yield
        return
    # On a disk: what lies in memory may have no extended attributes.
    with TemporaryDirectory(prefix="tlog-compose-", dir="/var/tmp") as disk:
        (stack.folder / "volumes").mkdir()
        (stack.folder / "volumes/store").symlink_to(disk)
        made = [
            stack.placed("bucket", it) for it in stack.services["bucket"]["entrypoint"]
        ]
        subprocess.run(made, check=True)
        command = [stack.placed("store", it) for it in service["command"]]
        with subprocess.Popen(
            [program, *command],
            env=stack.environment("store"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as serving:
            try:
                stack.until_healthy("store")
                yield
            finally:
                serving.terminate()


async def test_the_services_run_as_the_file_says(stack: Stack) -> None:
    stack.until_healthy("postgres")
    stack.start("witness")
    stack.until_healthy("witness")
    vkey = (stack.folder / "volumes/witness/witness.vkey").read_text().strip()
    prepare(stack.place, "policy", vkey)
    written = stack.folder / "config/policy"
    written.write_text(stack.placed("witness", written.read_text()))
    for name in NODES:
        stack.start(name)
        stack.until_healthy(name)
    # Submitted at each node, and cosigned, or the policy would not take it.
    policy = Policy.read(written)
    for nth, name in enumerate(NODES):
        async with LogClient(stack.url(name), policy) as client:
            proofs = await client.submit(entries(nth * 10, nth * 10 + 10))
            assert list(range(nth * 10, nth * 10 + 10)) == [it.index for it in proofs]
    given = stack.environment("node1")
    url, password = given["TLOG_DATABASE"], given["PGPASSWORD"]
    with psycopg.connect(url, password=password) as database:
        rows = database.execute("SELECT term, address FROM tlog_heads").fetchall()
    assert [(1, stack.url("node1"))] == rows
    stack.start("monitor")
    stack.until_healthy("monitor")
    told = b""
    while b"tlog_monitor_verified_size 30.0" not in told:
        await asyncio.sleep(LOOK_S)
        told = (await ask(stack.url("monitor"), "/metrics")).body
    for name, running in stack.running.items():
        running.send_signal(signal.SIGTERM)
        assert 0 == running.wait(), stack.log(name)
