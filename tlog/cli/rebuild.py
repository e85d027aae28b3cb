"""Write a stopped log's hash tiles and search index anew, from its bundles.

What cannot be rebuilt is not touched: bundles, journal, checkpoint and keys.  If the
bundles do not lead to the public checkpoint, nothing is written.
"""

import argparse
import json
from pathlib import Path

from tlog.cli.hashes import warn_of_fault
from tlog.cli.output import Output
from tlog.cli.progress import show_progress
from tlog.log.opening import rebuild_log


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="a stopped log's --data"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Rebuild, and say up to where."""
    warn_of_fault()
    checkpoint = rebuild_log(options.folder, show_progress())
    output = Output()
    if options.json:
        document = {"origin": checkpoint.origin, "size": checkpoint.size}
        output.tell(json.dumps(document))
    else:
        size = checkpoint.size
        output.tell(f"{options.folder}: tiles and index of {size} entries written anew")
    output.require()
    return 0
