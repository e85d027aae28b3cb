"""A witness that runs in this process, and logs of one or two histories that ask it.

What is sent is built, and what is answered is verified, from the specification alone:
`cryptography`, `hashlib` and the oracle.
"""

import asyncio
import base64
import hashlib
import struct
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from tests.oracle import rfc6962
from tests.support.http import Answer, ask
from tests.tlogverify.actors import (
    COSIGNATURE,
    LOG,
    MLDSA44,
    TIME_S,
    Actor,
    Head,
    note,
)
from tlog.witness.door import serve_witness
from tlog.witness.opening import OpenWitness
from tlog.witness.settings import WitnessSettings
from tlogverify.keys import VerifierKey

NAME = "witness.example/tests"
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass
class StillClock:
    """A clock that a test moves by hand."""

    seconds: float = float(TIME_S)

    def now_s(self) -> int:
        return int(self.seconds)

    def monotonic_s(self) -> float:
        return self.seconds


class History:
    """One history of a log: what its keys sign, and prove."""

    def __init__(self, leaves: Sequence[bytes], *signers: Actor) -> None:
        self.signers = signers or (LOG,)
        self.origin = self.signers[0].name
        self.tree = rfc6962.Tree(list(leaves))

    def head(self, size: int) -> Head:
        """Return the head of the first `size` leaves."""
        return Head(self.origin, size, self.tree.root(size))

    def note(self, size: int) -> bytes:
        """Return the signed head."""
        head = self.head(size)
        return note(head, *(signer.line(head) for signer in self.signers))

    def path(self, old: int, size: int) -> list[bytes]:
        """Return the consistency proof; empty where there is none."""
        return self.tree.consistency_path(old, size) if old <= size else []

    def request(self, old: int, size: int) -> bytes:
        """Return the body of an honest add-checkpoint."""
        return add_body(old, self.path(old, size), self.note(size))


def histories(size: int, common: int) -> tuple[History, History]:
    """Return two histories of one log that part after `common` leaves."""
    one = rfc6962.leaf_hashes(size, "one")
    two = rfc6962.leaf_hashes(size, "two")
    return History(one), History([*one[:common], *two[common:]])


def add_body(old: int, path: Iterable[bytes], signed: bytes) -> bytes:
    """Return a body of add-checkpoint."""
    lines = [b"old %d" % old, *map(base64.b64encode, path)]
    return b"".join(it + b"\n" for it in lines) + b"\n" + signed


def subtree_body(
    start: int, end: int, subtree: bytes, path: Iterable[bytes], signed: bytes
) -> bytes:
    """Return a body of sign-subtree."""
    lines = [b"subtree %d %d" % (start, end), *map(base64.b64encode, (subtree, *path))]
    return b"".join(it + b"\n" for it in lines) + b"\n" + signed


class Served(NamedTuple):
    """A witness and where it listens."""

    url: str
    witness: OpenWitness

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """What its cosignatures are verified with."""
        return self.witness.verifier_keys

    async def add(self, body: bytes) -> Answer:
        """POST add-checkpoint."""
        return await ask(self.url, "/add-checkpoint", method="POST", body=body)

    async def sign(self, body: bytes) -> Answer:
        """POST sign-subtree."""
        return await ask(self.url, "/sign-subtree", method="POST", body=body)

    async def newest(self, origin: str = LOG.name) -> Answer:
        """GET the newest cosigned checkpoint of a log."""
        return await ask(self.url, f"/{hashed(origin)}/checkpoint")

    async def cosigned_size(self, origin: str = LOG.name) -> int | None:
        """Return the size of the newest cosigned checkpoint, or None."""
        answer = await self.newest(origin)
        if answer.status == 404:
            return None
        assert 200 == answer.status, answer
        return int(answer.body.split(b"\n")[1])


def hashed(origin: str) -> str:
    """Return what names a log in the witness's URLs."""
    return hashlib.sha256(origin.encode()).hexdigest()


def witness_settings(folder: Path, *logs: Actor, **changes: object) -> WitnessSettings:
    """Return settings of a witness that knows `logs`: one log if there are none."""
    vkeys = tuple(it.vkey.decode() for it in logs or (LOG,))
    plain = WitnessSettings(data=folder, name=NAME, listen="127.0.0.1:0", log=vkeys)
    return replace(plain, **changes)  # type: ignore[arg-type]  # each by its field


@asynccontextmanager
async def running_witness(
    folder: Path, *logs: Actor, clock: StillClock | None = None, **changes: object
) -> AsyncIterator[Served]:
    """Open, serve and drain the witness in `folder`."""
    witness = OpenWitness(witness_settings(folder, *logs, **changes), clock=clock)
    async with served(witness) as found:
        yield found


@asynccontextmanager
async def served(witness: OpenWitness) -> AsyncIterator[Served]:
    """Serve and drain an open witness; it must not have stopped by itself."""
    stop = asyncio.Event()
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve_witness(witness, stop, url.set_result))
    try:
        # A server that cannot start ends before it has a URL.
        either: set[asyncio.Future[Any]] = {url, serving}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            yield Served(url.result(), witness)
    finally:
        stop.set()
        await serving


def require_cosigned(
    lines: bytes, head: Head, keys: Sequence[VerifierKey], *, time_s: int | None = None
) -> None:
    """Assert that `lines` are these keys' cosignatures of `head`, and nothing else.

    time_s: what all must state; any time but 0 if it is None.
    """
    found = [_cut(line) for line in _lines(lines)]
    assert [it.name.encode() for it in keys] == [name for name, _ in found]
    for key, (_, decoded) in zip(keys, found, strict=True):
        told_s = struct.unpack(">Q", decoded[4:12])[0]
        assert told_s == time_s if time_s is not None else told_s > 0
        if key.key_type is COSIGNATURE:
            message = b"cosignature/v1\ntime %d\n" % told_s + head.text
        else:
            place = (0, head.size, head.root)
            message = _subtree_message(key.name, told_s, head.origin, place)
        _verify(key, decoded, message)


def require_subtree_cosigned(
    lines: bytes, origin: str, place: tuple[int, int, bytes], key: VerifierKey
) -> None:
    """Assert that `lines` are one cosignature of a subtree, which states no time."""
    (only,) = _lines(lines)
    name, decoded = _cut(only)
    assert key.name.encode() == name
    assert bytes(8) == decoded[4:12]
    _verify(key, decoded, _subtree_message(key.name, 0, origin, place))


def _lines(text: bytes) -> list[bytes]:
    lines = text.split(b"\n")
    assert b"" == lines.pop()
    return lines


def _cut(line: bytes) -> tuple[bytes, bytes]:
    mark, name, encoded = line.split(b" ")
    assert "—".encode() == mark
    return name, base64.b64decode(encoded, validate=True)


def _verify(key: VerifierKey, decoded: bytes, message: bytes) -> None:
    material = bytes([key.key_type]) + key.public_bytes
    named = hashlib.sha256(f"{key.name}\n".encode() + material).digest()
    assert named[:4] == decoded[:4]
    signature = decoded[12:]
    if key.key_type is MLDSA44:
        assert 2420 == len(signature)
        MLDSA44PublicKey.from_public_bytes(key.public_bytes).verify(signature, message)
    else:
        assert 64 == len(signature)
        Ed25519PublicKey.from_public_bytes(key.public_bytes).verify(signature, message)


def _subtree_message(
    cosigner: str, time_s: int, origin: str, place: tuple[int, int, bytes]
) -> bytes:
    name, log = cosigner.encode(), origin.encode()
    head = b"subtree/v1\n\x00" + bytes([len(name)]) + name
    head += struct.pack(">Q", time_s) + bytes([len(log)]) + log
    return head + struct.pack(">QQ32s", *place)
