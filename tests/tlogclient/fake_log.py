"""A small honest log on loopback, that can be told to lie, fail or wait in one way.

It shares no code with the verifier but the formats: the tree is the RFC's recursion.
"""

import asyncio
import hashlib
import json
from base64 import b64encode
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tlogverify import Policy, Proof, Record, VerifierKey
from tlogverify.checkpoint import Checkpoint
from tlogverify.hashing import to_hash
from tlogverify.keys import KeyType
from tlogverify.note import NoteSignature, UnverifiedNote
from tlogverify.record import Subject

ORIGIN = "log.example/fake"
PROVENANCE = hashlib.sha256(b"provenance").digest()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Lie = Callable[[dict[str, Any]], None]


def record(number: int) -> Record:
    digest = hashlib.sha256(b"artifact %d" % number).digest()
    return Record((Subject(digest),), PROVENANCE)


def entry(number: int) -> bytes:
    return record(number).encode()


def leaf(entry_bytes: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry_bytes).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split_point(len(leaves))
    return hashlib.sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


def split_point(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def path_of(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    k = split_point(len(leaves))
    if index < k:
        return [*path_of(index, leaves[:k]), root(leaves[k:])]
    return [*path_of(index - k, leaves[k:]), root(leaves[:k])]


def consistency(
    old: int, leaves: Sequence[bytes], is_whole: bool = True
) -> list[bytes]:
    """RFC 6962, 2.1.2."""
    if old == len(leaves):
        return [] if is_whole else [root(leaves)]
    k = split_point(len(leaves))
    if old <= k:
        return [*consistency(old, leaves[:k], is_whole), root(leaves[k:])]
    return [*consistency(old - k, leaves[k:], False), root(leaves[:k])]


def sides(
    start: int, end: int, leaves: Sequence[bytes]
) -> tuple[list[bytes], list[bytes]]:
    """The subtrees beside [start, end), nearest first."""
    if start <= 0 and end >= len(leaves):
        return [], []
    if end <= 0:
        return [], [root(leaves)]
    if start >= len(leaves):
        return [root(leaves)], []
    k = split_point(len(leaves))
    lower, upper = sides(start, end, leaves[:k]), sides(start - k, end - k, leaves[k:])
    return upper[0] + lower[0], lower[1] + upper[1]


def base64(hashes: Sequence[bytes]) -> list[str]:
    return [b64encode(value).decode() for value in hashes]


def problem(
    status: int, token: str, position: int | None = None, **headers: str
) -> Handler:
    """Return a handler that refuses as RFC 9457 says."""

    async def refuse(request: web.Request) -> web.Response:
        body = {"type": token, "title": token, "status": status, "detail": "no"}
        if position is not None:
            body["position"] = position
        return web.Response(
            status=status,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            body=json.dumps(body).encode(),
            content_type="application/problem+json",
        )

    return refuse


class FakeLog:
    """`instead` answers the next requests in its place; `lie` edits each JSON answer.

    `gate`: while it is clear, no submission is answered.
    """

    def __init__(self, seed: bytes = b"k" * 32, origin: str = ORIGIN) -> None:
        self.signer = Ed25519PrivateKey.from_private_bytes(seed)
        public = self.signer.public_key().public_bytes_raw()
        self.key = VerifierKey(origin, KeyType.ED25519, public)
        self.policy = Policy.parse(f"log {self.key.encode()}\nquorum none\n".encode())
        self.entries: list[bytes] = []
        self.indexes: dict[bytes, int] = {}
        self.requests: list[web.Request] = []
        self.batches: list[int] = []
        self.instead: deque[Handler] = deque()
        self.lie: Lie | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = asyncio.Event()
        self.bad_entries: set[bytes] = set()
        self.page_size = 3
        self.url = ""

    @property
    def leaves(self) -> list[bytes]:
        return [leaf(entry) for entry in self.entries]

    def note(self, size: int | None = None) -> bytes:
        leaves = self.leaves[:size]
        head = Checkpoint(self.key.name, len(leaves), to_hash(root(leaves)))
        text = head.encode()
        line = NoteSignature(self.key.name, self.key.key_id, self.signer.sign(text))
        return UnverifiedNote(text, (line,)).encode()

    def submit(self, entries: Sequence[bytes]) -> dict[str, Any]:
        """Add what is new and return the honest answer."""
        start = len(self.entries)
        places: list[dict[str, Any]] = []
        for item in entries:
            is_known = item in self.indexes
            if not is_known:
                self.entries.append(item)
            index = self.indexes.setdefault(item, len(self.entries) - 1)
            places.append(
                {"index": index, "leaf_hash": leaf(item).hex(), "duplicate": is_known}
            )
        leaves, end = self.leaves, len(self.entries)
        left, right = sides(start, end, leaves) if start < end else ([], [])
        known = {place["index"] for place in places if place["index"] < start}
        return {
            "origin": self.key.name,
            "checkpoint": self.note().decode(),
            "entries": places,
            "range": {
                "start": start,
                "end": end,
                "left": base64(left),
                "right": base64(right),
            },
            "paths": {str(i): base64(path_of(i, leaves)) for i in known},
        }

    def search(self, digest: str, start: int) -> dict[str, Any]:
        """Return the honest page of a search."""
        hex_digest, leaves = digest.partition(":")[2].encode(), self.leaves
        found = [
            index
            for index, item in enumerate(self.entries)
            if hex_digest in item and index >= start
        ]
        page, rest = found[: self.page_size], found[self.page_size :]
        return {
            "checkpoint": self.note().decode(),
            "complete_to": len(self.entries),
            "hits": [{"index": i, "path": base64(path_of(i, leaves))} for i in page],
            "next": rest[0] if rest else None,
        }

    def proof(self, index: int) -> Proof:
        path = tuple(to_hash(value) for value in path_of(index, self.leaves))
        return Proof(index, path, self.note(), self.entries[index])

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["FakeLog"]:
        app = web.Application(client_max_size=8 << 20)
        app.router.add_route("*", "/{path:.*}", self._answer)
        async with TestServer(app) as server:
            self.url = str(server.make_url("/log"))
            try:
                yield self
            finally:
                self.gate.set()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.instead:
            return await self.instead.popleft()(request)
        if request.method == "POST" and request.path == "/log/api/v1/entries":
            return await self._submit(request)
        return self._read(request)

    def _read(self, request: web.Request) -> web.Response:
        match request.path.removeprefix("/log").rsplit("/", 1):
            case ["/api/v1/entries", index]:
                return web.Response(body=self.entries[int(index)])
            case ["/api/v1/proof", "inclusion"]:
                return self._prove(int(request.query["index"]), request)
            case ["/api/v1/proof", "consistency"]:
                return self._json(
                    self.extension(int(request.query["old"]), request.query.get("new"))
                )
            case ["/api/v1", "search"]:
                start = int(request.query.get("start", "0"))
                return self._json(self.search(request.query["digest"], start))
            case ["", "checkpoint"]:
                return web.Response(body=self.note(), content_type="text/plain")
            case _:
                return web.Response(status=404)

    def _prove(self, index: int, request: web.Request) -> web.Response:
        if "size" in request.query:
            return self._json(self.inclusion(index, int(request.query["size"])))
        proof = self.proof(index)
        return web.Response(body=proof.encode(), content_type="text/plain")

    def inclusion(self, index: int, size: int) -> dict[str, Any]:
        return {
            "index": index,
            "size": size,
            "path": base64(path_of(index, self.leaves[:size])),
            "checkpoint": self.note().decode(),
        }

    def extension(self, old: int, new: str | None = None) -> dict[str, Any]:
        size = len(self.entries) if new is None else int(new)
        answer = {
            "old": old,
            "new": size,
            "path": base64(consistency(old, self.leaves[:size])) if old else [],
        }
        return answer if new else {**answer, "checkpoint": self.note().decode()}

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        entries = [
            json.dumps(value, separators=(",", ":")).encode()
            for value in json.loads(body)["entries"]
        ]
        self.batches.append(len(entries))
        self.waiting.set()
        await self.gate.wait()
        for position, item in enumerate(entries):
            if item in self.bad_entries:
                return await problem(400, "entry-refused", position)(request)
        return self._json(self.submit(entries), status=201)

    def _json(self, answer: dict[str, Any], status: int = 200) -> web.Response:
        if self.lie is not None:
            self.lie(answer)
        return web.json_response(answer, status=status)
