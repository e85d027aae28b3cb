"""BlockingLog: the verbs of LogClient for scripts that have no event loop."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from tlogclient.attested import AttestationResult
from tlogclient.findings import SearchResult
from tlogclient.histories import History
from tlogclient.holdings import HoldingResult
from tlogclient.kept import MAX_DOCUMENT_BYTES
from tlogclient.log import DEFAULT_HITS, LogClient
from tlogclient.monitors import DEFAULT_ATTEMPTS, DEFAULT_TIMEOUT_S
from tlogclient.network import DIRECT, Network
from tlogverify import Checkpoint, Policy, Proof, Record
from tlogverify.policy import Witnessed


class BlockingLog:
    """A LogClient and the event loop that it runs on; a context manager, used once.

    For one thread, and not inside a running event loop.  Settings, results and errors
    are LogClient's.
    """

    def __init__(
        self,
        url: str,
        policy: Policy,
        *,
        token: str | None = None,
        attempts: int = DEFAULT_ATTEMPTS,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        network: Network = DIRECT,
    ) -> None:
        self._log = LogClient(
            url,
            policy,
            token=token,
            attempts=attempts,
            timeout_s=timeout_s,
            network=network,
        )
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._runner.run(self._log.__aenter__())
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._runner:
            self._runner.run(self._log.__aexit__(exc_type, exc, traceback))

    def submit(
        self, records: Iterable[Record | bytes], *, wait: bool = True
    ) -> list[Proof]:
        """Submit `records` and return their proofs, in order."""
        return self._runner.run(self._log.submit(records, wait=wait))

    def submit_one(self, record: Record | bytes) -> Proof:
        """Submit one record and return its proof."""
        return self._runner.run(self._log.submit_one(record))

    def search(
        self,
        digest: str | None = None,
        *,
        key: str | None = None,
        identity: str | None = None,
        issuer: str | None = None,
        start: int = 0,
        limit: int = DEFAULT_HITS,
    ) -> SearchResult:
        """Return the entries from index `start` on that name one thing, each proven."""
        search = self._log.search(
            digest,
            key=key,
            identity=identity,
            issuer=issuer,
            start=start,
            limit=limit,
        )
        return self._runner.run(search)

    def prove(self, index: int) -> Proof:
        """Return the proof of the entry at `index`; its extra is the entry."""
        return self._runner.run(self._log.prove(index))

    def attestations(
        self,
        digest: str,
        *,
        predicate_type: str | None = None,
        start: int = 0,
        limit: int = DEFAULT_HITS,
        prove: str | Path | bool | None = None,
    ) -> AttestationResult:
        """Return the entries from index `start` on about an artifact, each proven."""
        asked = self._log.attestations(
            digest,
            predicate_type=predicate_type,
            start=start,
            limit=limit,
            prove=prove,
        )
        return self._runner.run(asked)

    def holdings(
        self, purl: str, *, start: int = 0, limit: int = DEFAULT_HITS
    ) -> HoldingResult:
        """Return the SBOMs that hold a package, each proven."""
        return self._runner.run(self._log.holdings(purl, start=start, limit=limit))

    def document(self, digest: str, *, limit_bytes: int = MAX_DOCUMENT_BYTES) -> bytes:
        """Return the bytes of a document, which have this digest."""
        return self._runner.run(self._log.document(digest, limit_bytes=limit_bytes))

    def put_document(
        self,
        content: bytes | Path,
        *,
        entry: int | None = None,
        environment: str | None = None,
    ) -> str:
        """Store a document, and return its digest."""
        putting = self._log.put_document(content, entry=entry, environment=environment)
        return self._runner.run(putting)

    def checkpoint(self, *, extending: Checkpoint | None = None) -> Witnessed:
        """Return the log's head, proven to extend an older one if that is given."""
        return self._runner.run(self._log.checkpoint(extending=extending))

    def note(self) -> bytes:
        """Return the log's head as its signed note, which satisfies the policy."""
        return self._runner.run(self._log.note())

    def history(self, old: int, new: int | None = None) -> History:
        """Return the proof that the tree of `new` leaves extends that of `old`."""
        return self._runner.run(self._log.history(old, new))
