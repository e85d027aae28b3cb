"""Keys of logs and witnesses, which sign heads and subtrees.

    PRIVATE+KEY+<name>+<8 hex: key id>+base64(<type> || <32-byte seed>) LF

A key shows its seed in no repr, error or log line.
Source: the form of Go's sumdb/note, which C2SP tools read; types: C2SP signed-note.
"""

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PrivateKey,
    MLDSA44PublicKey,
)

from tlog.clock import Clock
from tlog.errors import RejectedError
from tlog.signing.keyfiles import read_key_file, write_key_file
from tlog.signing.remote import KeyTeller, RemoteKey
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError
from tlogverify.hashing import Hash
from tlogverify.keys import KeyType, VerifierKey
from tlogverify.lines import encode_base64, parse_base64, parse_text
from tlogverify.note import NoteSignature, UnverifiedNote
from tlogverify.signed import encode_timestamped, signed_message, subtree_message

_PREFIX: Final = b"PRIVATE+KEY+"
_SEED_BYTES: Final = 32


class SigningKey:
    """One private key; `verifier_key` is its public half.

    holder: the 32-byte seed, or who signs with a key that never comes here.
    Raises FormatError if the name is not one, RejectedError for a P-256 key.
    """

    def __init__(self, name: str, key_type: KeyType, holder: bytes | RemoteKey) -> None:
        self._seed = b"" if isinstance(holder, RemoteKey) else holder
        self._private: Ed25519PrivateKey | MLDSA44PrivateKey | RemoteKey
        if isinstance(holder, RemoteKey):
            self._private = holder
        elif key_type is KeyType.MLDSA44:
            self._private = MLDSA44PrivateKey.from_seed_bytes(holder)
        else:
            self._private = Ed25519PrivateKey.from_private_bytes(holder)
        public = self._private.public_key()
        if not isinstance(public, Ed25519PublicKey | MLDSA44PublicKey):
            raise RejectedError("heads are signed with Ed25519, and this key is P-256")
        self.verifier_key = VerifierKey(name, key_type, public.public_bytes_raw())

    @property
    def states_time(self) -> bool:
        """Whether its signatures of heads state a time: all but those of type 0x01."""
        return self.verifier_key.key_type is not KeyType.ED25519

    @property
    def is_remote(self) -> bool:
        """Whether a token or an agent signs, which may take its time."""
        return isinstance(self._private, RemoteKey)

    @property
    def is_away(self) -> bool:
        """Whether a token or an agent holds the key and does not sign now."""
        return isinstance(self._private, RemoteKey) and self._private.is_away

    def tell_of(self, tell: KeyTeller) -> None:
        """Let `tell` know what happens to a key that somebody else holds."""
        if isinstance(self._private, RemoteKey):
            self._private.tell = tell

    def sign(self, checkpoint: Checkpoint, *, time_s: int) -> NoteSignature:
        """Return this key's line on `checkpoint`; Ed25519 log keys state no time.

        Raises KeyAwayError if a token or an agent does not sign now.
        """
        key = self.verifier_key
        signature = self._private.sign(signed_message(key, checkpoint, time_s=time_s))
        if key.key_type is not KeyType.ED25519:
            signature = encode_timestamped(time_s, signature)
        return NoteSignature(key.name, key.key_id, signature)

    def sign_text(self, text: bytes) -> bytes:
        """Sign a text that is no head, and can be read as none: its first line says so.

        Raises KeyAwayError as `sign` does.
        """
        return self._private.sign(text)

    def sign_subtree(self, subtree: Checkpoint, start: int) -> NoteSignature:
        """Return this ML-DSA-44 key's line on the leaves [start, subtree.size).

        subtree: its size is the end, its root the subtree's hash.  States no time.
        Source: C2SP tlog-witness, "sign-subtree".
        """
        key = self.verifier_key
        message = subtree_message(key.name, subtree, time_s=0, start=start)
        body = encode_timestamped(0, self._private.sign(message))
        return NoteSignature(key.name, key.key_id, body)

    def write(self, path: Path) -> None:
        """Write a new file of mode 0600, durably.

        FileExistsError rather than replace one.  The key is not one of a token's.
        """
        key = self.verifier_key
        if self.is_remote:
            raise RejectedError("a key that a token or an agent holds is in no file")
        material = encode_base64(bytes([key.key_type]) + self._seed)
        line = f"PRIVATE+KEY+{key.name}+{key.key_id.hex()}+{material}\n"
        write_key_file(path, line.encode())


def generate_key(name: str, key_type: KeyType) -> SigningKey:
    """Make a new key from the system's randomness."""
    return SigningKey(name, key_type, secrets.token_bytes(_SEED_BYTES))


def read_key(path: Path) -> SigningKey:
    """Read a key file.

    Raises RejectedError if others may read it, FormatError if it is not a key; neither
    shows the content of the file.
    """
    line = read_key_file(path, 4096).removesuffix(b"\n")
    try:
        return _parse_key(line)
    except (FormatError, ValueError, IndexError):
        # The cause would show the line.
        raise FormatError(f"{path} is not a private key") from None


class HeadSigner:
    """Signs the heads of one log with all of its keys.

    keys: one or more, each named as the log's origin.  log_id: what Sigstore calls the
    log by, the 32-byte hash of its first key.  retired: keys that signed what is stored
    and sign no more.  state: called with each time that is to
    be stated, which it returns.
    """

    def __init__(
        self,
        keys: Sequence[SigningKey],
        clock: Clock,
        state: Callable[[int], int] = lambda time_s: time_s,
        *,
        retired: Sequence[VerifierKey] = (),
    ) -> None:
        self._keys = tuple(keys)
        self._clock = clock
        self._state = state
        self._states_time = any(it.states_time for it in self._keys)
        self.verifier_keys = tuple(key.verifier_key for key in keys)
        self.known_keys = (*self.verifier_keys, *retired)
        self.origin = self.verifier_keys[0].name
        self.log_id = self.verifier_keys[0].key_hash

    @property
    def is_away(self) -> bool:
        """Whether one of the keys does not sign now."""
        return any(key.is_away for key in self._keys)

    def sign(self, size: int, root: Hash) -> bytes:
        """Return the signed checkpoint of a tree; checking it is the caller's.

        Raises KeyAwayError if one of the keys does not sign now.
        """
        checkpoint = Checkpoint(self.origin, size, root)
        time_s = self._clock.now_s()
        if self._states_time:
            time_s = self._state(time_s)
        lines = tuple(key.sign(checkpoint, time_s=time_s) for key in self._keys)
        return UnverifiedNote(checkpoint.encode(), lines).encode()


def _parse_key(line: bytes) -> SigningKey:
    if not line.startswith(_PREFIX):
        raise FormatError("a private key starts with PRIVATE+KEY+")
    name, key_id, material = line.removeprefix(_PREFIX).split(b"+", 2)
    decoded = parse_base64("a private key", material)
    key = SigningKey(parse_text("a key name", name), KeyType(decoded[0]), decoded[1:])
    if key.verifier_key.key_id.hex().encode() != key_id:
        raise FormatError("the id is not the key's")
    return key
