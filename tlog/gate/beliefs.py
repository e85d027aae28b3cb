"""What a gate believes: rules by environment and whom to trust, as their files say now.

The files, and those of the keys that rules name, are looked at before each decision, by
their times and sizes, and read again in a thread when one has changed.
Files that cannot be used change nothing: what was read before stays in force, and it is
said so.  So whoever can write the files decides what is allowed, and nobody else.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog.bundles.trusted import MAX_ROOT_BYTES, TrustedLogs
from tlog.gate.metrics import GateMetrics
from tlog.gate.settings import GateSettings, rules_files
from tlog.log_lines import log_event
from tlog.rules import CertifiedJudge, RuleSet, Trust, read_rules
from tlog.rules.reading import key_files
from tlogverify.errors import FormatError, TlogError
from tlogverify.files import read_bounded
from tlogverify.policy import Policy

MAX_POLICY_BYTES: Final = 1 << 20

LoadJudge = Callable[[], CertifiedJudge]
"""Loads the judge of certificates; RejectedError where it is not installed."""

Stamp = tuple[int, int, int]

_TICK_NS: Final = 100_000_000
_COARSE_TICK_NS: Final = 2_100_000_000
"""A file may change twice within what its time can tell apart.

Usual file systems take the time of the kernel, which moves each few milliseconds;
others know whole seconds, or two.
"""


@dataclass(frozen=True, slots=True)
class Belief:
    """What one environment's verdicts rest on; trust_sha256: of policy and root."""

    rules: RuleSet
    trust: Trust
    trust_sha256: bytes


class Beliefs:
    """What is believed now, by environment."""

    def __init__(
        self, settings: GateSettings, load_judge: LoadJudge, metrics: GateMetrics
    ) -> None:
        """Read all files; FormatError, RejectedError, or OSError that names one."""
        self._settings = settings
        self._load_judge = load_judge
        self._metrics = metrics
        self._files = rules_files(settings)
        self._reading: asyncio.Task[None] | None = None
        self._take_stamps()
        self._believed = self._read()
        self._forget_if_others_are_named()

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments that have rules."""
        return tuple(self._files)

    @property
    def policy(self) -> Policy | None:
        """Which logs and witnesses were trusted when the files were read last."""
        return next(iter(self._believed.values())).trust.policy

    def read_last(self, environment: str) -> Belief | None:
        """Return what was read last; None for an environment without rules."""
        return self._believed.get(environment)

    async def of(self, environment: str) -> Belief | None:
        """Return what is believed now; None for an environment without rules."""
        while self._reading is not None or self._is_changed():
            if self._reading is None:
                self._reading = asyncio.create_task(self._read_again())
            # Who stops to wait must not end it for others.
            await asyncio.shield(self._reading)
        return self._believed.get(environment)

    async def close(self) -> None:
        """Wait for what is being read."""
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read_again(self) -> None:
        try:
            await asyncio.to_thread(self._reload)
        finally:
            self._reading = None

    def _reload(self) -> None:
        # Taken first: what changes while it is read, and what is not usable, is read
        # again when it changes.
        self._take_stamps()
        before = self._digests()
        try:
            self._believed = self._read()
        except (TlogError, OSError) as error:
            self._metrics.reload_failures.labels("rules").inc()
            log_event("rules not usable", level="error", error=str(error))
            return
        self._forget_if_others_are_named()
        if self._digests() != before:
            rules = {name: it.rules.sha256.hex() for name, it in self._believed.items()}
            log_event("rules read again", rules=rules)

    def _digests(self) -> list[bytes]:
        return [it.rules.sha256 + it.trust_sha256 for it in self._believed.values()]

    def _is_changed(self) -> bool:
        is_due = self._again_ns is not None and time.time_ns() >= self._again_ns
        return is_due or self._stamps != _look(self._paths)

    def _take_stamps(self) -> None:
        self._paths = _watched(self._settings, self._files)
        self._stamps = _look(self._paths)
        settled = max((settles_ns(it) for it in self._stamps if it), default=0)
        # What was written this moment may be written again without another time.
        self._again_ns = settled if settled > time.time_ns() else None

    def _forget_if_others_are_named(self) -> None:
        """Have all read again if the rules that were read name other files of keys."""
        if self._paths != _watched(self._settings, self._files):
            self._stamps = ()

    def _read(self) -> dict[str, Belief]:
        policy, root = b"", b""
        if self._settings.policy is not None:
            policy = read_bounded(self._settings.policy, "a policy", MAX_POLICY_BYTES)
        if self._settings.trusted_root is not None:
            path = self._settings.trusted_root
            root = read_bounded(path, "a trusted root", MAX_ROOT_BYTES)
            TrustedLogs.parse(root)
        digests = (hashlib.sha256(it).digest() for it in (policy, root))
        trust_sha256 = hashlib.sha256(b"".join(digests)).digest()
        trusted = Policy.parse(policy) if policy else None
        believed = {}
        for environment, path in self._files.items():
            try:
                rules = read_rules(path)
            except FormatError as error:
                raise FormatError(f"{path}: {error}") from None
            judge = self._load_judge() if root and rules.identities else None
            trust = Trust(trusted, root or None, judge)
            believed[environment] = Belief(rules, trust, trust_sha256)
        return believed


def stamp_of(path: Path) -> Stamp | None:
    """Return what changes with a file, or None if it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def settles_ns(stamp: Stamp) -> int:
    """Return from when on a change of a file shows in its time."""
    is_coarse = stamp[0] % 1_000_000_000 == 0
    return stamp[0] + (_COARSE_TICK_NS if is_coarse else _TICK_NS)


def _look(paths: Sequence[Path]) -> tuple[Stamp | None, ...]:
    return tuple(map(stamp_of, paths))


def _watched(settings: GateSettings, files: Mapping[str, Path]) -> tuple[Path, ...]:
    given = (*files.values(), settings.policy, settings.trusted_root)
    paths = [it for it in given if it is not None]
    for file in files.values():
        # What cannot be read names no file; who reads the rules says so.
        with suppress(FormatError, OSError):
            paths += key_files(file)
    return tuple(dict.fromkeys([*paths, *(it.parent for it in files.values())]))
