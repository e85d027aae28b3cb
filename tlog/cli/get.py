"""Get an entry of a log by its index, with the proof that it is there.

The entry is verified by the policy before it is told; its bytes are printed as they
stand in the log.
"""

import argparse
import asyncio
import base64
import json
from pathlib import Path

from tlog.cli.output import Output, telling_errors
from tlog.cli.policies import add_log_arguments, ask_log
from tlog.folders import write_whole
from tlogclient import LogClient
from tlogverify import Policy, Proof
from tlogverify.lines import parse_decimal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("index", metavar="INDEX", help="the first entry has 0")
    add_log_arguments(parser)
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        metavar="PROOF",
        help="write the proof file there; it holds the entry",
    )


def run(options: argparse.Namespace) -> int:
    """Print the entry, and write its proof where that is asked for."""
    with telling_errors(options):
        index = parse_decimal("an index", options.index.encode())

        async def ask(log: LogClient, policy: Policy) -> tuple[Proof, int]:
            proof = await log.prove(index)
            return proof, policy.open_checkpoint(proof.note).checkpoint.size

        proof, size = asyncio.run(ask_log(options, ask))
        if options.out is not None:
            write_whole(options.out, proof.encode())
    entry = proof.extra or b""
    output = Output(is_answer=True)
    if options.json:
        document = {"index": index, "size": size, **_spell(entry)}
        output.tell(json.dumps(document))
    else:
        output.tell(entry.decode("utf-8", "backslashreplace"))
    output.require()
    return 0


def _spell(entry: bytes) -> dict[str, str]:
    """Return the entry's text; or its base64, if it is not UTF-8."""
    try:
        return {"entry": entry.decode()}
    except UnicodeDecodeError:
        return {"entry_base64": base64.b64encode(entry).decode()}
