"""Ask a gate whether an artifact may be deployed.

ARTIFACT is a file, which is hashed here, or sha256: and its digits.  The exit status is
0 if it may, 1 if not, 2 for a question that is none, and 3 if no gate answers.
"""

import argparse
import asyncio
import json
from pathlib import Path
from typing import Final

from tlog.cli.network import add_way_arguments
from tlog.cli.output import Output, telling_errors, warn
from tlog.cli.retries import silence_retries
from tlog.errors import BusyError
from tlogclient.errors import RefusedError, UnavailableError
from tlogclient.network import Network, find_proxy, trust_authorities
from tlogclient.strictjson import parse_json, read_bool, read_object
from tlogclient.transport import Request, Transport, require_url
from tlogverify.errors import FormatError
from tlogverify.files import sha256_file

TIMEOUT_S: Final = 30.0
_ANSWER_BYTES: Final = 16 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("artifact", metavar="ARTIFACT", help="a file, or sha256:HEX")
    parser.add_argument("--gate", required=True, metavar="URL", help="which gate")
    parser.add_argument("--environment", help="where it is to be deployed")
    parser.add_argument("--requester", help="who asks, for the gate's log lines")
    parser.add_argument(
        "--audit", action="store_true", help="be answered at once, judged later"
    )
    parser.add_argument(
        "--vsa", type=Path, metavar="FILE", help="write the signed summary there"
    )
    add_way_arguments(parser, TIMEOUT_S)
    parser.add_argument("--json", action="store_true", help="print the whole answer")


def run(options: argparse.Namespace) -> int:
    """Print what the gate answers."""
    silence_retries()
    with telling_errors(options):
        asked = _artifact(options.artifact)
        if options.vsa is not None:
            # One of an earlier run must not stand for a verdict that was not made.
            options.vsa.unlink(missing_ok=True)
        answer = asyncio.run(_ask(options, asked))
        told = read_object("an answer", parse_json("an answer", answer))
        is_allowed = read_bool("allowed", told.get("allowed"))
        if told.get("artifact") != asked:
            raise FormatError("an answer is of the artifact that was asked for")
    summary = told.get("vsa")
    if options.vsa is not None:
        if isinstance(summary, str):
            options.vsa.write_text(summary)
        else:
            warn(options, "nothing was decided: there is no summary")
    output = Output(is_answer=True)
    if options.json:
        output.tell(json.dumps(told))
    else:
        words = "allowed" if is_allowed else "refused"
        if told.get("outcome") == "undecided":
            words += ", undecided"
        said = told.get("words") or told.get("reasons")
        output.tell(f"{options.artifact}: {words} ({told.get('reason')}): {said}")
    output.require()
    return 0 if is_allowed else 1


async def _ask(options: argparse.Namespace, artifact: str) -> bytes:
    question: dict[str, object] = {"artifact": artifact}
    if options.environment is not None:
        question["environment"] = options.environment
    if options.requester is not None:
        question["requester"] = options.requester
    if options.audit:
        question["mode"] = "audit"
    request = Request(
        "/v1/decide",
        "application/json",
        _ANSWER_BYTES,
        {} if options.vsa is None else {"vsa": "1"},
        json.dumps(question).encode(),
    )
    transport = _transport(options)
    await transport.open()
    try:
        return await transport.fetch(request)
    except UnavailableError as error:
        raise BusyError(f"the gate does not answer: {error}") from error
    except RefusedError as error:
        raise FormatError(f"the gate does not take it: {error.detail}") from error
    finally:
        await transport.close()


def _transport(options: argparse.Namespace) -> Transport:
    tls = None if options.ca_file is None else trust_authorities(options.ca_file)
    try:
        network = Network(find_proxy(require_url(options.gate)), tls)
        return Transport(
            options.gate,
            token=None,
            attempts=3,
            timeout_s=options.timeout,
            network=network,
        )
    except ValueError as error:
        raise FormatError(f"--gate: {error}") from None


def _artifact(text: str) -> str:
    if text.startswith("sha256:"):
        return text
    return f"sha256:{sha256_file(Path(text)).hex()}"
