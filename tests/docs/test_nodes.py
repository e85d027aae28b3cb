"""What operations.md says to do with a log that several nodes share, done.

PostgreSQL is real; the store is gofakes3 where that is found, else a bucket in memory.
Each machine of the document is a folder here.
"""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import obstore
import psycopg
import pytest
from obstore.store import S3Store

from tests.docs.documents import DOCS, Block, blocks
from tests.docs.test_examples import may_run
from tests.docs.workplace import Workplace
from tests.support.bucket import NAME, bucket
from tests.support.postgres import Postgres, postgres
from tests.support.real_bucket import KEY_ID, SECRET, real_bucket
from tests.support.sharing import SomeBucket

MARKER = re.compile(r"not run: tests/docs/test_nodes\.py runs it: ([\w-]+)")


def steps() -> dict[str, Block]:
    """Return the blocks of operations.md that are run here, by their names."""
    found = {}
    for block in blocks(DOCS / "operations.md"):
        if named := MARKER.fullmatch(block.marker):
            assert named[1] not in found
            found[named[1]] = block
    return found


@dataclass
class Machine:
    """A machine of the document, on which a node may run."""

    place: Workplace
    taken: set[str]
    steps: dict[str, Block] = field(default_factory=steps)

    def run(self, name: str) -> None:
        """Run what stands in the document under this name, if this machine can."""
        self.taken.add(name)
        if may_run(self.steps[name]):
            self.place.run(self.steps[name])

    def run_line(self, text: str) -> None:
        block = self.steps["look"]
        line = Block(block.document, block.line, "", "sh", text)
        self.place.run(line)

    def start(self) -> None:
        """Start the node; return once it answers."""
        self.taken.add("start")
        self.place.serve(f"sh -e -c {shlex.quote(self._start)}")
        self.place.replaced["http://10.0.0.1:8080"] = self.place.url

    def refused(self) -> tuple[int, str]:
        """Start a node that must not serve; return its status and what it says."""
        done = subprocess.run(
            ["sh", "-e", "-c", self._start],
            cwd=self.place.folder,
            env=self.place.environment,
            pass_fds=self.place.descriptors,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def _start(self) -> str:
        text = self.steps["start"].text
        text = re.sub("^pip .*\n", "", text, flags=re.MULTILINE)
        return text.replace("10.0.0.1:8080", "127.0.0.1:0")

    def role(self) -> str:
        """Return what the node says that it does; nothing while it cannot."""
        with suppress(URLError, ConnectionError):
            try:
                with urlopen(f"{self.place.url}/readyz") as answer:  # noqa: S310
                    return str(json.loads(answer.read())["role"])
            except HTTPError as refused:
                return str(json.loads(refused.read())["role"])
        return ""

    def until_it_writes(self, pause: Event) -> None:
        while self.role() != "writes":
            pause.wait(0.1)

    def submit(self, number: int) -> int:
        """Submit one entry of this number; return its index."""
        digest = f"{number:064x}"
        record = {"kind": "provenance", "version": 1}
        record |= {"provenance": {"sha256": digest}, "subject": [{"sha256": digest}]}
        headers = {"Content-Type": "application/json"}
        asked = Request(  # noqa: S310 - a loopback server of ours
            f"{self.place.url}/api/v1/entries",
            json.dumps({"entries": [record]}).encode(),
            headers,
        )
        with urlopen(asked) as answer:  # noqa: S310 - as above
            return int(json.loads(answer.read())["entries"][0]["index"])


@dataclass
class World:
    """Two machines, and the engines that they share."""

    server: Postgres
    bucket: SomeBucket
    a: Machine
    b: Machine

    def empty_the_bucket(self) -> None:
        """Remove all objects of the log."""
        given = self.bucket.variables
        store = S3Store(
            NAME,
            endpoint=given["AWS_ENDPOINT_URL"],
            region="us-east-1",
            access_key_id=KEY_ID,
            secret_access_key=SECRET,
            client_options={"allow_http": True},
        )
        keys = [it["path"] for page in obstore.list(store, "logs") for it in page]
        obstore.delete(store, keys)


@contextmanager
def some_bucket() -> Iterator[SomeBucket]:
    """Give gofakes3's bucket, or one in memory where that is not installed."""
    with ExitStack() as stack:
        try:
            found: SomeBucket = stack.enter_context(real_bucket("gofakes3"))
        except pytest.skip.Exception:
            found = stack.enter_context(bucket())
        yield found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with postgres() as server, some_bucket() as stored:
        monkeypatch.setenv("PATH", str(server.programs), prepend=":")
        taken: set[str] = set()
        machines = []
        for name in "ab":
            (tmp_path / name).mkdir()
            place = Workplace(tmp_path / name)
            place.replaced = {
                "postgres@db.example.org": f"tlog@127.0.0.1:{server.port}",
                "db.example.org": f"127.0.0.1:{server.port}",
                "https://store.example.org": stored.variables["AWS_ENDPOINT_URL"],
                "AWS_ACCESS_KEY_ID=nodes": f"AWS_ACCESS_KEY_ID={KEY_ID}",
                "secret-of-the-store": SECRET,
                "eu-central-1": "us-east-1",
            }
            shutil.copy(DOCS / "ops/shared/keep.py", place.folder)
            machines.append(Machine(place, taken))
        try:
            yield World(server, stored, *machines)
        finally:
            for machine in machines:
                machine.place.end()


def test_the_commands_of_what_nodes_share_do_what_is_said(world: World) -> None:
    a, b, pause = world.a, world.b, Event()
    a.run("database")
    a.run("keys")
    shutil.copy(a.place.folder / "log.ed25519", b.place.folder)
    for machine in (a, b):
        machine.run("node")
        machine.start()
        machine.run("look")
    assert ["writes", "follows"] == [a.role(), b.role()]
    used = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tlog'"
    assert 2 * 6 >= world.server.run(used)[0][0]
    indexes = {number: b.submit(number) for number in range(40)}
    _back_up_under_load(world, indexes)

    # By hand: the one that wrote ends, and comes back as one that follows.
    b.run("hand-over")
    b.until_it_writes(pause)
    assert 3 == a.place.wait()
    a.start()
    # A node is lost, with all that it had.
    b.place.end()
    shutil.rmtree(b.place.folder / "node")
    a.until_it_writes(pause)
    b.run("node")
    b.start()
    assert indexes == {number: b.submit(number) for number in indexes}

    # As at an upgrade; then nothing runs, and what lies there is the whole log.
    assert 0 == a.place.stop()
    b.until_it_writes(pause)
    indexes |= {number: b.submit(number) for number in range(1000, 1020)}
    assert 0 == b.place.stop()
    b.run("save")
    _lose_the_bucket(world)
    _lose_the_database(world)
    b.start()
    assert indexes == {number: b.submit(number) for number in indexes}
    assert 0 == b.place.stop()
    assert a.steps.keys() == a.taken


def _lose_the_bucket(world: World) -> None:
    """Put an older copy back, which is refused, and then the newest one."""
    newest, older = (it.place.folder / "copy" for it in (world.b, world.a))
    kept = newest.rename(newest.with_name("newest"))
    shutil.copytree(older, newest)
    world.empty_the_bucket()
    world.b.run_line("set -a; . ./nodes.env; python keep.py put copy $TLOG_OBJECTS")
    status, told = world.b.refused()
    assert (1, True) == (status, "does not lead to its head" in told), told
    world.empty_the_bucket()
    shutil.rmtree(newest)
    kept.rename(newest)
    world.b.run("bucket-back")


def _lose_the_database(world: World) -> None:
    """Start on an empty one, which is refused, and then on its copy."""
    url = world.server.url.removesuffix("/postgres") + "/log"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE tlog_heads, tlog_batches")
    status, told = world.b.refused()
    assert (1, True) == (status, "a checkpoint is public" in told), told
    world.b.run("database-back")


def _back_up_under_load(world: World, indexes: dict[int, int]) -> None:
    """Back up and prove while somebody submits."""
    a, ending = world.a, Event()

    def submit() -> None:
        while not ending.wait(0.02):
            number = len(indexes)
            indexes[number] = a.submit(number)

    submitting = Thread(target=submit)
    submitting.start()
    try:
        a.run("save")
    finally:
        ending.set()
        submitting.join()
    a.run("prove")
