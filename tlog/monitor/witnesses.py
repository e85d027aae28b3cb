"""Heads that the log has shown to witnesses: they must be of the tree shown here.

    GET <prefix>/<SHA-256 of the origin, hex>/checkpoint

Source: C2SP tlog-witness, "get-checkpoint".
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from tlog.monitor.store import Head
from tlog.monitor.web import MissingError, Web
from tlogclient.witness import witnesses_by_url
from tlogverify.errors import SignatureError
from tlogverify.keys import VerifierKey
from tlogverify.note import MAX_NOTE_BYTES
from tlogverify.policy import Policy
from tlogverify.signed import open_signed_checkpoint


class Witness(NamedTuple):
    """A witness that can be asked; name: as the policy calls its first key."""

    name: str
    url: str
    keys: tuple[VerifierKey, ...]


def witnesses_of(policy: Policy) -> list[Witness]:
    """Return the policy's witnesses that have a URL."""
    return [
        Witness(
            listed[0].name.decode("utf-8", "backslashreplace"),
            url,
            tuple(it.key for it in listed),
        )
        for url, listed in witnesses_by_url(policy).items()
    ]


async def read_head(
    web: Web, witness: Witness, policy: Policy, origin: str
) -> Head | None:
    """Return the head of a log that a witness has cosigned last; None if none yet.

    Raises SourceError, FormatError, or SignatureError unless both signed it.
    """
    origin_hash = hashlib.sha256(origin.encode()).hexdigest()
    url = f"{witness.url}/{origin_hash}/checkpoint"
    try:
        note = await web.get(url, MAX_NOTE_BYTES)
    except MissingError:
        return None
    return open_witnessed(note, policy, witness.keys, origin)


def open_witnessed(
    note: bytes, policy: Policy, keys: Sequence[VerifierKey], origin: str
) -> Head:
    """Return the head of a note that the log and one of a witness's keys have signed.

    Raises FormatError or SignatureError.
    """
    log_keys = [log.key for log in policy.logs]
    signed = open_signed_checkpoint(note, log_keys, keys)
    if all(signer.key not in keys for signer in signed.signers):
        raise SignatureError("the witness has not signed the head that it shows")
    checkpoint = signed.checkpoint
    if checkpoint.origin != origin:
        raise SignatureError("the witness shows the head of another log")
    return Head(checkpoint.size, checkpoint.root, note)
