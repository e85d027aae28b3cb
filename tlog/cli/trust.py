"""Flags of a TUF repository, and its module loaded with a word if that cannot be."""

import argparse
from pathlib import Path
from types import ModuleType
from typing import Final

from tlog.cli.verbs import load
from tlog.errors import RejectedError
from tlogverify.errors import FormatError

DEFAULT_DAYS: Final = 30
MAX_DAYS: Final = 3_650


def parse_days(text: str) -> int:
    """Parse how long a timestamp is valid, 1 to 3,650 days; raises FormatError."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= MAX_DAYS:
        raise FormatError(f"days are a number from 1 to {MAX_DAYS}", text)
    return int(text)


def add_days_argument(parser: argparse.ArgumentParser, flag: str) -> None:
    """Add how long what is signed by the online key is valid."""
    parser.add_argument(
        flag,
        default=str(DEFAULT_DAYS),
        metavar="N",
        help=f"how long timestamp and snapshot are valid (default: {DEFAULT_DAYS})",
    )


def keys_beside(folder: Path, keys: Path | None) -> Path:
    """Return the folder of keys: the one that is named, or FOLDER.keys."""
    return folder.with_name(f"{folder.name}.keys") if keys is None else keys


def load_repositories() -> ModuleType:
    """Load what makes repositories; RejectedError if its package is not installed."""
    try:
        return load("repositories")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"tuf", "securesystemslib"}:
            raise
        raise RejectedError(
            "a TUF repository needs python-tuf: pip install 'tlog-server[tuf]'"
        ) from error
