"""Answer whether artifacts may be deployed, for Kubernetes and all others.

Decisions are made from documents that are here: a folder, a log, as a last resort a
registry.  Files of rules, policy and certificate are read again when they change.
SIGTERM drains.  `tlog gate manifest` prints what a cluster needs; `tlog gate decide`
asks a gate in a script.
"""

import argparse
import json

import uvloop

from tlog.cli.bundles import load_certified
from tlog.cli.credentials import key_password
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
from tlog.errors import telling_machine_trouble
from tlog.gate.door import serve_gate
from tlog.gate.opening import OpenGate
from tlog.gate.settings import GateSettings
from tlog.log_lines import configure_logs, log_event
from tlog.rules import CertifiedJudge


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one flag for each setting."""
    add_settings(parser, GateSettings)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    settings = read_settings(options, GateSettings)
    configure_logs(settings.log_format, settings.log_level)
    tell_of_aborts()
    silence_retries()
    tune_interpreter()
    with telling_machine_trouble(), tracing_as("gate", settings.traces):
        uvloop.run(_serve(settings, as_json=options.json))
    log_event("stopped")
    return 0


async def _serve(settings: GateSettings, *, as_json: bool) -> None:
    gate = OpenGate(
        settings,
        load_judge=_load_judge,
        key_password=key_password(),
        open_token=open_token,
    )
    stop = stop_on_signals()
    await serve_gate(gate, stop, lambda url: _announce(gate, url, as_json=as_json))


def _load_judge() -> CertifiedJudge:
    judge: CertifiedJudge = load_certified().judge_named
    return judge


def _announce(gate: OpenGate, url: str, *, as_json: bool) -> None:
    beliefs = gate.beliefs
    rules = {it: _rules_of(gate, it) for it in beliefs.environments}
    if as_json:
        announce([json.dumps({"url": url, "rules": rules})])
        return
    announce(
        [
            *(f"rules   {name} sha256:{digest}" for name, digest in rules.items()),
            f"serving {url}",
        ]
    )


def _rules_of(gate: OpenGate, environment: str) -> str:
    belief = gate.beliefs.read_last(environment)
    return "" if belief is None else belief.rules.sha256.hex()
