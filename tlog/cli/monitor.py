"""Follow a log: recompute its tree, look for what is watched, tell what is wrong.

Alarms go to standard output, one JSON object a line.  Exit status with --once: 0
verified and quiet, 4 new hits, 1 an alarm (it wins), 2 unusable input, 3 stopped by
itself.
"""

import argparse
import asyncio

import uvloop

from tlog.cli.progress import show_progress
from tlog.cli.serving import stop_on_signals
from tlog.cli.settings import add_settings, read_settings
from tlog.clock import SystemClock
from tlog.http.listener import Listener
from tlog.log.opening import tell_build
from tlog.log_lines import configure_logs, log_event
from tlog.monitor.door import build_monitor_app
from tlog.monitor.metrics import MonitorMetrics
from tlog.monitor.monitor import Monitor, Surroundings, open_monitor
from tlog.monitor.settings import MonitorSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one flag for each setting."""
    add_settings(parser, MonitorSettings)


def run(options: argparse.Namespace) -> int:
    """Follow until SIGTERM or SIGINT, or once."""
    settings = read_settings(options, MonitorSettings)
    configure_logs(settings.log_format, settings.log_level)
    return uvloop.run(_run(settings))


async def _run(settings: MonitorSettings) -> int:
    surroundings = Surroundings(SystemClock(), MonitorMetrics(), _show, show_progress())
    async with open_monitor(settings, surroundings) as monitor:
        if settings.once:
            return (await monitor.run_once()).value
        await _follow(monitor, settings.listen, stop_on_signals())
        log_event("stopped", size=monitor.size)
    return 0


async def _follow(monitor: Monitor, listen: str, stop: asyncio.Event) -> None:
    if not listen:
        await monitor.run(stop)
        return
    tell_build(monitor.metrics)
    listener = Listener(build_monitor_app(monitor), listen, "")
    try:
        await listener.start()
        log_event("serving", url=listener.url)
        await monitor.run(stop)
    finally:
        await listener.stop()


def _show(line: str) -> None:
    print(line, flush=True)
