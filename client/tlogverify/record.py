"""Provenance records: the entries of this log, digests and identifiers alone.

    {"kind":"provenance",
     "predicateType":"<URI>",                     optional
     "provenance":{"sha256":"<64 hex>"},
     "signer":{"sha256":"<64 hex>"},              optional
     "subject":[{"sha256":"<64 hex>"},...],       1 to 256; each may add sha384, sha512
     "version":1}

without the spaces and line breaks: RFC 8785 canonical JSON.  Members and alphabets are
so few that one expression is the whole grammar; what it matches is canonical, because
none of the characters that it allows has a second spelling.

Source: this project's `docs/http.md`, "The provenance record"; RFC 8785.
"""

import re
from binascii import unhexlify
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from tlogverify.bundles import MAX_ENTRY_BYTES
from tlogverify.errors import FormatError
from tlogverify.hashing import DIGEST_BYTES

MAX_SUBJECTS: Final = 256
MAX_PREDICATE_TYPE_CHARS: Final = 256

_SHA256: Final = rb'"sha256":"([0-9a-f]{64})"'
_SUBJECT: Final = (
    rb"\{" + _SHA256 + rb'(?:,"sha384":"([0-9a-f]{96})")?'
    rb'(?:,"sha512":"([0-9a-f]{128})")?\}'
)
# A URI's characters (RFC 3986, 2) behind a scheme: none needs escaping in JSON.
_URI: Final = (
    rb"[A-Za-z][A-Za-z0-9+.-]{0,62}:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{1,254}"
)
_ANY_SUBJECTS: Final = re.sub(rb"\((?!\?)", rb"(?:", _SUBJECT)
_RECORD: Final = re.compile(
    rb'\{"kind":"provenance",(?:"predicateType":"(' + _URI + rb')",)?'
    rb'"provenance":\{' + _SHA256 + rb'\},(?:"signer":\{' + _SHA256 + rb"\},)?"
    rb'"subject":\[(' + _ANY_SUBJECTS + rb"(?:," + _ANY_SUBJECTS + rb"){0,255})\]"
    rb',"version":1\}'
)
_EACH_SUBJECT: Final = re.compile(_SUBJECT)
_EACH_DIGEST: Final = re.compile(rb'"sha(?:256|384|512)":"([0-9a-f]+)"')
_PREDICATE_TYPE: Final = re.compile(_URI)

# `{"sha256":"<64>"}`: what is longer may hold two subjects, whose order matters.
_ONE_SUBJECT_BYTES: Final = 77

_ALWAYS_FIT: Final = 190
"""A record of so many subjects of 326 bytes stays below MAX_ENTRY_BYTES."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The digests of one artifact, as raw bytes."""

    sha256: bytes
    sha384: bytes | None = None
    sha512: bytes | None = None

    def __post_init__(self) -> None:
        digests = (self.sha256, self.sha384, self.sha512)
        for (name, size), digest in zip(DIGEST_BYTES.items(), digests, strict=True):
            if digest is not None and len(digest) != size:
                raise FormatError(f"a {name} digest has {size} bytes", len(digest))

    def _encode(self) -> str:
        digests = (("384", self.sha384), ("512", self.sha512))
        more = (f',"sha{n}":"{d.hex()}"' for n, d in digests if d is not None)
        return f'{{"sha256":"{self.sha256.hex()}"{"".join(more)}}}'


@dataclass(frozen=True, slots=True)
class Record:
    """What one entry says: these artifacts come with this provenance document.

    subjects: 1 to 256, strictly ascending by sha256.  provenance: SHA-256 of the
    document.  signer: SHA-256 of the public key (SPKI) or certificate (DER).
    Raises FormatError if a value breaks its bounds.
    """

    subjects: tuple[Subject, ...]
    provenance: bytes
    predicate_type: str | None = None
    signer: bytes | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.subjects) <= MAX_SUBJECTS:
            raise FormatError(
                f"a record has 1 to {MAX_SUBJECTS} subjects", len(self.subjects)
            )
        _require_ascending([subject.sha256 for subject in self.subjects])
        for name, digest in (("provenance", self.provenance), ("signer", self.signer)):
            if digest is not None and len(digest) != 32:
                raise FormatError(f"the {name} digest has 32 bytes", len(digest))
        if self.predicate_type is not None:
            _require_predicate_type(self.predicate_type)
        if len(self.subjects) > _ALWAYS_FIT and len(self.encode()) > MAX_ENTRY_BYTES:
            raise FormatError(f"an entry has at most {MAX_ENTRY_BYTES} bytes")

    def encode(self) -> bytes:
        """Return the canonical bytes: the entry, whose hash is the leaf."""
        parts = ['{"kind":"provenance",']
        if self.predicate_type is not None:
            parts.append(f'"predicateType":"{self.predicate_type}",')
        parts.append(f'"provenance":{{"sha256":"{self.provenance.hex()}"}},')
        if self.signer is not None:
            parts.append(f'"signer":{{"sha256":"{self.signer.hex()}"}},')
        subjects = ",".join(subject._encode() for subject in self.subjects)
        parts.append(f'"subject":[{subjects}],"version":1}}')
        return "".join(parts).encode("ascii")


def parse_record(entry: bytes) -> Record:
    """Parse the canonical bytes of a record.

    Raises FormatError for any other bytes, even for the same value spelled otherwise.
    """
    predicate_type, provenance, signer, subjects = _match(entry).groups()
    return Record(
        subjects=tuple(
            Subject(*map(_digest, found.groups()))  # type: ignore[arg-type]  # the first group always matches
            for found in _EACH_SUBJECT.finditer(subjects)
        ),
        provenance=bytes.fromhex(provenance.decode()),
        predicate_type=None if predicate_type is None else predicate_type.decode(),
        signer=_digest(signer),
    )


def require_record(entry: bytes) -> None:
    """Raise FormatError unless `entry` is the canonical bytes of a record.

    It applies the rules of `parse_record` at a third of the cost.
    """
    _require_values(_match(entry))


def _require_values(match: re.Match[bytes]) -> None:
    predicate_type, _, _, subjects = match.groups()
    if len(subjects) > _ONE_SUBJECT_BYTES:
        digests = [found[1] for found in _EACH_SUBJECT.finditer(subjects)]
        _require_ascending(digests)
    if predicate_type is not None:
        _require_predicate_type(predicate_type.decode())


def end_of_record(buffer: bytes, start: int) -> int | None:
    """Return where the canonical record that starts at `start` ends.

    None if there is none; raises FormatError where only its values are wrong.
    """
    match = _RECORD.match(buffer, start)
    if match is None or match.end() - start > MAX_ENTRY_BYTES:
        return None
    _require_values(match)
    return match.end()


def record_digests(entry: bytes) -> list[bytes]:
    """Return every digest that an entry names, of all algorithms, as raw bytes.

    entry: canonical bytes, as `require_record` or `parse_record` takes them.
    """
    # No string of a record holds a quote, so these bytes are members' names.
    parts = entry.split(b'"sha256":"')
    if entry.count(b'"sha') == len(parts) - 1:
        return [unhexlify(part[:64]) for part in parts[1:]]
    return [unhexlify(digits) for digits in _EACH_DIGEST.findall(entry)]


def _match(entry: bytes) -> re.Match[bytes]:
    match = _RECORD.fullmatch(entry) if len(entry) <= MAX_ENTRY_BYTES else None
    if match is None:
        raise FormatError("an entry is a provenance record in canonical form", entry)
    return match


def _require_ascending(digests: list[bytes]) -> None:
    if any(a >= b for a, b in pairwise(digests)):
        raise FormatError("subjects are sorted by sha256 and unique")


def _digest(digits: bytes | None) -> bytes | None:
    return None if digits is None else bytes.fromhex(digits.decode())


@lru_cache(maxsize=256)
def _require_predicate_type(uri: str) -> None:
    too_long = len(uri) > MAX_PREDICATE_TYPE_CHARS
    if (
        too_long
        or _PREDICATE_TYPE.fullmatch(uri.encode("utf-8", "surrogatepass")) is None
    ):
        raise FormatError(
            f"predicateType is a URI of at most {MAX_PREDICATE_TYPE_CHARS} characters",
            uri,
        )
