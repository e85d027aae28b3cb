"""Back up a log's folder while the log runs: what is new is copied and proven.

The place holds private keys.  A run that was ended is resumed by the next one; `tlog
restore` makes a log's folder from what the last whole run left.  Exit status: 0 done, 1
not done (the log's entries do not lead to its head, or a document has changed), 2
unusable input.
"""

import argparse
import json
from pathlib import Path

from tlog.backup.running import Backed, back_up
from tlog.cli.hashes import warn_of_fault
from tlog.cli.output import Output, telling_errors, warn
from tlog.cli.progress import show_progress
from tlog.errors import telling_machine_trouble


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="a log's --data")
    parser.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="PLACE",
        help="the copy's own folder; made if it is new",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Bring the copy up to date, and say up to where."""
    warn_of_fault()
    with telling_errors(options), telling_machine_trouble():
        done = back_up(options.folder, options.to, show_progress())
    output = Output()
    output.tell(_json(done) if options.json else _words(options.to, done))
    for digest in done.damaged:
        warn(options, f"document {digest} has changed, and was not copied")
    output.require()
    return 1 if done.damaged else 0


def _words(place: Path, done: Backed) -> str:
    head = done.head
    return (
        f"{place}: {head.origin}, {head.size} entries, {head.size - done.before} of "
        f"them new; {done.documents} new documents"
    )


def _json(done: Backed) -> str:
    document = {
        "origin": done.head.origin,
        "size": done.head.size,
        "size_before": done.before,
        "bundles_written": done.written,
        "documents_copied": done.documents,
        "documents_damaged": list(done.damaged),
    }
    return json.dumps(document)
