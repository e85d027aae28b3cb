"""Verify a whole log folder from its bytes.

Every bundle, tile, head and signature, the journal and the index.  Exit status: 0
whole, 1 damaged (the first damaged place is named), 2 not a folder to verify.
"""

import argparse
import json
import sys
from pathlib import Path

from tlog.cli.hashes import warn_of_fault
from tlog.cli.progress import show_progress
from tlog.fsck.check import check_folder
from tlog.fsck.damage import DamageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="a stopped log's --data"
    )
    parser.add_argument(
        "--tree-only",
        action="store_true",
        help="leave out the index and the entries' own format",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Check the folder and say what was found."""
    warn_of_fault()
    try:
        verdict = check_folder(
            options.folder, show_progress(), tree_only=options.tree_only
        )
    except DamageError as error:
        if options.json:
            found = {"kind": error.kind, "where": error.where, "why": str(error)}
            print(json.dumps({"whole": False, **found}))
        print(f"damaged: {error}", file=sys.stderr)
        return 1
    if options.json:
        document = {
            "whole": True,
            "origin": verdict.origin,
            "published_size": verdict.published_size,
            "signed_size": verdict.signed_size,
            "indexed_size": verdict.indexed_size,
        }
        print(json.dumps(document))
        return 0
    indexed = verdict.indexed_size
    print(
        f"{options.folder}: whole: {verdict.origin}, {verdict.signed_size} entries, "
        f"{verdict.published_size} published, "
        f"{'index not checked' if indexed is None else f'{indexed} indexed'}"
    )
    return 0
