"""A log that nodes share, whose keys change: its steps, its heads, and who signed."""

import json
import subprocess
from asyncio import sleep, to_thread
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.support import warm
from tests.support.bucket import NAME, Bucket
from tests.support.http import ask
from tests.support.sharing import Shared
from tests.system.server import COMMAND, environment, run_tlog
from tlog.signing import generate_key, read_key
from tlogclient import LogClient
from tlogverify import Policy, Proof
from tlogverify.checkpoint import parse_checkpoint
from tlogverify.keys import KeyType
from tlogverify.note import parse_note

_LOOK_S = 0.02
_LOCK = 0x6B657973
_HOLD = """
CREATE OR REPLACE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock({lock}); RETURN NEW; END $$;
CREATE OR REPLACE TRIGGER hold BEFORE UPDATE ON tlog_heads FOR EACH ROW
WHEN (NEW.origin = '{origin}' AND {when}) EXECUTE FUNCTION hold()"""


class Rotated:
    """One log; folder: of its keys, for who changes them, and of no node.

    notes: of all heads that anybody was ever shown by a node.
    """

    def __init__(self, log: Shared, store: Bucket) -> None:
        self.log = log
        self.store = store
        self.notes: list[bytes] = []
        self.folder = log.folder / "admin"
        log.lay_key(self.folder)

    def lay_key(self, file: str, *names: str) -> str:
        """Lay a key into the folders of some nodes; return its verifier key."""
        made = self.log.folder / file
        if not made.exists():
            key_type = KeyType[file.split(".")[1].upper()]
            generate_key(self.log.origin, key_type).write(made)
        for name in names:
            laid = self.log.folder / name / "keys" / file
            laid.write_bytes(made.read_bytes())
            laid.chmod(0o600)
        return read_key(made).verifier_key.encode()

    def rotate(self, *step: str) -> dict[str, Any]:
        """Take one step, and return what it says."""
        done = self.log.run_tlog("rotate-key", self.folder, "--json", *step)
        assert 0 == done.returncode, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    async def submit(
        self, url: str, policy: Policy, batch: list[bytes], *, timeout_s: float = 60
    ) -> Proof:
        """Submit, with no second try; return one proof."""
        client = LogClient(url, policy, attempts=1, timeout_s=timeout_s)
        async with client:
            proofs = await client.submit(batch)
        self.notes.append(proofs[0].note)
        return proofs[-1]

    def signed(self) -> list[tuple[int, set[str]]]:
        """Return the size of each head there ever was, and which keys signed it."""
        ((note,),) = self.log.server.run(
            "SELECT note FROM tlog_heads WHERE origin = %s", self.log.origin
        )
        found = []
        for it in [*self.notes, *self.store.checkpoints, note]:
            parsed = parse_note(it)
            head = parse_checkpoint(parsed.text)
            names = {f"{line.name}+{line.key_id.hex()}" for line in parsed.signatures}
            if head.origin == self.log.origin:
                found.append((head.size, names))
        return found

    def watch(self, policy: Path) -> None:
        """Let a monitor look at the bucket; each alarm must be about an entry."""
        url = f"{self.store.url}/{NAME}/logs/{self.log.origin}/"
        done = run_tlog(
            *("monitor", "--log", url, "--policy", policy, "--once"),
            *("--state", self.log.folder / "state"),
        )
        assert done.returncode in {0, 4}, done.stderr
        kinds = {json.loads(it)["kind"] for it in done.stdout.splitlines()}
        assert kinds <= {"hit"}

    async def until_signed_by(self, url: str, *vkeys: str) -> None:
        """Wait until a node says that these keys sign, and no other."""
        told: list[str] = []
        while set(vkeys) != set(told):
            await sleep(_LOOK_S)
            with suppress(OSError, IndexError):
                told = (await ask(url, "/api/v1/log")).json()["verifier_keys"]

    async def until_it_writes(self, url: str) -> None:
        """Wait until a node writes in the newest term."""
        told: dict[str, Any] = {}
        while (told.get("role"), told.get("term")) != ("writes", self.log.head()[0]):
            await sleep(_LOOK_S)
            # It ends, and is started again.
            with suppress(OSError, IndexError):
                told = (await ask(url, "/readyz")).json()

    @contextmanager
    def held(self, when: str) -> Iterator["Held"]:
        """Hold the next change of the log's row for which a condition holds."""
        sql = _HOLD.format(lock=_LOCK, origin=self.log.origin, when=when)
        with psycopg.connect(self.log.server.url, autocommit=True) as holding:
            holding.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            holding.execute(sql)
            try:
                yield Held(holding)
            finally:
                holding.execute("SELECT pg_advisory_unlock_all()")
                holding.execute("DROP TRIGGER hold ON tlog_heads")

    async def kill_within(self, when: str, *step: str, persists: bool) -> None:
        """Kill a step within one of its changes, which is made or not."""
        command = [*COMMAND, "rotate-key", str(self.folder), *step]
        given = {**environment(), **self.log.variables}
        quiet = subprocess.DEVNULL
        with self.held(when) as held:
            running = warm.start(command, stdout=quiet, stderr=quiet, environment=given)
            await held.reached()
            running.send_signal(9)
            assert -9 == await to_thread(running.wait)
            held.let_go(persists=persists)


class Held:
    """A change that waits; holding: the connection that holds it."""

    def __init__(self, holding: psycopg.Connection[Any]) -> None:
        self._holding = holding

    async def reached(self) -> None:
        """Wait until somebody is about to make the change."""
        while not self._waiting():  # noqa: ASYNC110 - a database sets no event of ours
            await sleep(_LOOK_S)

    def let_go(self, *, persists: bool) -> None:
        """Let the change be made, or not; wait until it is decided."""
        if not persists:
            for (pid,) in self._waiting():
                self._holding.execute("SELECT pg_terminate_backend(%s, 60000)", (pid,))
        self._holding.execute("SELECT pg_advisory_unlock_all()")
        # Whoever waited has the lock until its change is made.
        self._holding.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))

    def _waiting(self) -> list[tuple[int]]:
        return self._holding.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ).fetchall()


def short(vkey: str) -> str:
    """Return the name and the id of a verifier key."""
    return "+".join(vkey.split("+")[:2])
