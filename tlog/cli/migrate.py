"""Migrate a stopped log between its folder and stores that nodes share.

From the folder into a database and a bucket, or with --back into the folder of a node.
Every entry keeps its index and the heads keep their bytes, so that every proof still
verifies.  What was copied is verified from its bytes before the log moves.  After a
crash the same call goes on.  Exit status: 0 moved, 1 the log is damaged, 2 refused: it
runs, it has moved, or another log lies there; 3 the machine or a store failed.
"""

import argparse
import json
from pathlib import Path

from tlog.cli.hashes import warn_of_fault
from tlog.cli.output import Output
from tlog.cli.stores import add_stores, may_be_shared, needing_extra
from tlog.cli.verbs import load
from tlog.errors import RejectedError, telling_machine_trouble


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        help="a stopped log's --data; with --back that of a node",
    )
    add_stores(parser)
    parser.add_argument(
        "--back", action="store_true", help="from the stores into the folder"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Move the log, and say where it lies now."""
    warn_of_fault()
    settings = None
    if may_be_shared(options):
        settings = load("shared_stores").read_stores(options)
    if settings is None:
        raise RejectedError("name the stores: --database and --objects")
    with needing_extra():
        shared = load("migrate_shared")
    with telling_machine_trouble():
        arrived = shared.migrate(settings, back=options.back)
    lies_in = str(options.folder) if options.back else "stores"
    output = Output()
    if options.json:
        output.tell(json.dumps({**arrived._asdict(), "lies_in": lies_in}))
    else:
        place = options.folder if options.back else f"{settings.objects} and a database"
        output.tell(
            f"{arrived.origin}: {arrived.size} entries, {arrived.published_size} "
            f"published, lie in {place} now"
        )
        output.tell(
            "start it by tlog serve without --database and --objects"
            if options.back
            else "start its nodes by tlog serve with --database and --objects; the "
            "folder is that of a node"
        )
    output.require()
    return 0
