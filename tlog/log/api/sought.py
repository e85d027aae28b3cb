"""What a search or a listener is for: a digest, a key, an identity or an issuer."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from tlog.log.reading import Reading
from tlogverify.errors import FormatError
from tlogverify.hashing import DIGEST_BYTES
from tlogverify.kinds import (
    digest_key,
    identity_key,
    issuer_key,
    parse_entry,
    rekor_digests,
)
from tlogverify.record import Record

_HEX: Final = re.compile(r"[0-9a-f]*")


class Sought(NamedTuple):
    """One thing that entries are found by; name: the query's; key: of the index."""

    name: str
    key: bytes

    async def those_meant(self, log: Reading, indexes: Sequence[int]) -> list[int]:
        """Return those of the indexes that the key finds which are meant.

        The index holds one key for each digest of an entry, whatever it is of; by
        `key=` an entry is meant that names the digest as its signer's.
        """
        if self.name != "key":
            return list(indexes)
        signed, entries = log.heads.signed, log.prover.entries
        return [
            index
            for index in indexes
            for entry in await entries(signed, index, index + 1)
            if self.key[1:] in _signers(entry)
        ]


def sought_of(parameters: Mapping[str, str]) -> Sought | None:
    """Return what a query is for, if for anything; FormatError for two things."""
    names = sorted(SOUGHT & parameters.keys())
    if len(names) > 1:
        raise FormatError(f"a search is for one of {', '.join(sorted(SOUGHT))}")
    return Sought(names[0], SOUGHT[names[0]](parameters[names[0]])) if names else None


def _digest_key(text: str) -> bytes:
    algorithm, _, digits = text.partition(":")
    if algorithm not in DIGEST_BYTES:
        raise FormatError("a digest is sha256:, sha384: or sha512: and hex", text)
    return digest_key(parse_hex("digest", digits, DIGEST_BYTES[algorithm]))


def _signer_key(text: str) -> bytes:
    algorithm, _, digits = text.partition(":")
    if algorithm != "sha256":
        raise FormatError("a key is sha256: and hex, of its SPKI or certificate", text)
    return digest_key(parse_hex("key", digits, 32))


def _signers(entry: bytes) -> set[bytes | None]:
    """Return the SHA-256 of each key or certificate that an entry was signed with."""
    parsed = parse_entry(entry)
    if isinstance(parsed, Record):
        return {parsed.signer}
    return {*rekor_digests(parsed)[1:]}


def parse_hex(name: str, digits: str, size: int) -> bytes:
    """Return the `size` bytes of lower-case hex digits; FormatError for others."""
    if _HEX.fullmatch(digits) is None or len(digits) != 2 * size:
        raise FormatError(f"{name} has {2 * size} lower-case hex digits", digits)
    return bytes.fromhex(digits)


SOUGHT: Final[Mapping[str, Callable[[str], bytes]]] = {
    "digest": _digest_key,
    "key": _signer_key,
    "identity": identity_key,
    "issuer": issuer_key,
}
"""What a search can be for, and the key that finds it."""
