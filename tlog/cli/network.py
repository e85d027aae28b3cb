"""Flags of the network: which authorities count, how long to wait, plain HTTP."""

import argparse
import math
from pathlib import Path
from typing import Final

REGISTRY_TIMEOUT_S: Final = 120.0


def add_way_arguments(parser: argparse.ArgumentParser, timeout_s: float) -> None:
    """Add --ca-file and --timeout; timeout_s: its default."""
    parser.add_argument(
        "--ca-file",
        type=Path,
        metavar="PEM",
        help="authorities to trust for https, in place of the system's",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=timeout_s,
        metavar="SECONDS",
        help="how long one request may take, pauses and retries included "
        f"(default: {timeout_s:.0f})",
    )


def add_registry_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --plain-http, --ca-file and --timeout, for a registry of images."""
    parser.add_argument(
        "--plain-http",
        action="store_true",
        help="speak to a registry on another machine without TLS; loopback needs none",
    )
    add_way_arguments(parser, REGISTRY_TIMEOUT_S)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"a number of seconds above 0: found {text!r}")
    return seconds
