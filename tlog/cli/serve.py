"""Serve a log from a folder.

The first start makes the keys; each start prints the verifier keys and where the
policy file lies.  SIGTERM drains: what was accepted is answered.
"""

import argparse
import gc
import json
import sys

import uvloop

from tlog.api.server import serve
from tlog.assemble import open_log
from tlog.cli.settings import add_settings, read_settings
from tlog.cli.stopping import stop_on_signals
from tlog.config import Settings
from tlog.log import Log
from tlog.logs import configure_logs, log_event


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one flag for each setting."""
    add_settings(parser, Settings)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    settings = read_settings(options, Settings)
    configure_logs(settings.log_format, settings.log_level)
    # The commit thread must get its turn soon after a disk has answered it: 5 ms, the
    # interpreter's own interval, is longer than a commit.
    sys.setswitchinterval(0.001)
    log = open_log(settings)
    # What is there by now stays: the collector need not look at it again, and a busy
    # server makes no cycles.  Its default of 700 objects cost 12 % of a request.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    uvloop.run(_serve(log, as_json=options.json))
    log_event("stopped", size=log.snapshot.size)
    return 0


async def _serve(log: Log, *, as_json: bool) -> None:
    stop = stop_on_signals()
    await serve(log, stop, lambda url: _announce(log, url, as_json=as_json))


def _announce(log: Log, url: str, *, as_json: bool) -> None:
    layout = log.folder.layout
    vkeys = [key.encode() for key in log.signer.verifiers]
    if as_json:
        document = {
            "url": url,
            "origin": log.signer.origin,
            "size": log.snapshot.size,
            "verifier_keys": vkeys,
            "policy": str(layout.policy_file),
        }
        print(json.dumps(document), flush=True)
        return
    print(f"log     {log.signer.origin}, {log.snapshot.size} entries")
    for vkey in vkeys:
        print(f"key     {vkey}")
    print(f"policy  {layout.policy_file}")
    print(f"serving {url}", flush=True)
