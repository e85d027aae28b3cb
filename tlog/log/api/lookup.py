"""Proofs, entries and search: what people and tools ask of a log that is running."""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web

from tlog.http.respond import (
    IMMUTABLE,
    bytes_response,
    json_response,
    query,
    query_number,
    text_response,
    wants_text,
)
from tlog.log.api.problems import NotFoundError
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.publishing.heads import NotCosignedError
from tlog.log.reading import Reading
from tlogverify.errors import FormatError
from tlogverify.hashing import DIGEST_BYTES, HASH_SIZE
from tlogverify.kinds import (
    digest_key,
    identity_key,
    issuer_key,
    parse_entry,
    rekor_digests,
)
from tlogverify.record import Record

PAGE_ENTRIES: Final = 1_000
PAGE_HITS: Final = 100

_HEX: Final = re.compile(r"[0-9a-f]*")


class LookupEndpoints:
    """Answers look-ups in one log: proofs against the shown head."""

    def __init__(self, log: Reading) -> None:
        self._log = log

    async def inclusion(self, request: web.Request) -> web.Response:
        """GET /api/v1/proof/inclusion."""
        shown = self._log.heads.shown
        parameters = query(request, set(), {"index", "leaf_hash", "size"})
        index = await self._index(parameters)
        size = query_number(parameters, "size", shown.size)
        self._require_shown(shown, max(index + 1, size))
        if index >= size:
            raise FormatError(f"index is below size, {size}", index)
        if wants_text(request):
            if size != shown.size:
                raise FormatError("a proof file is for the newest size", size)
            proof = await self._log.prover.proof_file(shown, index)
            return text_response(proof.encode())
        path = await self._log.prover.inclusion(shown, index, size)
        document: dict[str, object] = {
            "index": index,
            "size": size,
            "path": path,
            "checkpoint": shown.note.decode(),
        }
        return json_response(document)

    async def consistency(self, request: web.Request) -> web.Response:
        """GET /api/v1/proof/consistency."""
        shown = self._log.heads.shown
        parameters = query(request, {"old"}, {"new"})
        old = query_number(parameters, "old", 0)
        new = query_number(parameters, "new", shown.size)
        self._require_shown(shown, max(old, new))
        if old > new:
            raise FormatError(f"old is at most new, {new}", old)
        path = await self._log.prover.consistency(shown, old, new)
        document: dict[str, object] = {
            "old": old,
            "new": new,
            "path": path,
        }
        if "new" not in parameters:
            document["checkpoint"] = shown.note.decode()
        return json_response(document)

    async def entry(self, request: web.Request) -> web.Response:
        """GET /api/v1/entries/N."""
        readable = self._log.heads.readable
        index = query_number(dict(request.match_info), "index", 0)
        query(request, set(), set())
        if index >= readable.size:
            raise NotFoundError(f"the log has {readable.size} entries")
        (leaf,) = await self._log.prover.entries(readable, index, index + 1)
        return bytes_response(request, leaf, "application/octet-stream", IMMUTABLE)

    async def entries(self, request: web.Request) -> web.Response:
        """GET /api/v1/entries?start=&end=."""
        readable = self._log.heads.readable
        parameters = query(request, {"start", "end"}, set())
        start = query_number(parameters, "start", 0)
        end = query_number(parameters, "end", 0)
        if start >= end:
            raise FormatError(f"start is below end, {end}", start)
        if start >= readable.size:
            raise NotFoundError(f"the log has {readable.size} entries")
        end = min(end, start + PAGE_ENTRIES, readable.size)
        leaves = await self._log.prover.entries(readable, start, end)
        document = {
            "start": start,
            "end": start + len(leaves),
            "entries": leaves,
        }
        return json_response(document)

    async def search(self, request: web.Request) -> web.Response:
        """GET /api/v1/search."""
        parameters = query(request, set(), {*_SOUGHT, "start"})
        sought = sorted(_SOUGHT & parameters.keys())
        if len(sought) != 1:
            raise FormatError(f"a search is for one of {', '.join(sorted(_SOUGHT))}")
        name, text = sought[0], parameters[sought[0]]
        key = _SOUGHT[name](text)
        start = query_number(parameters, "start", 0)
        shown, complete_to, page, after = await self._log.find(key, start, PAGE_HITS)
        if name == "key":
            page = await self._signed_by(key[1:], page)
        paths = await self._log.prover.inclusions(shown, page)
        document = {
            "checkpoint": shown.note.decode(),
            "complete_to": complete_to,
            "hits": [{"index": index, "path": paths[index]} for index in page],
            "next": after,
        }
        return json_response(document)

    async def _signed_by(self, sha256: bytes, indexes: list[int]) -> list[int]:
        """Return those of `indexes` whose entry names the digest as its signer's.

        The index holds one key for each digest of an entry, whatever it is of.
        """
        signed, entries = self._log.heads.signed, self._log.prover.entries
        return [
            index
            for index in indexes
            for entry in await entries(signed, index, index + 1)
            if sha256 in _signers(entry)
        ]

    def _require_shown(self, shown: Snapshot, size: int) -> None:
        """Refuse a size beyond the shown head, and say whether it will come."""
        if size <= shown.size:
            return
        signed = self._log.heads.signed
        if size <= signed.size:
            raise NotCosignedError(f"the newest cosigned head has {shown.size} entries")
        raise NotFoundError(f"the log has {signed.size} entries")

    async def _index(self, parameters: dict[str, str]) -> int:
        if ("index" in parameters) == ("leaf_hash" in parameters):
            raise FormatError("a proof is asked for by index or by leaf_hash")
        if "index" in parameters:
            return query_number(parameters, "index", 0)
        leaf_hash = _parse_hex("leaf_hash", parameters["leaf_hash"], HASH_SIZE)
        known = await asyncio.to_thread(self._log.known.find, [leaf_hash])
        if leaf_hash not in known:
            raise NotFoundError("no entry has this leaf hash")
        return known[leaf_hash]


def _digest_key(text: str) -> bytes:
    algorithm, _, digits = text.partition(":")
    if algorithm not in DIGEST_BYTES:
        raise FormatError("a digest is sha256:, sha384: or sha512: and hex", text)
    return digest_key(_parse_hex("digest", digits, DIGEST_BYTES[algorithm]))


def _signer_key(text: str) -> bytes:
    algorithm, _, digits = text.partition(":")
    if algorithm != "sha256":
        raise FormatError("a key is sha256: and hex, of its SPKI or certificate", text)
    return digest_key(_parse_hex("key", digits, 32))


def _signers(entry: bytes) -> set[bytes | None]:
    """Return the SHA-256 of each key or certificate that an entry was signed with."""
    parsed = parse_entry(entry)
    if isinstance(parsed, Record):
        return {parsed.signer}
    return {*rekor_digests(parsed)[1:]}


def _parse_hex(name: str, digits: str, size: int) -> bytes:
    if _HEX.fullmatch(digits) is None or len(digits) != 2 * size:
        raise FormatError(f"{name} has {2 * size} lower-case hex digits", digits)
    return bytes.fromhex(digits)


_SOUGHT: Final[Mapping[str, Callable[[str], bytes]]] = {
    "digest": _digest_key,
    "key": _signer_key,
    "identity": identity_key,
    "issuer": issuer_key,
}
"""What a search can be for, and the key that finds it."""
