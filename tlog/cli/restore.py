"""Restore a log's folder from a backup, once its witnesses have been asked.

The entries are proven to lead to the signed head first.  The folder becomes a log when
every witness of the policy has answered; if one has seen more than the copy has, that
log serves what it has and writes nothing.  Exit status: 0 a log that may write, 1 not
done, or a log that writes nothing; 2 unusable input.
"""

import argparse
import json
from pathlib import Path

from tlog.backup.restoring import Asking, Restored, restore
from tlog.cli.hashes import warn_of_fault
from tlog.cli.output import Output, telling_errors, warn
from tlog.cli.policies import read_policy
from tlog.cli.progress import show_progress
from tlog.errors import telling_machine_trouble


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("place", type=Path, metavar="PLACE", help="a backup")
    parser.add_argument(
        "--to", type=Path, required=True, metavar="DIR", help="the log's new folder"
    )
    parser.add_argument(
        "--policy",
        metavar="FILE",
        help="the witnesses to ask; else those of the policy that the log handed out",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="NAME",
        help="a witness that cannot be asked any more, by its name in the policy",
    )
    parser.add_argument(
        "--without-witnesses",
        action="store_true",
        help="for a log without any: its head is the newest that was ever given",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Make the folder, and say whether its log may write."""
    warn_of_fault()
    with telling_errors(options), telling_machine_trouble():
        policy = None if options.policy is None else read_policy(options.policy)
        asking = Asking(policy, options.without, options.without_witnesses)
        done = restore(options.place, options.to, asking, show_progress())
    output = Output()
    output.tell(_json(done) if options.json else _words(options.to, done))
    for found in done.heard.against:
        warn(options, f"the log writes nothing: {found.said}")
    output.require()
    return 1 if done.heard.against else 0


def _words(folder: Path, done: Restored) -> str:
    head, agreed = done.head, ", ".join(done.heard.agreed)
    what = "read-only" if done.heard.against else "may write"
    return (
        f"{folder}: {head.origin}, {head.size} entries, {what}; no more was seen by "
        f"{agreed or 'nobody'}"
    )


def _json(done: Restored) -> str:
    heard = done.heard
    document = {
        "origin": done.head.origin,
        "size": done.head.size,
        "may_write": not heard.against,
        "agreed": heard.agreed,
        "contradicted_by": [
            {"witness": it.witness, "size": it.size, "said": it.said}
            for it in heard.against
        ],
    }
    return json.dumps(document)
