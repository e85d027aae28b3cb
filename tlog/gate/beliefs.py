"""What a gate believes: rules by environment and whom to trust, as their files say now.

The files are looked at before each decision, by their times and sizes, and read again
when one has changed; so are the folders that they lie in, as keys lie beside rules.
Files that cannot be used change nothing: what was read before stays in force, and it is
said so.  So whoever can write the files decides what is allowed, and nobody else.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog.bundles.trusted import MAX_ROOT_BYTES, TrustedLogs
from tlog.gate.metrics import GateMetrics
from tlog.gate.settings import GateSettings, rules_files
from tlog.log_lines import log_event
from tlog.rules import CertifiedJudge, RuleSet, Trust, read_rules
from tlogverify.errors import FormatError, TlogError
from tlogverify.files import read_bounded
from tlogverify.policy import Policy

MAX_POLICY_BYTES: Final = 1 << 20

LoadJudge = Callable[[], CertifiedJudge]
"""Loads the judge of certificates; RejectedError where it is not installed."""

Stamp = tuple[int, int, int]


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
        self._watched = _watched(settings, self._files)
        self._stamps = self._look()
        self._believed = self._read()

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments that have rules."""
        return tuple(self._files)

    def of(self, environment: str) -> Belief | None:
        """Return what is believed now; None for an environment without rules."""
        stamps = self._look()
        if stamps != self._stamps:
            # Taken first: files that are not usable are read again when they change.
            self._stamps = stamps
            self._reload()
        return self._believed.get(environment)

    def _reload(self) -> None:
        try:
            self._believed = self._read()
        except (TlogError, OSError) as error:
            self._metrics.reload_failures.labels("rules").inc()
            log_event("rules not usable", level="error", error=str(error))
            return
        log_event(
            "rules read again",
            rules={it: self._believed[it].rules.sha256.hex() for it in self._believed},
        )

    def _look(self) -> tuple[Stamp | None, ...]:
        return tuple(map(stamp_of, self._watched))

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
        believed = {}
        for environment, path in self._files.items():
            try:
                rules = read_rules(path)
            except FormatError as error:
                raise FormatError(f"{path}: {error}") from None
            judge = self._load_judge() if root and rules.identities else None
            trust = Trust(Policy.parse(policy) if policy else None, root or None, judge)
            believed[environment] = Belief(rules, trust, trust_sha256)
        return believed


def stamp_of(path: Path) -> Stamp | None:
    """Return what changes with a file, or None if it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _watched(settings: GateSettings, files: Mapping[str, Path]) -> tuple[Path, ...]:
    given = (*files.values(), settings.policy, settings.trusted_root)
    paths = [it for it in given if it is not None]
    return tuple(dict.fromkeys([*paths, *(it.parent for it in files.values())]))
