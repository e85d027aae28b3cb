"""Which keys signed a checkpoint: the bytes each type signs, and opening a note.

    0x01  the checkpoint's text
    0x04  "cosignature/v1" LF "time " <decimal> LF <the checkpoint's text>
    0x06  "subtree/v1" LF 00 || len(1) cosigner || time(8) || len(1) origin
          || start(8) || end(8) || hash(32)

The last two come as time(8) || signature, big-endian; the time is signed too.  A log's
own ML-DSA-44 signature has the cosignature form, with the origin as its cosigner.

Source: C2SP signed-note, "Signatures"; tlog-cosignature, "Format".
"""

from collections.abc import Iterable
from typing import NamedTuple

from tlogverify.checkpoint import Checkpoint, parse_checkpoint
from tlogverify.errors import FormatError, SignatureError
from tlogverify.keys import KeyType, VerifierKey, require_key_name
from tlogverify.lines import MAX_SIZE
from tlogverify.note import NoteSignature, UnverifiedNote, parse_note


class Signer(NamedTuple):
    """A key whose signature has been verified.

    time_s: POSIX seconds that the signature claims; 0 where it claims none.
    """

    key: VerifierKey
    time_s: int


class SignedCheckpoint(NamedTuple):
    """A checkpoint and the known keys that signed it: at least one."""

    checkpoint: Checkpoint
    signers: tuple[Signer, ...]


def cosignature_message(checkpoint: Checkpoint, *, time_s: int) -> bytes:
    """Return the bytes that an Ed25519 cosigner (0x04) signs."""
    return f"cosignature/v1\ntime {time_s}\n".encode() + checkpoint.encode()


def subtree_message(
    cosigner: str, checkpoint: Checkpoint, *, time_s: int, start: int = 0
) -> bytes:
    """Return the bytes that an ML-DSA-44 cosigner (0x06) signs.

    checkpoint: for start 0 the tree itself; otherwise its size is the subtree's end
    and its root the subtree's hash.

    Raises FormatError for extension lines, which this message does not cover, and for
    a time other than 0 with a start other than 0.
    """
    if checkpoint.extensions:
        raise FormatError("an ML-DSA-44 signature does not cover extension lines")
    if start and time_s:
        raise FormatError("a subtree's cosignature has time 0", time_s)
    require_key_name(cosigner)
    name, origin = cosigner.encode(), checkpoint.origin.encode()
    return b"".join(
        (
            b"subtree/v1\n\x00",
            len(name).to_bytes(1, "big") + name,
            time_s.to_bytes(8, "big"),
            len(origin).to_bytes(1, "big") + origin,
            start.to_bytes(8, "big"),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def signed_message(key: VerifierKey, checkpoint: Checkpoint, *, time_s: int) -> bytes:
    """Return the bytes that `key` signs for `checkpoint`; 0x01 ignores the time."""
    if key.key_type is KeyType.ED25519:
        return checkpoint.encode()
    if key.key_type is KeyType.COSIGNATURE:
        return cosignature_message(checkpoint, time_s=time_s)
    return subtree_message(key.name, checkpoint, time_s=time_s)


def encode_timestamped(time_s: int, signature: bytes) -> bytes:
    """Return the body of a 0x04 or 0x06 signature line, without the key id."""
    return time_s.to_bytes(8, "big") + signature


def verify_signature(
    key: VerifierKey, checkpoint: Checkpoint, line: NoteSignature
) -> Signer:
    """Prove that `line` is the key's signature of `checkpoint`.

    Raises FormatError for base64 that is not canonical, SignatureError if the signature
    is not proven.
    """
    if line.spelled:
        raise FormatError("a signature must be canonical base64", line.spelled)
    time_s, signature = 0, line.signature
    if key.key_type is not KeyType.ED25519:
        time_s, signature = int.from_bytes(signature[:8], "big"), signature[8:]
    if time_s > MAX_SIZE:
        raise SignatureError(f"the time of {key.name}'s signature is out of bounds")
    try:
        message = signed_message(key, checkpoint, time_s=time_s)
    except FormatError as error:
        raise SignatureError(f"{key.name} cannot have signed: {error}") from None
    key.verify(message, signature)
    return Signer(key, time_s)


def verify_signatures(
    note: UnverifiedNote, checkpoint: Checkpoint, keys: Iterable[VerifierKey]
) -> tuple[Signer, ...]:
    """Prove every line that one of `keys` is named on; other lines are ignored.

    Raises FormatError or SignatureError if a known key's line fails or stands there
    twice.
    """
    signers: list[Signer] = []
    for key in keys:
        lines = [line for line in note.signatures if line.is_by(key)]
        if len(lines) > 1:
            raise SignatureError(f"{key.name} is named on {len(lines)} lines")
        signers += [verify_signature(key, checkpoint, line) for line in lines]
    return tuple(signers)


def open_signed_checkpoint(
    note_bytes: bytes,
    log_keys: Iterable[VerifierKey],
    other_keys: Iterable[VerifierKey],
) -> SignedCheckpoint:
    """Parse a note, prove its known signatures, and return what they say.

    log_keys: at least one that bears the origin's name must have signed.
    other_keys: witnesses; may have signed.  All keys must differ in name or id.

    Raises FormatError or SignatureError.
    """
    note = parse_note(note_bytes)
    checkpoint = parse_checkpoint(note.text)
    logs = tuple(log_keys)
    by_log = verify_signatures(note, checkpoint, logs)
    # A key of log A says nothing about log B, though it may sign B's head.
    if not any(signer.key.name == checkpoint.origin for signer in by_log):
        raise SignatureError(
            f"no trusted log key of {checkpoint.origin!r} signed: "
            + _trusted_instead(checkpoint.origin, {key.name for key in logs})
        )
    by_others = verify_signatures(note, checkpoint, other_keys)
    return SignedCheckpoint(checkpoint, by_log + by_others)


def _trusted_instead(origin: str, names: set[str]) -> str:
    if origin in names:
        return "the key that is trusted under this name is another one"
    trusted = ", ".join(repr(name) for name in sorted(names)[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"trusted are {trusted or 'no logs'}{more}; another log needs its own policy"


def open_checkpoint(note_bytes: bytes, *log_keys: VerifierKey) -> Checkpoint:
    """Return the checkpoint of a note that one of the log's keys signed.

    Raises FormatError, or SignatureError unless a key named as the origin signed.
    """
    return open_signed_checkpoint(note_bytes, log_keys, ()).checkpoint
