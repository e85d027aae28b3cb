"""A running log that keeps documents, and requests of them."""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.http import Answer, ask, post
from tests.support.openapi import require_documented
from tests.support.records import JsonObject, digest
from tests.support.running import published, running_log
from tlog.documents.opening import OpenDocuments
from tlog.log.life import Log

PIECE_BYTES = 256 << 10


def named(content: bytes) -> str:
    """Return the name of a document."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def record_of(content: bytes, label: object = "artifact", **more: object) -> JsonObject:
    """Return a record that names a document, and the artifact of a label."""
    return {
        "kind": "provenance",
        "version": 1,
        "subject": [{"sha256": digest(str(label))}],
        "provenance": {"sha256": hashlib.sha256(content).hexdigest()},
        **more,
    }


@dataclass(frozen=True, slots=True)
class Kept:
    """A running log with a store."""

    url: str
    log: Log

    @property
    def documents(self) -> OpenDocuments:
        """The store."""
        assert self.log.documents is not None
        return self.log.documents

    def stored(self, content: bytes) -> Path:
        """Return where a document lies."""
        digits = hashlib.sha256(content).hexdigest()
        return self.documents.store.root / "stored" / digits[:2] / digits

    def files(self) -> set[str]:
        """Return the names of all files of the store that hold bytes of documents."""
        root = self.documents.store.root
        folders = ("stored", "pending", "damaged", "tmp")
        return {
            str(it.relative_to(root))
            for folder in folders
            for it in (root / folder).rglob("*")
            if it.is_file()
        }

    async def log_entry(
        self, content: bytes, label: object = "", **more: object
    ) -> int:
        """Submit a record that names a document; return its index."""
        entry = record_of(content, label or content, **more)
        answer = await post(self.url, json.dumps({"entries": [entry]}).encode())
        assert answer.status in (200, 201), answer.body
        await published(self.log)
        index: int = answer.json()["entries"][0]["index"]
        return index

    async def log_entries(
        self, contents: Sequence[bytes], label: str, **more: object
    ) -> list[int]:
        """Submit records about one artifact; return their indexes."""
        entries = [record_of(it, label, **more) for it in contents]
        answer = await post(self.url, json.dumps({"entries": entries}).encode())
        await published(self.log)
        return [it["index"] for it in answer.json()["entries"]]

    async def put(
        self,
        content: bytes,
        query: str = "",
        *,
        name: str = "",
        headers: Mapping[str, str] = {},
    ) -> Answer:
        """Store a document; name: another than its own."""
        target = f"/api/v1/documents/{name or named(content)}{query}"
        answer = await ask(
            self.url, target, method="PUT", body=content, headers=headers
        )
        require_documented("PUT", target, answer)
        return answer

    async def get(
        self, content: bytes, *, method: str = "GET", headers: Mapping[str, str] = {}
    ) -> Answer:
        """Ask for a document."""
        target = f"/api/v1/documents/{named(content)}"
        answer = await ask(self.url, target, method=method, headers=headers)
        require_documented(method, target, answer)
        return answer

    async def attestations(self, target: str) -> Answer:
        """Ask what is said of an artifact."""
        target = f"/api/v1/attestations/{target}"
        answer = await ask(self.url, target)
        require_documented("GET", target, answer)
        return answer


@asynccontextmanager
async def keeping(folder: Path, **changes: object) -> AsyncIterator[Kept]:
    """Run a log in `folder` that keeps documents."""
    settings = {"documents": True, "document_scrub_bytes_per_s": 0, **changes}
    async with running_log(folder, **settings) as (url, log):
        yield Kept(url, log)
