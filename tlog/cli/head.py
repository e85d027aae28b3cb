"""Tell a log's head: its size, its root, and who signed it.

The head is verified by the policy before it is told.
"""

import argparse
import asyncio
import json
from pathlib import Path

from tlog.cli.output import Output, telling_errors
from tlog.cli.policies import add_log_arguments, ask_log
from tlog.folders import write_whole
from tlogclient import LogClient
from tlogverify import Policy
from tlogverify.lines import encode_base64
from tlogverify.policy import Witnessed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    add_log_arguments(parser)
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        metavar="FILE",
        help="write the signed head there, for `tlog prove` later",
    )


def run(options: argparse.Namespace) -> int:
    """Print the head, and write it where that is asked for."""
    with telling_errors(options):
        note, head = asyncio.run(ask_log(options, _ask))
        if options.out is not None:
            write_whole(options.out, note)
    output = Output(is_answer=True)
    output.tell(_json(head) if options.json else _words(head))
    output.require()
    return 0


async def _ask(log: LogClient, policy: Policy) -> tuple[bytes, Witnessed]:
    note = await log.note()
    return note, policy.open_checkpoint(note)


def _words(head: Witnessed) -> str:
    shown = head.checkpoint
    by = ", ".join(signer.key.name for signer in head.witnesses)
    return (
        f"{shown.origin}: {shown.size} entries, root {encode_base64(shown.root)}, "
        f"cosigned by {by or 'nobody'}"
    )


def _json(head: Witnessed) -> str:
    shown = head.checkpoint
    witnesses = [
        {"name": signer.key.name, "time_s": signer.time_s} for signer in head.witnesses
    ]
    document = {
        "origin": shown.origin,
        "size": shown.size,
        "root": encode_base64(shown.root),
        "witnesses": witnesses,
    }
    return json.dumps(document)
