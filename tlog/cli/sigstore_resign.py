"""Sign the timestamp of a TUF repository again, before it expires.

What is in the second half of its time is signed again too, by the keys that are there;
what lacks its key is named.  --rotate makes a new key in place of one first.
"""

import argparse
import json
from pathlib import Path

from tlog.cli.trust import (
    add_days_argument,
    keys_beside,
    load_repositories,
    parse_days,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        help="that sigstore-config --tuf has written",
    )
    parser.add_argument(
        "--keys", type=Path, metavar="DIR", help="the keys (default: DIR.keys)"
    )
    add_days_argument(parser, "--days")
    parser.add_argument(
        "--rotate",
        choices=("root", "targets", "online"),
        help="make a new key in place of this one first; wants the root key",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Sign, and say what is left to do."""
    days = parse_days(options.days)
    keys = keys_beside(options.folder, options.keys)
    place = load_repositories().Place(options.folder, keys, days)
    rotated = options.rotate
    left = place.resign() if rotated is None else place.rotate(rotated)
    if options.json:
        print(json.dumps({"tuf": str(options.folder), "days": days, "missing": left}))
        return 0
    print(f"{options.folder}: signed for {days} days")
    for line in left:
        print(line)
    return 0
