"""Follow a log: recompute its tree, look for what is watched, tell what is wrong.

Alarms go to standard output, one JSON object a line.  Exit status with --once: 0
verified and quiet, 4 new hits, 1 an alarm (it wins), 2 unusable input, 3 stopped by
itself.
"""

import argparse

import uvloop

from tlog.cli.hashes import warn_of_fault
from tlog.cli.output import Output
from tlog.cli.progress import show_progress
from tlog.cli.retries import silence_retries
from tlog.cli.serving import stop_on_signals, tell_of_aborts
from tlog.cli.settings import add_settings, read_settings
from tlog.errors import telling_machine_trouble
from tlog.log_lines import configure_logs
from tlog.monitor.opening import Surroundings, follow_once, follow_until
from tlog.monitor.settings import MonitorSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one flag for each setting."""
    add_settings(parser, MonitorSettings)


def run(options: argparse.Namespace) -> int:
    """Follow until SIGTERM or SIGINT, or once."""
    settings = read_settings(options, MonitorSettings)
    configure_logs(settings.log_format, settings.log_level)
    warn_of_fault()
    tell_of_aborts()
    silence_retries()
    with telling_machine_trouble():
        return uvloop.run(_run(settings))


async def _run(settings: MonitorSettings) -> int:
    surroundings = Surroundings(show=_show, on_read=show_progress())
    if settings.once:
        return (await follow_once(settings, surroundings)).value
    await follow_until(stop_on_signals(), settings, surroundings)
    return 0


def _show(line: str) -> None:
    """Write an alarm; OSError, and the alarm is shown again at the next start."""
    output = Output()
    output.tell(line)
    if output.lost is not None:
        # Without its number: a full disk there is not the one of the state.
        raise OSError(f"standard output: {output.lost.strerror}")
