"""The verbs and their flags, as their parsers have them."""

import argparse
import re
from dataclasses import dataclass
from typing import Final

from tlog.cli.command import verb_parser
from tlog.cli.verbs import NAMES, VERBS

_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag, or one place for an argument.

    spellings: none for a place.  value: what is written behind it, "" if nothing is.
    choices: all values, where there are few.
    """

    spellings: tuple[str, ...]
    value: str
    help: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb; text: its whole explanation, in paragraphs."""

    name: str
    summary: str
    usage: str
    text: tuple[str, ...]
    flags: tuple[Flag, ...]


def describe_verbs() -> list[Verb]:
    """Load every verb, and return what each takes, in the order of the table."""
    summaries = {name: it for group in VERBS.values() for name, it in group.items()}
    return [_describe(name, summaries[name]) for name in NAMES]


def _describe(name: str, summary: str) -> Verb:
    parser = verb_parser(name)
    usage = _plain(parser.format_usage().removeprefix("usage: "))
    paragraphs = (parser.description or "").strip().split("\n\n")
    flags = [_flag(it) for it in parser._actions if it.help != argparse.SUPPRESS]
    return Verb(name, summary, usage, tuple(map(_plain, paragraphs)), tuple(flags))


def _flag(action: argparse.Action) -> Flag:
    takes_value = action.nargs != 0
    value = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    choices = tuple(map(str, action.choices or ()))
    shown = (action.help or "") % {"default": action.default, "prog": "tlog"}
    if choices and not isinstance(action.metavar, str):
        value = "|".join(choices)
    return Flag(
        tuple(action.option_strings),
        value if takes_value else "",
        _plain(shown),
        choices,
    )


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
