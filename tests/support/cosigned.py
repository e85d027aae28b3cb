"""A log with witnesses, all of them in this process."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from pathlib import Path

from tests.support.http import Answer, ask
from tests.support.running import LOOK_S, ORIGIN, running_log, until
from tests.support.witnessing import Served, running_witness
from tests.tlogverify.actors import ED25519, Actor
from tlog.log.life import Log
from tlog.signing import SigningKey
from tlogverify import FormatError, Policy, QuorumError, Record
from tlogverify.record import Subject

LOG_ACTOR = Actor(ORIGIN, ED25519, "a log with witnesses")
"""Whose key the log has, so that a test can sign as the log does."""

NOWHERE = "http://127.0.0.1:9"
"""The discard port: nobody listens there."""

TOLD = {"witness_unconfirmed": True}
"""The operator's word, for a log that starts without its quorum."""


def write_key(folder: Path) -> None:
    """Give the log in `folder` the actor's key."""
    keys = folder / "keys"
    if not keys.exists():
        keys.mkdir(parents=True, mode=0o700)
        seed = sha256(LOG_ACTOR.seed.encode()).digest()
        SigningKey(ORIGIN, ED25519, seed).write(keys / "log.ed25519")


def policy_of(witnesses: Sequence[Served], needed: int, **urls: str) -> str:
    """Return a policy of w0, w1, …; urls: of those that are asked elsewhere."""
    names = [f"w{number}" for number in range(len(witnesses))]
    lines = [
        f"witness {name} {it.keys[0].encode()} {urls.get(name, it.url)}"
        for name, it in zip(names, witnesses, strict=True)
    ]
    if needed == 0:
        return "\n".join([*lines, "quorum none", ""])
    group = f"group enough {needed} {' '.join(names)}"
    return "\n".join([*lines, group, "quorum enough", ""])


@asynccontextmanager
async def some_witnesses(folder: Path, count: int = 3) -> AsyncIterator[list[Served]]:
    """Serve witnesses of the log, with an Ed25519 key each."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                running_witness(
                    folder / f"witness{number}",
                    LOG_ACTOR,
                    name=f"witness.example/{number}",
                    keys="ed25519",
                )
            )
            for number in range(count)
        ]


@asynccontextmanager
async def cosigned_log(
    folder: Path, policy: str, **changes: object
) -> AsyncIterator[tuple[str, Log]]:
    """Serve the log in `folder` under a policy of witnesses, without pauses."""
    write_key(folder)
    file = folder.with_name(f"{folder.name}.witnesses")
    file.write_text(policy)
    settings = {"witness_interval_ms": 1, "witness_timeout_ms": 2_000, **changes}
    async with running_log(folder, witness_policy=file, **settings) as found:
        yield found


def record(number: int, salt: str = "") -> Record:
    """Return one record; another for each number and salt."""
    digest = sha256(f"{salt}{number}".encode()).digest()
    return Record((Subject(digest),), digest)


async def submit(
    url: str, numbers: Sequence[int], query: str = "", salt: str = ""
) -> Answer:
    """Submit records by hand."""
    entries = [json.loads(record(number, salt).encode()) for number in numbers]
    return await ask(
        url,
        f"/api/v1/entries{query}",
        method="POST",
        headers={"Content-Type": "application/json"},
        body=json.dumps({"entries": entries}).encode(),
    )


async def public_policy(log: Log) -> Policy:
    """Return the policy that the log hands out."""
    return Policy.parse(log.standing.policy.encode())


async def shown(log: Log, size: int, signers: int) -> None:
    """Wait until `size` entries are public under so many cosignatures."""
    policy = await public_policy(log)

    def is_shown() -> bool:
        try:
            seen = policy.open_checkpoint(log.publisher.public_note)
        except (FormatError, QuorumError):
            # None yet, or one from before there were witnesses.
            return False
        return (size, signers) == (seen.checkpoint.size, len(seen.witnesses))

    await until(is_shown, LOOK_S)
