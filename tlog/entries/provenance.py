"""The native record, from whatever spelling a sender chose to its canonical bytes.

JSON members may come in any order and with any white space, digests are lower-case hex;
in CBOR digests are byte strings.  Beyond that there is one way to say a thing: a member
that is unknown, repeated, unsorted or of another type is refused, and the error names
it.

Source: `docs/http.md`, "The provenance record"; RFC 8785.
"""

import re
from collections.abc import Callable
from typing import Final

from tlogverify.errors import FormatError
from tlogverify.hashing import DIGEST_BYTES
from tlogverify.record import MAX_SUBJECTS, Record, Subject

DigestReader = Callable[[str, object, int], bytes]
"""From a member's name, its value and its length in bytes to the digest."""

_MEMBERS: Final = frozenset(
    {"kind", "version", "subject", "provenance", "predicateType", "signer"}
)
_OPTIONAL: Final = frozenset({"predicateType", "signer"})
_HEX: Final = re.compile(r"[0-9a-f]*")


def canonical_record(value: object, read_digest: DigestReader) -> bytes:
    """Return the canonical bytes of a decoded JSON or CBOR value.

    Raises FormatError naming the first rule that it breaks.
    """
    members = _members("an entry", value, _MEMBERS, _OPTIONAL)
    if members["kind"] != "provenance":
        raise FormatError('kind is "provenance"', members["kind"])
    if type(members["version"]) is not int or members["version"] != 1:
        raise FormatError("version is 1", members["version"])
    return Record(
        subjects=_subjects(members["subject"], read_digest),
        provenance=_sha256("provenance", members["provenance"], read_digest),
        predicate_type=_predicate_type(members),
        signer=(
            _sha256("signer", members["signer"], read_digest)
            if "signer" in members
            else None
        ),
    ).encode()


def digest_from_hex(name: str, value: object, size: int) -> bytes:
    """Read a digest of `size` bytes as JSON spells it: lower-case hex."""
    is_hex = isinstance(value, str) and _HEX.fullmatch(value) is not None
    if not is_hex or len(str(value)) != 2 * size:
        raise FormatError(f"{name} is {2 * size} lower-case hex digits", value)
    return bytes.fromhex(str(value))


def digest_from_bytes(name: str, value: object, size: int) -> bytes:
    """Read a digest of `size` bytes as CBOR spells it: a byte string."""
    if not isinstance(value, bytes) or len(value) != size:
        raise FormatError(f"{name} is a byte string of {size} bytes", value)
    return value


def _predicate_type(members: dict[str, object]) -> str | None:
    if "predicateType" not in members:
        return None
    value = members["predicateType"]
    if not isinstance(value, str):
        raise FormatError("predicateType is a string", value)
    return value


def _subjects(value: object, read_digest: DigestReader) -> tuple[Subject, ...]:
    if not isinstance(value, list):
        raise FormatError("subject is an array", value)
    if not 0 < len(value) <= MAX_SUBJECTS:
        raise FormatError(f"a record has 1 to {MAX_SUBJECTS} subjects", len(value))
    return tuple(_subject(item, read_digest) for item in value)


def _subject(value: object, read_digest: DigestReader) -> Subject:
    names = frozenset(DIGEST_BYTES)
    members = _members("a subject", value, names, names - {"sha256"})
    digests = {
        name: read_digest(name, digest, DIGEST_BYTES[name])
        for name, digest in members.items()
    }
    return Subject(**digests)


def _sha256(name: str, value: object, read_digest: DigestReader) -> bytes:
    members = _members(name, value, frozenset({"sha256"}), frozenset())
    return read_digest(f"{name}'s sha256", members["sha256"], 32)


def _members(
    name: str, value: object, known: frozenset[str], optional: frozenset[str]
) -> dict[str, object]:
    if not isinstance(value, dict):
        raise FormatError(f"{name} is an object", value)
    if unknown := [member for member in value if member not in known]:
        raise FormatError(f"{name} has an unknown member", unknown[0])
    if missing := sorted(known - optional - set(value)):
        raise FormatError(f"{name} lacks the member {missing[0]}")
    return value
