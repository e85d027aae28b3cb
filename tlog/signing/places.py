"""From the place of a key to the key: a file is read, others are asked to sign."""

from collections.abc import Callable
from pathlib import Path

from tlog.errors import RejectedError
from tlog.signing.agents import open_agent_key
from tlog.signing.attestation_keys import AttestationKey, read_attestation_key
from tlog.signing.heads import SigningKey, read_key
from tlog.signing.remote import RemoteKey
from tlog.signing.uris import AgentPlace, FilePlace, TokenPlace, parse_place
from tlogverify.keys import KeyType

OpenToken = Callable[[TokenPlace], RemoteKey]
"""Opens a key on a token; handed in, because what speaks to tokens is an extra."""


def open_no_token(place: TokenPlace) -> RemoteKey:
    """Refuse: where no way to tokens was handed in."""
    raise RejectedError(f"{place.shown}: no key on a token can be used here")


def open_signing_key(
    place: str, name: str, key_type: KeyType, open_token: OpenToken
) -> SigningKey:
    """Return the key of a log or witness at `place`, a key URI.

    name, key_type: what it signs as; a file states both itself, and "" takes its name.

    Raises FormatError, RejectedError, KeyAwayError, or OSError about a file.
    """
    parsed = parse_place(place)
    if isinstance(parsed, FilePlace):
        key = read_key(parsed.path)
        if key.verifier_key.key_type is not key_type:
            raise RejectedError(f"{parsed.path} is a key of another type")
        return key
    if key_type is KeyType.MLDSA44:
        raise RejectedError("an ML-DSA-44 key is a file: tokens and agents have none")
    return SigningKey(name, key_type, _open_remote(parsed, open_token))


def open_attestation_key(
    place: str, open_token: OpenToken, *, password: bytes | None = None
) -> AttestationKey:
    """Return the key of a signer of documents at `place`, a key URI.

    password: of an encrypted file.  Raises as `open_signing_key` does.
    """
    parsed = parse_place(place)
    if isinstance(parsed, FilePlace):
        return read_attestation_key(parsed.path, password=password)
    return AttestationKey(_open_remote(parsed, open_token))


def file_of(place: str) -> Path | None:
    """Return the path if a key URI is one of a file; FormatError if it is no URI."""
    parsed = parse_place(place)
    return parsed.path if isinstance(parsed, FilePlace) else None


def _open_remote(place: AgentPlace | TokenPlace, open_token: OpenToken) -> RemoteKey:
    if isinstance(place, TokenPlace):
        return open_token(place)
    return open_agent_key(place)
