"""From settings to a gate: what it believes, its sources, its cache, its spool."""

import asyncio
import os
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from tlog.clock import BoundedClock, Clock, SystemClock
from tlog.documents.opening import find_store
from tlog.gate.beliefs import Beliefs, LoadJudge
from tlog.gate.breaking import Spool
from tlog.gate.bundles import BundleSource
from tlog.gate.cache import VerdictCache
from tlog.gate.certificates import Certificates
from tlog.gate.deciding import Bounds, Decider, Watched
from tlog.gate.folders import DocumentFolder
from tlog.gate.following import has_log_files, monitor_source, store_source
from tlog.gate.links import LogLink
from tlog.gate.metrics import GateMetrics
from tlog.gate.settings import GateSettings
from tlog.gate.sources import (
    FolderSource,
    LogBounds,
    LogSource,
    RegistrySource,
    Source,
)
from tlog.gate.summing import Summarizer
from tlog.registry import Keyring, Way
from tlog.signing import OpenToken, open_attestation_key, open_no_token
from tlogclient.network import trust_authorities
from tlogverify.errors import FormatError

SPOOL_S: Final = 60.0
"""How often the log is given the uses of break-glass that it does not have."""


class OpenGate:
    """One gate; an async context manager, used once.

    load_judge: of certificates.  key_password, open_token: for the key
    that signs summaries.

    Raises FormatError, RejectedError or OSError for settings and files that cannot be
    used.
    """

    def __init__(
        self,
        settings: GateSettings,
        *,
        load_judge: LoadJudge,
        key_password: bytes = b"",
        open_token: OpenToken = open_no_token,
        clock: Clock | None = None,
    ) -> None:
        settings.require_whole()
        self.settings = settings
        self.clock = BoundedClock(clock or SystemClock())
        self.metrics = GateMetrics()
        self.beliefs = Beliefs(settings, load_judge, self.metrics)
        self.folder: DocumentFolder | None = None
        if settings.documents is not None:
            self.folder = DocumentFolder(settings.documents)
        self.registry = _registry(settings)
        self.log = LogLink(settings, self.beliefs) if settings.log else None
        self.bundles: BundleSource | None = None
        if self.log is not None and settings.log_bundles:
            bounds = LogBounds(settings.log_wait_ms / 1_000)
            self.bundles = BundleSource(settings.log, self.log.network, bounds)
        self.decider = self._decider()
        self.spool: Spool | None = None
        if settings.spool is not None:
            self.spool = spool = Spool(settings.spool, self.log)
            self.metrics.spooled.set_function(lambda: spool.waiting)
        self.certificates: Certificates | None = None
        if settings.certificate is not None and settings.certificate_key is not None:
            self.certificates = Certificates(
                settings.certificate,
                settings.certificate_key,
                settings.client_authorities,
                self.metrics,
            )
        self.summarizer: Summarizer | None = None
        if settings.vsa_key:
            signer = open_attestation_key(
                settings.vsa_key, open_token, password=key_password
            )
            self.summarizer = Summarizer(settings.verifier, signer)
        self._later: set[asyncio.Task[Any]] = set()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "OpenGate":
        if self.log is not None:
            await self._stack.enter_async_context(self.log)
        if self.bundles is not None:
            await self._stack.enter_async_context(self.bundles)
        if self.spool is not None:
            self.later(self._follow_spool(self.spool))
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [*self._later]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.decider.close()
        await self.beliefs.close()
        await self._stack.aclose()

    def claims(self) -> dict[str, bool]:
        """Return what must hold for a gate that can decide."""
        claims = {"rules_read": bool(self.beliefs.environments)}
        if self.folder is not None:
            claims["documents_readable"] = _is_readable(self.settings.documents)
        if self.spool is not None:
            claims["spool_writable"] = _is_writable(self.settings.spool)
        return claims

    def later(self, work: Coroutine[object, object, None]) -> bool:
        """Let something run behind an answer; False if too much does already."""
        if len(self._later) > self.settings.checks:
            work.close()
            return False
        self.hold(asyncio.create_task(work))
        return True

    def hold(self, task: "asyncio.Task[Any]") -> None:
        """Keep a task until it ends, and end it when the gate is closed."""
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def _decider(self) -> Decider:
        settings = self.settings
        cache = VerdictCache(
            self.clock,
            most=settings.cache_verdicts,
            allowed_s=settings.allowed_s,
            refused_s=settings.refused_s,
        )
        sources: list[Source] = []
        if self.folder is not None:
            sources.append(FolderSource(self.folder))
        sources += self._sources_of_a_log()
        if self.registry is not None and settings.registry:
            sources.append(self.registry)
        return Decider(
            self.beliefs,
            sources,
            cache,
            bounds=Bounds(
                settings.deadline_ms / 1_000, settings.checks, settings.ask == "all"
            ),
            folder=self.folder,
            watched=Watched(self.clock, self.metrics),
        )

    def _sources_of_a_log(self) -> list[Source]:
        settings = self.settings
        bounds = LogBounds(settings.log_wait_ms / 1_000)
        sources: list[Source] = []
        store, folder = None, settings.store
        if folder is not None:
            has_files = has_log_files(folder)
            if not (has_files or settings.monitor or self.log):
                raise FormatError(
                    "--store needs --log or --monitor, unless it is a log's own "
                    "folder: documents are found by entries"
                )
            store = find_store(folder)
            if settings.monitor is not None:
                sources.append(monitor_source(settings.monitor, store, bounds))
            elif has_files:
                sources.append(store_source(folder, self.beliefs, store, bounds))
        if self.log is not None:
            sources.append(LogSource(self.log, store, bounds))
        if self.bundles is not None:
            sources.append(self.bundles)
        return sources

    async def _follow_spool(self, spool: Spool) -> None:
        while True:
            await spool.submit_waiting()
            await asyncio.sleep(SPOOL_S)


def _registry(settings: GateSettings) -> RegistrySource | None:
    if not (settings.registry or settings.resolve):
        return None
    tls = None if settings.ca_file is None else trust_authorities(settings.ca_file)
    wait_s = settings.registry_wait_ms / 1_000
    return RegistrySource(
        Way(Keyring.read(os.environ), wait_s, tls, settings.plain_http)
    )


def _is_readable(folder: Path | None) -> bool:
    return folder is not None and os.access(folder, os.R_OK | os.X_OK)


def _is_writable(folder: Path | None) -> bool:
    return folder is not None and os.access(folder, os.W_OK | os.X_OK)
