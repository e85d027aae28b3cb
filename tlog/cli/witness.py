"""Cosign the heads of logs that extend what was cosigned before.

The first start makes the keys; each start prints the verifier keys, for the policies of
those who trust this witness, and the URL that logs send heads to.  SIGTERM drains.
"""

import argparse
import json
from pathlib import Path
from typing import Final

import uvloop

from tlog.cli.hashes import warn_of_fault
from tlog.cli.keys import open_token
from tlog.cli.serving import (
    announce,
    stop_on_signals,
    tell_of_aborts,
    tune_interpreter,
)
from tlog.cli.settings import add_settings, read_settings
from tlog.errors import telling_machine_trouble
from tlog.log_lines import configure_logs, log_event
from tlog.witness.door import serve_witness
from tlog.witness.opening import OpenWitness
from tlog.witness.settings import WitnessSettings

_SHOWN_CHARS: Final = 400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one flag for each setting."""
    add_settings(parser, WitnessSettings)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    settings = read_settings(options, WitnessSettings)
    configure_logs(settings.log_format, settings.log_level)
    warn_of_fault()
    tell_of_aborts()
    tune_interpreter()
    with telling_machine_trouble():
        uvloop.run(_serve(settings, as_json=options.json))
    return 0


async def _serve(settings: WitnessSettings, *, as_json: bool) -> None:
    witness = OpenWitness(settings, open_token=open_token)
    if not len(witness.roster) and not settings.log_list:
        log_event("no log is known: --log or --log-list", level="warning")
    stop = stop_on_signals()
    await serve_witness(
        witness, stop, lambda url: _announce(witness, url, as_json=as_json)
    )
    log_event("stopped", heads=witness.cosigned_logs)


def _announce(witness: OpenWitness, url: str, *, as_json: bool) -> None:
    vkeys = [key.encode() for key in witness.verifier_keys]
    name, logs = witness.verifier_keys[0].name, len(witness.roster)
    if as_json:
        document = {
            "url": url,
            "name": name,
            "verifier_keys": vkeys,
            "logs": logs,
            "heads": witness.cosigned_logs,
        }
        announce([json.dumps(document)])
        return
    file = witness.settings.data / "witness.vkey"
    announce(
        [
            f"witness {name}, {logs} logs, {witness.cosigned_logs} heads cosigned",
            *(f"key     {_shortened(vkey, file)}" for vkey in vkeys),
            f"serving {url}",
        ]
    )


def _shortened(vkey: str, file: Path) -> str:
    # One of ML-DSA-44 fills a screen.
    if len(vkey) <= _SHOWN_CHARS:
        return vkey
    return f"{vkey[:_SHOWN_CHARS]}..., whole in {file}"
