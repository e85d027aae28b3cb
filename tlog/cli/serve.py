"""Serve a log from a folder.

The first start makes the keys; each start prints the verifier keys and where the
policy file lies.  SIGTERM drains: what was accepted is answered.
"""

import argparse
import json
from collections.abc import Sequence
from typing import NamedTuple

import uvloop

from tlog.cli.buckets import open_shelf, require_buckets
from tlog.cli.hashes import warn_of_fault
from tlog.cli.keys import open_token
from tlog.cli.retries import silence_retries
from tlog.cli.serving import (
    announce,
    stop_on_signals,
    tell_of_aborts,
    tune_interpreter,
)
from tlog.cli.settings import add_settings, read_settings
from tlog.cli.shared_stores import require_no_password
from tlog.cli.stores import needing_extra
from tlog.cli.traces import tracing_as
from tlog.cli.verbs import load
from tlog.errors import telling_machine_trouble
from tlog.log.opening import open_log
from tlog.log.serving import serve
from tlog.log.settings import LogSettings
from tlog.log_lines import configure_logs, log_event
from tlogverify.keys import VerifierKey


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one flag for each setting."""
    add_settings(parser, LogSettings)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    settings = read_settings(options, LogSettings)
    configure_logs(settings.log_format, settings.log_level)
    warn_of_fault()
    tell_of_aborts()
    silence_retries()
    if settings.database or settings.objects:
        return _run_node(settings, options)
    require_buckets(settings)
    if settings.workers > 1:
        return int(load("workers").run(settings, options))
    log = open_log(settings, open_token=open_token, open_shelf=open_shelf)
    tune_interpreter()

    def ready(url: str) -> None:
        size = log.heads.signed.size
        announced = Announced(settings, log.standing.origin, log.keys, url, size)
        announced.tell(as_json=options.json)

    async def run_log() -> None:
        await serve(log, stop_on_signals(), ready)

    with telling_machine_trouble(), tracing_as("log", settings.traces):
        uvloop.run(run_log())
    log_event("stopped", size=log.heads.signed.size)
    return 0


def _run_node(settings: LogSettings, options: argparse.Namespace) -> int:
    """Serve one node of a log that several share."""
    require_no_password(options, settings)
    with needing_extra():
        shared = load("shared").SharedLog(settings, open_token)
    tune_interpreter()
    log_keys = shared.ground.keys

    def ready(url: str, size: int) -> None:
        origin, keys = log_keys.origin, log_keys.keys
        announced = Announced(settings, origin, keys, url, size)
        announced.tell(as_json=options.json)

    async def run_node() -> int:
        size: int = await shared.run(stop_on_signals(), ready)
        return size

    with telling_machine_trouble(), tracing_as("log", settings.traces):
        size = uvloop.run(run_node())
    log_event("stopped", size=size)
    return 0


class Announced(NamedTuple):
    """What a log that serves says of itself."""

    settings: LogSettings
    origin: str
    keys: Sequence[VerifierKey]
    url: str
    size: int

    def tell(self, *, as_json: bool) -> None:
        """Say it, for people or as one JSON object."""
        policy = str(self.settings.data / "policy")
        vkeys = [key.encode() for key in self.keys]
        if as_json:
            document = {
                "url": self.url,
                "origin": self.origin,
                "size": self.size,
                "verifier_keys": vkeys,
                "policy": policy,
            }
            announce([json.dumps(document)])
            return
        announce(
            [
                f"log     {self.origin}, {self.size} entries",
                *(f"key     {vkey}" for vkey in vkeys),
                f"policy  {policy}",
                f"serving {self.url}",
            ]
        )
