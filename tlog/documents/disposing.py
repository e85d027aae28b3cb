"""Removing documents for good: the log says so first, then their bytes go everywhere.

    1. the disposition is written down, durably           intents/<its digest>
    2. the log has an entry that names it
    3. the disposition is stored as every document is
    4. each document gets its tombstone, then its bytes go from every tier
    5. the intent goes

A crash leaves an intent.  The next removal carries it out first: its bytes are the
same, so the log's entry is the same.  A document never goes without being on record,
and no proof needs any of its bytes.
"""

import asyncio
import hashlib
from collections.abc import Sequence

from tlog.clock import Clock
from tlog.documents.facts import Facts
from tlog.documents.refusals import NoDocumentError
from tlog.documents.retention import Rules, Verdict
from tlog.documents.shelf import is_emptied, stored_on
from tlog.documents.store import DocumentStore
from tlog.documents.tombstones import (
    DISPOSITION_TYPE,
    Disposition,
    Removal,
    Tombstone,
    disposition_digests,
    show_digest,
    show_time,
)
from tlogclient import LogClient


class Disposer:
    """Removes documents of one store, and has the log say so.

    log: takes the entries; who is asked is the store's own log.
    """

    def __init__(self, store: DocumentStore, log: LogClient, clock: Clock) -> None:
        self._store = store
        self._beside = store.beside
        self._log = log
        self._clock = clock

    async def redact(self, digest: bytes, reason: str) -> Tombstone:
        """Remove one document because a person decided so; idempotent.

        Raises NoDocumentError if the store never had it, FormatError for a reason that
        is no line of text, and what a submission raises: then nothing is removed.
        """
        await self.finish()
        found = await asyncio.to_thread(self._store.status, digest)
        if found.tombstone is not None:
            # What a crash left between the tombstone and the bytes.
            await asyncio.to_thread(self._store.remove_bytes, digest)
            return found.tombstone
        is_pending = await asyncio.to_thread(self._store.is_pending, digest)
        if found.state == "absent" and not is_pending:
            raise NoDocumentError(f"{show_digest(digest)} is not kept here")
        (stone,) = await self.dispose("redacted", [digest], reason)
        return stone

    async def finish(self) -> None:
        """Carry out what an earlier removal has begun."""
        for content in await asyncio.to_thread(lambda: [*self._beside.intents()]):
            await self._carry_out(content)

    async def dispose(
        self, disposition: Removal, digests: Sequence[bytes], reason: str
    ) -> list[Tombstone]:
        """Remove documents, up to 256 by one entry of the log."""
        when = show_time(self._clock.now_s())
        stones: list[Tombstone] = []
        for group in disposition_digests(digests):
            content = Disposition(disposition, group, reason, when).encode()
            sha256 = hashlib.sha256(content).digest()
            await asyncio.to_thread(self._beside.write_intent, sha256, content)
            stones += await self._carry_out(content)
        return stones

    async def _carry_out(self, content: bytes) -> list[Tombstone]:
        disposition = Disposition.parse(content)
        sha256 = hashlib.sha256(content).digest()
        (proof,) = await self._log.submit([disposition.record(sha256)])
        return await asyncio.to_thread(
            self._remove, disposition, content, sha256, proof.index
        )

    def _remove(
        self, disposition: Disposition, content: bytes, sha256: bytes, entry: int
    ) -> list[Tombstone]:
        facts = Facts(self._clock.now_s(), len(content), ((entry, DISPOSITION_TYPE),))
        with self._store.begin(len(content)) as draft:
            draft.write(content)
            self._store.keep(draft, facts)
        said, why, when = disposition.disposition, disposition.reason, disposition.when
        stones = [
            Tombstone(digest, said, why, when, entry, sha256)
            for digest in disposition.digests
        ]
        for _ in self._store.many(self._store.bury, stones):
            pass
        self._beside.drop_intent(sha256)
        return stones


def judge_all(
    store: DocumentStore, rules: Rules, now_s: int
) -> list[tuple[bytes, int, Verdict]]:
    """Return what the rules say of each stored document: digest, size, verdict."""
    gone = {*store.beside.removed()}
    found: dict[bytes, tuple[int, bool]] = {}
    for tier in store.tiers:
        is_cold = tier is not store.hot or len(store.tiers) == 1
        for digest, size in stored_on(tier):
            if digest not in gone and not is_emptied(digest, size):
                found.setdefault(digest, (size, is_cold))
    judged: list[tuple[bytes, int, Verdict]] = []
    ordered = sorted(found)
    for digest, facts in zip(ordered, store.many(store.facts, ordered), strict=True):
        size, is_cold = found[digest]
        verdict = rules.judge(digest, facts, is_cold=is_cold, now_s=now_s)
        judged.append((digest, size, verdict))
    return judged
