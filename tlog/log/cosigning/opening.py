"""A log's witnesses: its policy, who is asked, and whether the log may write at all."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tlog.clock import Clock
from tlog.config import Settings
from tlog.errors import CorruptError, RejectedError, StaleError
from tlog.log.cosigning.collector import Collector, LogView, Terms
from tlog.log.cosigning.links import Port, WitnessLink
from tlog.log.cosigning.rollback import (
    RollbackGuard,
    RolledBackError,
    Sighting,
    ask_witnesses,
    find_rollback,
)
from tlog.log.cosigning.terms import read_witness_policy
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.storage.journal import Journal
from tlog.log_lines import log_event
from tlog.metrics import LogMetrics
from tlog.signing import HeadSigner
from tlog.witness.cosigner import NeverCosignedError
from tlog.witness.opening import Witness
from tlog.witness.roster import MAX_QPD
from tlog.witness.settings import WitnessSettings
from tlogclient.cosigning import AddCheckpoint, origin_hash
from tlogclient.witness import KnownSize, WitnessClient, witnesses_by_url
from tlogverify.errors import FormatError
from tlogverify.hashing import Hash
from tlogverify.keys import KeyType, VerifierKey
from tlogverify.note import NoteSignature, parse_signatures
from tlogverify.policy import Policy

DEMO_URL: Final = "demo:"
"""Where the witness inside the log stands in its policy: nobody else can ask it."""


class DemoPort:
    """The witness inside the log."""

    def __init__(self, witness: Witness) -> None:
        self._cosigner = witness.cosigner

    async def add_checkpoint(
        self, request: AddCheckpoint
    ) -> tuple[NoteSignature, ...] | KnownSize:
        """Return cosignature lines, or the size to begin from."""
        try:
            lines = await self._cosigner.add_checkpoint(request.encode())
        except StaleError as error:
            return KnownSize(error.known_size)
        return parse_signatures(lines)

    async def checkpoint(self, origin: str) -> bytes | None:
        """Return the newest note that was cosigned, or None."""
        try:
            return self._cosigner.checkpoint(origin_hash(origin))
        except NeverCosignedError:
            return None

    async def close(self) -> None:
        """Nothing: the log closes its witness itself."""


def open_demo(root: Path, signer: HeadSigner) -> Witness:
    """Open or make the witness inside a log's folder."""
    log_event("a log that witnesses itself proves nothing", level="warning")
    return Witness(
        WitnessSettings(
            data=root / "demo-witness",
            name=f"{signer.origin}-demo-witness",
            log=tuple(key.encode() for key in signer.verifiers),
            qpd=MAX_QPD,
        )
    )


def policy_text(
    settings: Settings, keys: Sequence[VerifierKey], demo: Witness | None
) -> str:
    """Return the policy for those who verify this log.

    Raises RejectedError or FormatError if the settings name no usable one.
    """
    if demo is not None and settings.witness_policy is not None:
        raise RejectedError("witness_demo has a policy of its own")
    own = "".join(f"log {key.encode()}\n" for key in keys)
    if demo is not None:
        types = [key.key_type for key in demo.verifiers]
        vkey = demo.verifiers[types.index(KeyType.COSIGNATURE)].encode()
        return f"{own}witness demo {vkey} {DEMO_URL}\nquorum demo\n"
    if settings.witness_policy is None:
        return f"{own}quorum none\n"
    return read_witness_policy(settings.witness_policy, keys)


def make_links(
    settings: Settings,
    policy: Policy,
    demo: Witness | None,
    clock: Clock,
    metrics: LogMetrics,
) -> list[WitnessLink]:
    """Return one link for each witness of the policy that can be asked."""
    links = []
    for url, witnesses in witnesses_by_url(policy).items():
        name = witnesses[0].name.decode("utf-8", "backslashreplace")
        links.append(
            WitnessLink(
                name,
                url,
                _port(url, settings, demo),
                [witness.key for witness in witnesses],
                clock=clock,
                metrics=metrics,
            )
        )
    return links


def see_heads(
    settings: Settings, policy: Policy, keys: Sequence[VerifierKey]
) -> list[Sighting]:
    """Ask all witnesses, before anything is signed, what they have of this log."""
    witnesses = [
        (url, it[0].name.decode("utf-8", "backslashreplace"))
        for url, it in witnesses_by_url(policy).items()
        if url != DEMO_URL
    ]

    async def ask() -> list[Sighting]:
        ports = [(name, _port(url, settings, None)) for url, name in witnesses]
        try:
            return await ask_witnesses(ports, keys[0].name, keys)
        finally:
            for _, port in ports:
                await port.close()

    if not witnesses:
        return []
    # Opening a log is no coroutine, and may happen within a running event loop.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, ask()).result()


def require_journal(journal: Journal, sightings: Sequence[Sighting]) -> None:
    """Refuse to begin a log anew whose key has signed entries elsewhere."""
    if journal.head() is None:
        found = find_rollback(
            [it for it in sightings if it.head.size], 0, lambda _: Hash(bytes(32))
        )
        if found is not None:
            raise RolledBackError(found)


def guard_writes(
    sightings: Sequence[Sighting], snapshot: Snapshot, root_at: Callable[[int], Hash]
) -> RollbackGuard:
    """Return whether the log may write, by what its witnesses have shown."""
    guard = RollbackGuard()
    for sighting in sightings:
        try:
            found = find_rollback([sighting], snapshot.size, root_at)
        except CorruptError as error:
            # Our own tile cannot be read: what the witness has is not judged by it.
            said = str(error)
            log_event(
                "witness not asked",
                level="warning",
                witness=sighting.witness,
                error=said,
            )
            continue
        if found is not None:
            guard.stop(found)
    return guard


def make_collector(
    settings: Settings,
    asked: tuple[Policy, Sequence[WitnessLink]],
    view: LogView,
    guard: RollbackGuard,
    shown: Snapshot | None,
) -> Collector:
    """Return what collects cosignatures on the settings' terms."""
    policy, links = asked
    publishes = settings.witness_quorum_lost == "publish"
    terms = Terms(
        policy,
        settings.witness_interval_ms / 1000,
        float(settings.witness_patience_s) if publishes else None,
    )
    return Collector(terms, links, view, guard, shown=shown)


def _port(url: str, settings: Settings, demo: Witness | None) -> Port:
    if demo is not None and url == DEMO_URL:
        return DemoPort(demo)
    try:
        return WitnessClient(url, timeout_s=settings.witness_timeout_ms / 1000)
    except ValueError as error:
        raise FormatError(f"a witness's URL: {error}", url) from None
