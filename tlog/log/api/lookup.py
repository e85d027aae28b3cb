"""Proofs, entries and search: what people and tools ask of a log that is running."""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from aiohttp import web

from tlog.http.exchange import Asked, Reply, Respond, asked_of, respond_later
from tlog.http.respond import (
    IMMUTABLE,
    JSON_HEADERS,
    bytes_response,
    json_reply,
    json_response,
    query,
    query_number,
    text_reply,
    wants_text,
)
from tlog.log.api.problems import NotFoundError
from tlog.log.api.sought import SOUGHT, parse_hex, sought_of
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.publishing.heads import NotCosignedError
from tlog.log.reading import Reading
from tlogverify.errors import FormatError
from tlogverify.hashing import HASH_SIZE, Hash

PAGE_ENTRIES: Final = 1_000
PAGE_HITS: Final = 100

_NOTHING: Final = frozenset[str]()
_PROVEN: Final = frozenset({"index", "leaf_hash", "size"})


class _Ending(NamedTuple):
    """What the inclusion proofs of one head end with, encoded once."""

    head: Snapshot
    encoded: bytes


class LookupEndpoints:
    """Answers look-ups in one log: proofs against the shown head."""

    def __init__(self, log: Reading) -> None:
        self._log = log
        self._ending: _Ending | None = None

    def inclusion(self, asked: Asked, respond: Respond) -> None:
        """GET /api/v1/proof/inclusion."""
        shown = self._log.heads.shown
        parameters = query(asked, _NOTHING, _PROVEN)
        if ("index" in parameters) == ("leaf_hash" in parameters):
            raise FormatError("a proof is asked for by index or by leaf_hash")
        if "leaf_hash" in parameters or wants_text(asked):
            respond_later(self._sought_inclusion(asked, parameters, shown), respond)
            return
        index = query_number(parameters, "index", 0)
        size = self._size(parameters, shown, index)
        path = self._log.prover.inclusion_at_once(shown, index, size)
        if path is None:
            respond_later(self._loaded_inclusion(shown, index, size), respond)
        else:
            respond(self._inclusion_reply(shown, index, size, path))

    async def _sought_inclusion(
        self, asked: Asked, parameters: dict[str, str], shown: Snapshot
    ) -> Reply:
        """Answer what must be looked for first, or is asked for as a file."""
        index = await self._index(parameters)
        size = self._size(parameters, shown, index)
        if not wants_text(asked):
            return await self._loaded_inclusion(shown, index, size)
        if size != shown.size:
            raise FormatError("a proof file is for the newest size", size)
        proof = await self._log.prover.proof_file(shown, index)
        return text_reply(proof.encode())

    async def _loaded_inclusion(self, shown: Snapshot, index: int, size: int) -> Reply:
        path = await self._log.prover.inclusion(shown, index, size)
        return self._inclusion_reply(shown, index, size, path)

    def consistency(self, asked: Asked, respond: Respond) -> None:
        """GET /api/v1/proof/consistency."""
        shown = self._log.heads.shown
        parameters = query(asked, {"old"}, {"new"})
        old = query_number(parameters, "old", 0)
        new = query_number(parameters, "new", shown.size)
        self._require_shown(shown, max(old, new))
        if old > new:
            raise FormatError(f"old is at most new, {new}", old)
        document: dict[str, object] = {"old": old, "new": new, "path": []}
        if "new" not in parameters:
            document["checkpoint"] = shown.note.decode()
        at_once = self._log.prover.consistency_at_once(shown, old, new)
        if at_once is not None:
            respond(json_reply({**document, "path": at_once}))
            return

        async def load() -> Reply:
            path = await self._log.prover.consistency(shown, old, new)
            return json_reply({**document, "path": path})

        respond_later(load(), respond)

    async def entry(self, request: web.Request) -> web.Response:
        """GET /api/v1/entries/N."""
        readable = self._log.heads.readable
        index = query_number(dict(request.match_info), "index", 0)
        query(asked_of(request), set(), set())
        if index >= readable.size:
            raise NotFoundError(f"the log has {readable.size} entries")
        (leaf,) = await self._log.prover.entries(readable, index, index + 1)
        return bytes_response(request, leaf, "application/octet-stream", IMMUTABLE)

    async def entries(self, request: web.Request) -> web.Response:
        """GET /api/v1/entries?start=&end=."""
        readable = self._log.heads.readable
        parameters = query(asked_of(request), {"start", "end"}, set())
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
        parameters = query(asked_of(request), set(), {*SOUGHT, "start"})
        sought = sought_of(parameters)
        if sought is None:
            raise FormatError(f"a search is for one of {', '.join(sorted(SOUGHT))}")
        start = query_number(parameters, "start", 0)
        found = await self._log.find(sought.key, start, PAGE_HITS)
        shown, complete_to, page, after = found
        page = await sought.those_meant(self._log, page)
        paths = await self._log.prover.inclusions(shown, page)
        document = {
            "checkpoint": shown.note.decode(),
            "complete_to": complete_to,
            "hits": [{"index": index, "path": paths[index]} for index in page],
            "next": after,
        }
        return json_response(document)

    def _inclusion_reply(
        self, shown: Snapshot, index: int, size: int, path: Sequence[Hash]
    ) -> Reply:
        ending = self._ending
        if ending is None or ending.head is not shown:
            note = msgspec.json.encode(shown.note.decode())
            ending = self._ending = _Ending(shown, b',"checkpoint":%b}' % note)
        body = b'{"index":%d,"size":%d,"path":%b%b' % (
            index,
            size,
            msgspec.json.encode(path),
            ending.encoded,
        )
        return Reply(200, JSON_HEADERS, body)

    def _size(self, parameters: dict[str, str], shown: Snapshot, index: int) -> int:
        """Return the size of the tree that a proof is for, which has `index`."""
        newest = shown.size
        if "size" not in parameters and index < newest:
            return newest
        size = query_number(parameters, "size", newest)
        self._require_shown(shown, max(index + 1, size))
        if index >= size:
            raise FormatError(f"index is below size, {size}", index)
        return size

    def _require_shown(self, shown: Snapshot, size: int) -> None:
        """Refuse a size beyond the shown head, and say whether it will come."""
        if size <= shown.size:
            return
        signed = self._log.heads.signed
        if size <= signed.size:
            raise NotCosignedError(f"the newest cosigned head has {shown.size} entries")
        raise NotFoundError(f"the log has {signed.size} entries")

    async def _index(self, parameters: dict[str, str]) -> int:
        if "index" in parameters:
            return query_number(parameters, "index", 0)
        leaf_hash = parse_hex("leaf_hash", parameters["leaf_hash"], HASH_SIZE)
        known = await asyncio.to_thread(self._log.known.find, [leaf_hash])
        if leaf_hash not in known:
            raise NotFoundError("no entry has this leaf hash")
        return known[leaf_hash]
