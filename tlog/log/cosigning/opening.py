"""From settings to a log's witnesses: its policy, who is asked, may the log write."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tlog.clock import Clock
from tlog.errors import RejectedError
from tlog.lifeline import Lifeline
from tlog.log.cosigning.collector import Collector, LogView, Pace
from tlog.log.cosigning.gathering import Gathering
from tlog.log.cosigning.guard import RolledBackError, WriteGuard
from tlog.log.cosigning.links import WitnessLink
from tlog.log.cosigning.policy_file import read_witness_policy
from tlog.log.cosigning.settings import CosigningSettings
from tlog.log.cosigning.sightings import Sighting, compare_all, see_heads
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.metrics import LogMetrics
from tlog.log.storage.kept import KeptText
from tlog.log_lines import log_event
from tlogclient.witness import WitnessClient, witnesses_by_url
from tlogverify.errors import FormatError
from tlogverify.hashing import to_hash
from tlogverify.keys import VerifierKey
from tlogverify.policy import Policy, PolicyWitness

"""The file, in the log's folder, of what witnesses have said against it."""


def policy_text(
    settings: CosigningSettings, keys: Sequence[VerifierKey], retired: str = ""
) -> str:
    """Return the policy for those who verify this log.

    retired: the lines of keys that sign no more.

    Raises RejectedError or FormatError if the settings name no usable one.
    """
    if settings.witness_policy is None:
        return (
            "".join(f"log {key.encode()}\n" for key in keys)
            + retired
            + ("quorum none\n")
        )
    return read_witness_policy(settings.witness_policy, keys, retired)


def see_all_heads(
    settings: CosigningSettings, policy: Policy, keys: Sequence[VerifierKey]
) -> list[Sighting]:
    """Ask all witnesses, before anything is signed, what they show of this log.

    Raises FormatError or RejectedError for a setting of a witness that there is not.
    """
    asked = witnesses_by_url(policy)
    _require_named(settings, policy)

    async def ask() -> list[Sighting]:
        ports = [(_name(it), _client(settings, url, it)) for url, it in asked.items()]
        try:
            return await see_heads(ports, keys[0].name, keys)
        finally:
            for _, port in ports:
                await port.close()

    if not asked:
        return []
    # Opening a log is no coroutine, and may happen within a running event loop.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, ask()).result()


def require_new(sightings: Sequence[Sighting]) -> None:
    """Raise RolledBackError if a log that is about to begin has signed entries."""
    seen = [it for it in sightings if it.head.size]
    for found in compare_all(seen, 0, lambda _: to_hash(bytes(32))):
        raise RolledBackError(found.said)


def open_guard(
    settings: CosigningSettings,
    policy: Policy,
    kept: KeptText,
    metrics: LogMetrics,
) -> WriteGuard:
    """Return what stands between submissions and a log.

    kept: what was said against it.  Raises CorruptError if that cannot be read.
    """
    is_asking = settings.witness_policy is not None
    is_told = is_asking and settings.witness_unconfirmed
    if is_told:
        log_event("told to take entries without the witnesses' word", level="warning")
    overruled = set(settings.witness_overruled)
    for witnesses in witnesses_by_url(policy).values():
        # What answers at one URL is one witness, by whichever of its names.
        if names := overruled & set(map(_text, witnesses)):
            overruled |= {*names, *map(_text, witnesses)}
    return WriteGuard(
        kept,
        metrics,
        overruled=overruled,
        is_confirmed=not is_asking,
        is_told=is_told,
    )


def make_collector(
    settings: CosigningSettings,
    policy: Policy,
    view: LogView,
    shown: Snapshot | None,
    guard: WriteGuard,
    lifeline: Lifeline,
) -> Collector:
    """Return what collects cosignatures; shown: the head that is public already."""
    patience_s = settings.witness_patience_s
    pace = Pace(
        settings.witness_interval_ms / 1000,
        None if patience_s is None else float(patience_s),
    )
    links = _links(settings, policy, view.clock, view.metrics)
    gathering = Gathering(policy, shown, is_heard=False)
    return Collector(pace, links, view, gathering, guard, lifeline)


def _links(
    settings: CosigningSettings, policy: Policy, clock: Clock, metrics: LogMetrics
) -> list[WitnessLink]:
    """Return one link for each witness of the policy that can be asked."""
    return [
        WitnessLink(
            _name(witnesses),
            url,
            _client(settings, url, witnesses),
            [witness.key for witness in witnesses],
            clock=clock,
            metrics=metrics,
        )
        for url, witnesses in witnesses_by_url(policy).items()
    ]


def _client(
    settings: CosigningSettings, url: str, witnesses: Sequence[PolicyWitness]
) -> WitnessClient:
    shown_at = dict(map(_monitoring, settings.witness_monitoring))
    names = map(_text, witnesses)
    try:
        return WitnessClient(
            url,
            monitoring_url=next((shown_at[it] for it in names if it in shown_at), None),
            timeout_s=settings.witness_timeout_ms / 1000,
        )
    except ValueError as error:
        raise FormatError(f"a witness's URL: {error}", url) from None


def _require_named(settings: CosigningSettings, policy: Policy) -> None:
    names = set(map(_text, policy.witnesses))
    for setting in settings.witness_monitoring:
        name, _ = _monitoring(setting)
        if names and name not in names:
            raise RejectedError(f"witness_monitoring: the policy has no witness {name}")


def _monitoring(setting: str) -> tuple[str, str]:
    """Split NAME=URL."""
    name, separator, rest = setting.partition("=http")
    if not name or not separator:
        raise FormatError("witness_monitoring is NAME=URL", setting)
    return name, f"http{rest}"


def _name(witnesses: Sequence[PolicyWitness]) -> str:
    """Return what the witness at one URL is called, for people."""
    return _text(witnesses[0])


def _text(witness: PolicyWitness) -> str:
    return witness.name.decode("utf-8", "backslashreplace")
