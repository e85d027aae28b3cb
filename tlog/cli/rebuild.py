"""Write a stopped log's hash tiles and search index anew, from its bundles.

What cannot be rebuilt is not touched: whole bundles, journal, checkpoint and keys.  A
damaged bundle is written anew if the journal still holds its entries.  If the bundles
do not lead to the public checkpoint, nothing is written, and the damaged bundle is
named.

Of a log that nodes share: the tiles in the bucket, from it and from the database, and
the index of one node, whose folder is named.  No node may write it meanwhile.
"""

import argparse
import json
from pathlib import Path

from tlog.cli.hashes import warn_of_fault
from tlog.cli.output import Output
from tlog.cli.progress import show_progress
from tlog.cli.stores import add_stores, may_be_shared, needing_extra
from tlog.cli.verbs import load
from tlog.errors import CorruptError, telling_machine_trouble
from tlog.fsck.check import name_damaged_bundle
from tlog.log.rebuilding import Rebuilt, rebuild_log


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        help="a stopped log's --data, or that of a node",
    )
    add_stores(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Rebuild, and say up to where."""
    warn_of_fault()
    with telling_machine_trouble():
        checkpoint, mended = _rebuild(options)
    paths = [f"public/{bundle.path}" for bundle in mended]
    output = Output()
    if options.json:
        told = {"origin": checkpoint.origin, "size": checkpoint.size}
        output.tell(json.dumps({**told, "from_journal": paths}))
    else:
        size = checkpoint.size
        output.tell(f"{options.folder}: tiles and index of {size} entries written anew")
        for path in paths:
            output.tell(f"{path}: written anew from the journal")
    output.require()
    return 0


def _rebuild(options: argparse.Namespace) -> Rebuilt:
    if may_be_shared(options):
        settings = load("shared_stores").read_stores(options)
        if settings is not None:
            with needing_extra():
                shared = load("rebuild_shared")
            rebuilt: Rebuilt = shared.rebuild(settings)
            return rebuilt
    try:
        return rebuild_log(options.folder, show_progress())
    except CorruptError as error:
        raise name_damaged_bundle(options.folder) or error from None
