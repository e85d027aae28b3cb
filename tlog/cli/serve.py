"""Serve a log from a folder.

The first start makes the keys; each start prints the verifier keys and where the
policy file lies.  SIGTERM drains: what was accepted is answered.
"""

import argparse
import json

import uvloop

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
from tlog.cli.traces import tracing_as
from tlog.cli.verbs import load
from tlog.errors import RejectedError, telling_machine_trouble
from tlog.log.life import Log
from tlog.log.opening import OpenStores, open_log
from tlog.log.serving import serve
from tlog.log.settings import LogSettings
from tlog.log_lines import configure_logs, log_event
from tlogverify.errors import FormatError


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
    open_stores = _stores(settings, options.database)
    log = open_log(settings, open_token=open_token, open_stores=open_stores)
    tune_interpreter()
    with telling_machine_trouble(), tracing_as("log", settings.traces):
        uvloop.run(_serve(log, as_json=options.json))
    log_event("stopped", size=log.heads.signed.size)
    return 0


def _stores(settings: LogSettings, typed: str | None) -> OpenStores | None:
    """Return how shared stores are opened, if any; typed: the database as a flag."""
    if not settings.database and not settings.objects:
        return None
    if typed is not None and settings.holds_password:
        raise FormatError(
            "--database shows its password to all users of this machine: give it as "
            "TLOG_DATABASE, in the file of --config, as PGPASSWORD or in ~/.pgpass"
        )
    try:
        open_stores: OpenStores = load("shared").shared_stores(settings)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("tlog.", "tlogverify", "tlogclient")):
            raise
        raise RejectedError(
            "a log that nodes share needs an extra: pip install 'tlog-server[shared]'"
        ) from error
    return open_stores


async def _serve(log: Log, *, as_json: bool) -> None:
    stop = stop_on_signals()
    await serve(log, stop, lambda url: _announce(log, url, as_json=as_json))


def _announce(log: Log, url: str, *, as_json: bool) -> None:
    layout = log.stores.folder.layout
    vkeys = [key.encode() for key in log.keys]
    if as_json:
        document = {
            "url": url,
            "origin": log.standing.origin,
            "size": log.heads.signed.size,
            "verifier_keys": vkeys,
            "policy": str(layout.policy_file),
        }
        announce([json.dumps(document)])
        return
    announce(
        [
            f"log     {log.standing.origin}, {log.heads.signed.size} entries",
            *(f"key     {vkey}" for vkey in vkeys),
            f"policy  {layout.policy_file}",
            f"serving {url}",
        ]
    )
