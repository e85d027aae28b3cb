"""What is watched, in the bytes of a bundle: found fast, confirmed entry by entry.

PURE.  A digest is looked for in three spellings: lower-case hex, raw bytes, standard
base64.  A provenance record names its digests and nothing else; a Rekor entry names
what it can be searched by; any other entry names what it contains.  A record is parsed
only if its bundle holds the bytes of some digest.  Rekor entries are always parsed,
since the digest of a key or certificate is nowhere in their bytes.
"""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tlogverify.bundles import parse_bundle
from tlogverify.errors import FormatError
from tlogverify.hashing import DIGEST_BYTES
from tlogverify.kinds import Named, name_key, name_keys, rekor_digests
from tlogverify.record import record_digests, require_record
from tlogverify.rekor import REKOR_START, RekorEntry, parse_rekor

# Up to so many watches, a search for each costs no more than one pass for all: this
# was measured.
_FEW: Final = 32
_HEX_RUNS: Final = re.compile(rb"[0-9a-f]{64,}")
_SHA256_HEX_DIGITS: Final = 64
# The characters that records are made of.  Without them, records leave next to nothing,
# and a digest as raw bytes or base64 leaves a residue:
#
#     record    {"kind":"provenance","predicateType":"…  ->  T
#     base64    3q2+7wAbcXYZk9Lm…                         ->  AXYZL…
#     raw       \xde\xad\x20\xbe\xef\x00\x1b…               ->  \xde\xad\xbe\xef…
#
# A digest that stands in a bundle has its residue, in one piece, in the bundle's.  So
# many watches are looked for in the short residue first, by the first bytes of theirs.
_RECORD_CHARACTERS: Final = bytes(it for it in range(128) if not chr(it).isupper())
_RESIDUE_START_BYTES: Final = 4
# Rekor entries begin with {"apiVersion", and hardly any record has a V.
_RARE_IN_RECORDS: Final = b"V"


@dataclass(frozen=True, slots=True)
class Watch:
    """What is looked for: a digest.  name: what the user called it."""

    digest: bytes
    name: str

    @property
    def label(self) -> str:
        """The digest as text, `sha256:` and hex: what it is stored by."""
        size = len(self.digest)
        (kind,) = (it for it, length in DIGEST_BYTES.items() if length == size)
        return f"{kind}:{self.digest.hex()}"


@dataclass(frozen=True, slots=True)
class NameWatch:
    """What is looked for: a name in certificates, as they spell it."""

    kind: Named
    text: str

    @property
    def label(self) -> str:
        """The kind and the name: what it is stored by."""
        return f"{self.kind}:{self.text}"

    @property
    def name(self) -> str:
        """What the user called it: the same."""
        return self.label

    @property
    def key(self) -> bytes:
        """The search key of the entries that name it."""
        return name_key(self.kind, self.text)


AnyWatch = Watch | NameWatch


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that names what is watched; index: its place in the log."""

    watch: AnyWatch
    index: int
    entry: bytes


@dataclass(frozen=True, slots=True)
class _Spellings:
    """A digest as it may stand in an entry.

    residues: what the raw bytes and the base64 leave without the record characters.
    """

    hexadecimal: bytes
    raw: bytes
    base64: bytes
    residues: tuple[bytes, bytes]

    @classmethod
    def of(cls, digest: bytes) -> "_Spellings":
        encoded = base64.b64encode(digest).rstrip(b"=")
        return cls(
            digest.hex().encode(),
            digest,
            encoded,
            (_residue_of(digest), _residue_of(encoded)),
        )

    def all(self) -> tuple[bytes, bytes, bytes]:
        return self.hexadecimal, self.raw, self.base64


class Matcher:
    """Looks for a fixed set of watches; safe for use from any thread."""

    def __init__(self, watches: tuple[AnyWatch, ...]) -> None:
        self.watches = watches
        self._digests = tuple(it for it in watches if isinstance(it, Watch))
        names = [it for it in watches if isinstance(it, NameWatch)]
        self._by_digest: dict[bytes, list[AnyWatch]] = {}
        for it in self._digests:
            self._by_digest.setdefault(it.digest, []).append(it)
        self._by_name: dict[bytes, AnyWatch] = {it.key: it for it in names}
        self._texts = [it.text.encode("utf-8", "surrogatepass") for it in names]
        self._spellings = {it: _Spellings.of(it.digest) for it in self._digests}
        self._by_hex = {s.hexadecimal: it for it, s in self._spellings.items()}
        # A residue that is too short to be looked for stands under the empty start.
        self._by_residue_start: dict[bytes, set[Watch]] = {}
        for watch, spellings in self._spellings.items():
            for residue in spellings.residues:
                is_short = len(residue) < _RESIDUE_START_BYTES
                start = b"" if is_short else residue[:_RESIDUE_START_BYTES]
                self._by_residue_start.setdefault(start, set()).add(watch)

    def search(self, bundle: bytes, width: int, start: int = 0) -> list[Match]:
        """Return all matches in a bundle of `width` entries, in their order.

        bundle: one that `tlog.hashing.bundle_leaf_hashes` takes.  start: the index of
        its first entry.
        """
        if not self.watches:
            return []
        # A search for one character runs at the speed of memory, and spares bundles
        # of records the slower search for the longer text, nearly always.
        if _RARE_IN_RECORDS in bundle and REKOR_START in bundle:
            return self._search_both_kinds(parse_bundle(bundle, width), start)
        candidates = self._candidates(bundle)
        if not candidates:
            return []
        return [
            Match(watch, index, entry)
            for index, entry in enumerate(parse_bundle(bundle, width), start)
            for watch in candidates
            if self._names(entry, watch)
        ]

    def _search_both_kinds(self, entries: Sequence[bytes], start: int) -> list[Match]:
        parsed = [_as_rekor(entry) for entry in entries]
        pairs = list(zip(entries, parsed, strict=True))
        # Base64 is slow to search, and the base64 of Rekor entries need not be.
        others = b"\0".join([entry for entry, rekor in pairs if rekor is None])
        candidates = self._candidates(others)
        return [
            Match(watch, index, entry)
            for index, (entry, rekor) in enumerate(pairs, start)
            for watch in (
                [it for it in candidates if self._names(entry, it)]
                if rekor is None
                else self._named(rekor)
            )
        ]

    def _named(self, entry: RekorEntry) -> list[AnyWatch]:
        """Return the watches that a Rekor entry names, each once."""
        found: dict[AnyWatch, None] = {}
        if self._by_digest:
            for digest in rekor_digests(entry):
                found.update(dict.fromkeys(self._by_digest.get(digest, ())))
        for signature in entry.signatures if self._by_name else ():
            # A certificate spells its names as they are, so most need not be parsed.
            few = len(self._texts) <= _FEW
            if few and not any(text in signature.der for text in self._texts):
                continue
            keys = self._by_name.keys() & name_keys(signature)
            found.update((self._by_name[key], None) for key in sorted(keys))
        return list(found)

    def _candidates(self, content: bytes) -> list[Watch]:
        """Return the watches that entries hold, in one of them or across two."""
        if len(self._digests) > _FEW:
            return list(self._candidates_of_many(content))
        return [
            watch
            for watch, spellings in self._spellings.items()
            if any(spelling in content for spelling in spellings.all())
        ]

    def _candidates_of_many(self, bundle: bytes) -> Iterator[Watch]:
        runs = _HEX_RUNS.findall(bundle)
        found = {self._by_hex[run] for run in self._by_hex.keys() & set(runs)}
        # A longer run of digits is a digest beside other digits, or two in a row.
        longer = b" ".join([run for run in runs if len(run) != _SHA256_HEX_DIGITS])
        if longer:
            found.update(
                it for hexadecimal, it in self._by_hex.items() if hexadecimal in longer
            )
        for start in self._likely_starts(_residue_of(bundle)):
            found.update(
                it
                for it in self._by_residue_start[start]
                if any(spelling in bundle for spelling in self._spellings[it].all())
            )
        # A set has no order of its own: the watches' order is the same in each run.
        return (watch for watch in self._digests if watch in found)

    def _likely_starts(self, residue: bytes) -> set[bytes]:
        """Return the starts of residues that stand in the residue of a bundle.

        The empty start, of digests with too short a residue, is always likely.
        """
        known, length = self._by_residue_start.keys(), _RESIDUE_START_BYTES
        if len(residue) < len(known):
            pieces = {residue[at : at + length] for at in range(len(residue))}
            return known & (pieces | {b""})
        return {start for start in known if start in residue}

    def _names(self, entry: bytes, watch: Watch) -> bool:
        """Whether `entry` names the watch's digest."""
        spellings = self._spellings[watch].all()
        if not any(spelling in entry for spelling in spellings):
            return False
        try:
            require_record(entry)
        except FormatError:
            return True
        return watch.digest in record_digests(entry)


def _residue_of(content: bytes) -> bytes:
    """Return what is left of some bytes without the characters of records."""
    return content.translate(None, _RECORD_CHARACTERS)


def _as_rekor(entry: bytes) -> RekorEntry | None:
    """Return a Rekor entry, None for any other."""
    if not entry.startswith(REKOR_START):
        return None
    try:
        return parse_rekor(entry)
    except FormatError:
        return None
