"""From settings to a monitor that runs: its policy, its state folder, its door."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from tlog.clock import BoundedClock
from tlog.errors import telling_machine_trouble
from tlog.http.listener import Listener
from tlog.log_lines import log_event
from tlog.monitor.door import build_monitor_app
from tlog.monitor.monitor import Monitor, Outcome
from tlog.monitor.settings import MonitorSettings, is_url
from tlog.monitor.state import open_state
from tlog.monitor.surroundings import Surroundings
from tlog.monitor.web import Web
from tlogverify.command.policies import policy_folders, read_policy
from tlogverify.errors import FormatError
from tlogverify.policy import Policy

__all__ = ["Surroundings", "follow_once", "follow_until", "open_monitor"]


async def follow_once(settings: MonitorSettings, surroundings: Surroundings) -> Outcome:
    """Make one round; raises what `open_monitor` raises."""
    async with open_monitor(settings, surroundings) as monitor:
        return await monitor.run_once()


async def follow_until(
    stop: asyncio.Event, settings: MonitorSettings, surroundings: Surroundings
) -> None:
    """Make rounds until `stop` is set, and serve health and metrics beside them.

    Raises what `open_monitor` raises, and OSError if the address is taken.
    """
    async with open_monitor(settings, surroundings) as monitor:
        if settings.listen:
            listener = Listener(build_monitor_app(monitor), settings.listen, "")
            try:
                await listener.start()
                log_event("serving", url=listener.url)
                await monitor.run(stop)
            finally:
                await listener.stop()
        else:
            await monitor.run(stop)
        log_event("stopped", size=monitor.size)


@asynccontextmanager
async def open_monitor(
    settings: MonitorSettings, surroundings: Surroundings
) -> AsyncIterator[Monitor]:
    """Open a monitor and its state folder, which no other process may hold.

    Raises FormatError for unusable settings or policy, and for a policy of another log
    than the state is of; RejectedError if the folder is held, CorruptError if it is
    broken, OSError if a file cannot be read, MachineError if the machine fails, then or
    within the body, or its clock is wrong.
    """
    if not settings.log or settings.policy is None or settings.state is None:
        needed = {
            "log": settings.log,
            "policy": settings.policy,
            "state": settings.state,
        }
        missing = ", ".join(f"--{name}" for name, value in needed.items() if not value)
        raise FormatError(f"a monitor needs {missing}")
    if not is_url(settings.log) and any(it.startswith("pkg:") for it in settings.watch):
        raise FormatError(
            "a package is watched in the documents of a log: --log is a URL then"
        )
    policy = read_policy(str(settings.policy), policy_folders(os.environ))
    if not policy.logs:
        raise FormatError(
            f"{settings.policy} names no log: use the policy that the log writes, or "
            "add a line: log <verifier key>"
        )
    bounded = replace(surroundings, clock=BoundedClock(surroundings.clock))
    bounded.clock.now_s()
    with (
        telling_machine_trouble(),
        open_state(settings.state, is_posting=bool(settings.webhook)) as state,
    ):
        _require_same_log(settings, policy, state.cursor().origin)
        async with Web(
            connections=settings.connections, timeout_s=settings.timeout_s
        ) as web:
            yield Monitor(settings, policy, state, web, bounded)


def _require_same_log(settings: MonitorSettings, policy: Policy, origin: str) -> None:
    """Raise FormatError if the state is of a log that the policy does not name."""
    trusted = sorted({log.key.name for log in policy.logs})
    if origin and origin not in trusted:
        raise FormatError(
            f"{settings.state} is the state of the log {origin!r}, and "
            f"{settings.policy} trusts {', '.join(map(repr, trusted))}: give the "
            "policy of that log, or another state folder"
        )
