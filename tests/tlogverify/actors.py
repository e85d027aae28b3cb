"""Logs and witnesses that sign, written from the specifications alone.

Nothing here calls the code under test but for its value types: the messages, the ids
and the lines are built anew, so that a mistake would have to be made twice.
"""

import base64
import hashlib
import struct
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from tests.oracle import rfc6962
from tlogverify.hashing import to_hash
from tlogverify.keys import KeyType, VerifierKey

ED25519 = KeyType.ED25519
COSIGNATURE = KeyType.COSIGNATURE
MLDSA44 = KeyType.MLDSA44

ORIGIN = "log.example/2026"
LEAVES = rfc6962.leaf_hashes(7)
TIME_S = 1_790_000_000


@dataclass(frozen=True)
class Head:
    """The values of a checkpoint: those of the tree of 7 leaves unless told."""

    origin: str = ORIGIN
    size: int = 7
    root: bytes = rfc6962.root(LEAVES)
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> bytes:
        """The text of the note."""
        root = base64.b64encode(self.root).decode()
        lines = [self.origin, str(self.size), root, *self.extensions]
        return "".join(f"{line}\n" for line in lines).encode()


@dataclass(frozen=True)
class Actor:
    """A private key under a name; seed: any label, the same one makes the same key."""

    name: str
    key_type: KeyType
    seed: str = "one"

    @property
    def public_bytes(self) -> bytes:
        """The raw public key."""
        return _public_bytes(self.key_type, self.seed)

    @property
    def key(self) -> VerifierKey:
        """The key that verifies this actor's signatures."""
        return VerifierKey(self.name, self.key_type, self.public_bytes)

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that stand before the signatures."""
        named = f"{self.name}\n".encode() + bytes([self.key_type]) + self.public_bytes
        return hashlib.sha256(named).digest()[:4]

    @property
    def vkey(self) -> bytes:
        """The key as a line of text."""
        material = base64.b64encode(bytes([self.key_type]) + self.public_bytes)
        return f"{self.name}+{self.key_id.hex()}+".encode() + material

    def sign(self, message: bytes) -> bytes:
        """Return the bare signature of `message`."""
        return _private_key(self.key_type, self.seed).sign(message)

    def message(self, head: Head, time_s: int) -> bytes:
        """Return the bytes that are signed."""
        if self.key_type is ED25519:
            return head.text
        if self.key_type is COSIGNATURE:
            return b"cosignature/v1\ntime %d\n" % time_s + head.text
        name, origin = self.name.encode(), head.origin.encode()
        return struct.pack(
            f">12sB{len(name)}sQB{len(origin)}sQQ32s",
            b"subtree/v1\n\0",
            len(name),
            name,
            time_s,
            len(origin),
            origin,
            0,
            head.size,
            head.root,
        )

    def body(self, head: Head, time_s: int = TIME_S) -> bytes:
        """Return what follows the key id on the signature line."""
        signature = self.sign(self.message(head, time_s))
        timed = self.key_type is not ED25519
        return struct.pack(">Q", time_s) + signature if timed else signature

    def line(self, head: Head, time_s: int = TIME_S) -> bytes:
        """Return the signature line of `head`."""
        return line(self.name, self.key_id + self.body(head, time_s))


# To make a key takes as long as to sign with it.
@cache
def _private_key(
    key_type: KeyType, label: str
) -> Ed25519PrivateKey | MLDSA44PrivateKey:
    seed = hashlib.sha256(label.encode()).digest()
    if key_type is MLDSA44:
        return MLDSA44PrivateKey.from_seed_bytes(seed)
    return Ed25519PrivateKey.from_private_bytes(seed)


@cache
def _public_bytes(key_type: KeyType, label: str) -> bytes:
    return _private_key(key_type, label).public_key().public_bytes_raw()


def line(name: str, decoded: bytes) -> bytes:
    """Return a signature line; decoded: the key id and what follows it."""
    return f"\u2014 {name} ".encode() + base64.b64encode(decoded) + b"\n"


def oddly(signature_line: bytes) -> bytes:
    """Return a line with another spelling of its base64: the last unused bit is set."""
    digits, padding, _ = signature_line.partition(b"=")
    assert padding, "this base64 has no unused bits"
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = alphabet[alphabet.index(digits[-1:]) + 1 :][:1]
    return digits[:-1] + last + signature_line[len(digits) :]


def note(head: Head, *lines: bytes) -> bytes:
    """Return a note of these signature lines."""
    return head.text + b"\n" + b"".join(lines)


def path_of(index: int) -> tuple[bytes, ...]:
    """Return the inclusion proof of a leaf of the tree of 7."""
    return tuple(rfc6962.inclusion_path(index, LEAVES))


HEAD = Head()
EMPTY_HEAD = Head(size=0, root=rfc6962.EMPTY_ROOT)
SOME_HASH = to_hash(LEAVES[0])

LOG = Actor(ORIGIN, ED25519, "log")
LOG_MLDSA = Actor(ORIGIN, MLDSA44, "log")
OTHER_LOG = Actor("other.example/log", ED25519, "other log")
WITNESS = Actor("witness.example/w1", COSIGNATURE, "w1")
WITNESS_MLDSA = Actor("witness.example/w2", MLDSA44, "w2")
STRANGER = Actor("stranger.example", ED25519, "stranger")
