"""A monitor that runs in this process, on a clock that a test moves."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.support.static_log import POLICY
from tlog.monitor.monitor import Outcome
from tlog.monitor.opening import Surroundings, open_monitor
from tlog.monitor.settings import MonitorSettings

NOW_S = 1_790_000_000


@dataclass
class HeldClock:
    """A clock that stands still until it is moved."""

    time_s: int = NOW_S

    def now_s(self) -> int:
        return self.time_s

    def monotonic_s(self) -> float:
        return float(self.time_s)


@dataclass
class Monitored:
    """One state folder, opened anew for each look at the log.

    lines: the alarms that were written, by all looks.
    """

    folder: Path
    log: str
    policy: bytes = POLICY
    clock: HeldClock = field(default_factory=HeldClock)
    lines: list[str] = field(default_factory=list)
    progress: list[tuple[int, int]] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def settings(self, **changes: Any) -> MonitorSettings:
        policy = self.folder / "policy"
        policy.write_bytes(self.policy)
        plain = MonitorSettings(
            log=self.log, policy=policy, state=self.state, once=True, timeout_s=5
        )
        return replace(plain, **changes)

    def surroundings(self) -> Surroundings:
        return Surroundings(
            show=self.lines.append,
            on_read=lambda done, total: self.progress.append((done, total)),
            clock=self.clock,
        )

    async def look(self, **changes: Any) -> Outcome:
        """Start, make one round, stop."""
        async with open_monitor(self.settings(**changes), self.surroundings()) as it:
            return await it.run_once()

    async def size(self) -> int:
        """Return the verified size, as a new start reads it."""
        async with open_monitor(self.settings(), self.surroundings()) as it:
            return it.size

    def alarms(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the alarms that were written."""
        told: list[dict[str, Any]] = [json.loads(line) for line in self.lines]
        return [it for it in told if kind is None or it["kind"] == kind]

    def kinds(self) -> list[str]:
        """Return the kinds of all alarms, in order."""
        return [it["kind"] for it in self.alarms()]
