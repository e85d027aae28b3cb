"""A command's settings as flags: one for each, in the settings' own order."""

import argparse
import os
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from tlog.config import (
    PLACE,
    CommandSettings,
    flag_of,
    load_settings,
    retired_settings,
)

_Kind = TypeVar("_Kind", bound=CommandSettings)


def add_settings(parser: argparse.ArgumentParser, kind: type[CommandSettings]) -> None:
    """Add --config, and one flag for each setting."""
    parser.add_argument("--config", type=Path, help="a TOML file of settings")
    for it in fields(kind):
        flag = flag_of(it.name)
        explanation = it.metadata["help"]
        if it.type == PLACE:
            parser.add_argument(
                flag, nargs="?", const="true", metavar="PLACE", help=explanation
            )
            continue
        if isinstance(it.default, bool):
            parser.add_argument(
                flag, action="store_const", const="true", help=explanation
            )
            continue
        if isinstance(it.default, tuple):
            parser.add_argument(
                flag, action="extend", nargs="+", metavar="VALUE", help=explanation
            )
            continue
        if it.default not in (None, ""):
            explanation = f"{explanation} (default: {it.default})"
        parser.add_argument(flag, metavar="VALUE", help=explanation)
    for name in retired_settings(kind):
        # Understood, so that it can be answered with what to write instead.
        parser.add_argument(flag_of(name), nargs="?", const="", help=argparse.SUPPRESS)


def read_settings(options: argparse.Namespace, kind: type[_Kind]) -> _Kind:
    """Return the settings that flags, environment and file add up to."""
    names = [*(it.name for it in fields(kind)), *retired_settings(kind)]
    given = {name: vars(options)[name] for name in names}
    flags = {name: value for name, value in given.items() if value is not None}
    return load_settings(kind, flags, os.environ, options.config)
