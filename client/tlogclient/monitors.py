"""MonitorClient: what a monitor says about an artifact, proven as a log's answer is."""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from tlogclient.attested import (
    Artifact,
    AttestationPage,
    AttestationResult,
    open_attestations,
)
from tlogclient.findings import parse_digest
from tlogclient.kept import PAGE_JSON_BYTES, collect_attestations
from tlogclient.network import DIRECT, Network
from tlogclient.transport import Request, Transport
from tlogverify import Policy, Record

DEFAULT_ATTEMPTS: Final = 8
DEFAULT_TIMEOUT_S: Final = 60.0
_DEFAULT_HITS: Final = 1000


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one request with all its retries, and the way to the server."""

    attempts: int = DEFAULT_ATTEMPTS
    timeout_s: float = DEFAULT_TIMEOUT_S
    network: Network = DIRECT


class MonitorClient:
    """One monitor that serves HTTP; an async context manager, used once.

    url: where `tlog monitor --listen` answers.  policy: whose heads to believe.

    All verbs raise what those of LogClient do.
    """

    def __init__(
        self, url: str, policy: Policy, *, bounds: Bounds | None = None
    ) -> None:
        self._policy = policy
        bounds = bounds or Bounds()
        self._transport = Transport(
            url,
            token=None,
            attempts=bounds.attempts,
            timeout_s=bounds.timeout_s,
            network=bounds.network,
        )

    async def __aenter__(self) -> Self:
        await self._transport.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._transport.close()

    async def attestations(
        self,
        digest: str,
        *,
        predicate_type: str | None = None,
        start: int = 0,
        limit: int = _DEFAULT_HITS,
    ) -> AttestationResult:
        """Return the entries from index `start` on about an artifact, each proven.

        Arguments are as of `LogClient.attestations`.  No document comes along.
        """
        artifact = Artifact(parse_digest(digest), predicate_type)
        return await self.about(artifact, start, limit)

    async def about(
        self, artifact: Artifact, start: int, limit: int
    ) -> AttestationResult:
        """Return the same, for a question that was parsed."""

        async def fetch(after: int) -> AttestationPage:
            return await self._fetch(artifact, after)

        return await collect_attestations(fetch, start, limit)

    async def _fetch(self, artifact: Artifact, start: int) -> AttestationPage:
        path = f"/attestations/{artifact.digest.encode()}"
        query = {"start": str(start)} if start else {}
        request = Request(path, "application/json", PAGE_JSON_BYTES, query)
        answer = await self._transport.fetch(request)
        everything = Artifact(artifact.digest, None)
        page = await asyncio.to_thread(
            open_attestations,
            answer,
            start,
            everything,
            self._policy,
            has_documents=False,
        )
        if artifact.predicate_type is None:
            return page
        wanted = tuple(
            it
            for it in page.attestations
            if isinstance(it.entry, Record)
            and it.entry.predicate_type == artifact.predicate_type
        )
        return page._replace(attestations=wanted)
