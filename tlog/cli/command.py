"""A command line: which verb it names, what that verb is told, its exit status."""

import argparse
import sys
import textwrap
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

from tlog.cli.verbs import NAMES, VERBS, load
from tlog.errors import BusyError, FatalError, RejectedError
from tlogverify.command.telling import Parser, UnwrittenError, complain, reason, tell
from tlogverify.errors import FormatError, TlogError
from tlogverify.files import lead_nowhere

_STATUS: Final[dict[type[BaseException], int]] = {
    TlogError: 1,
    FormatError: 2,
    RejectedError: 2,
    OSError: 2,
    FatalError: 3,
    BusyError: 3,
}
_HELP_COLUMNS: Final = 80
_NAME_COLUMNS: Final = 2 + max(map(len, NAMES)) + 2


class Call(NamedTuple):
    """A verb, its arguments, and the function that does what it says."""

    verb: str
    options: argparse.Namespace
    run: Callable[[argparse.Namespace], int]


def parse(arguments: Sequence[str] | None) -> Call:
    """Load the verb that the arguments name, and parse the rest by its flags.

    arguments: those of the process if None is given.

    Raises SystemExit: 2 for a wrong command line, 0 where help or the version is shown,
    2 if nobody can have read that.
    """
    try:
        return _parse(arguments)
    except UnwrittenError as error:
        complain(f"tlog: what was asked for could not be written: {error}")
        sys.exit(2)


def _parse(arguments: Sequence[str] | None) -> Call:
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.arguments and f"{given.verb}-{given.arguments[0]}" in NAMES:
        # `tlog gate manifest` is `tlog gate-manifest`.
        given.verb += f"-{given.arguments.pop(0)}"
    if given.verb not in NAMES:
        alike = get_close_matches(given.verb, NAMES, n=1)
        ahead = f"did you mean {alike[0]}?" if alike else "tlog --help lists them"
        complain(f"tlog: error: there is no verb {given.verb!r}; {ahead}")
        sys.exit(2)
    verb, rest = load(given.verb), given.arguments
    named = argparse.Namespace(verb=given.verb)
    if vars(verb).get("TAKES_COMMAND"):
        # What follows `--` is another program's, and not argparse's to read.
        end = rest.index("--") if "--" in rest else len(rest)
        named.command, rest = rest[end + 1 :], rest[:end]
    options = verb_parser(given.verb).parse_args(rest, named)
    return Call(given.verb, options, verb.run)


def run(call: Call) -> int:
    """Do what a command line says and return its exit status."""
    try:
        return call.run(call.options)
    except (TlogError, OSError) as error:
        complain(f"tlog {call.verb}: {reason(error)}")
        return exit_status(type(error))
    finally:
        _drop_unwritten_lines()


def _drop_unwritten_lines() -> None:
    """Drop log lines that a full disk did not take: they would change the status."""
    try:
        sys.stderr.flush()
    except OSError:
        lead_nowhere(sys.stderr.fileno())


def exit_status(error: type[BaseException]) -> int:
    """Return the status that a command ends with which raised such an error."""
    return next(_STATUS[kind] for kind in error.__mro__ if kind in _STATUS)


def verb_parser(name: str) -> argparse.ArgumentParser:
    """Load a verb and return the parser of its arguments."""
    verb = load(name)
    parser = Parser(
        prog=f"tlog {name}", description=verb.__doc__, formatter_class=_WholeWords
    )
    verb.add_arguments(parser)
    return parser


def _parser() -> argparse.ArgumentParser:
    """Return the parser of what stands before a verb's own arguments."""
    parser = Parser(
        prog="tlog",
        usage="tlog [-h] [--version] VERB ...",
        description="A transparency log of software provenance.",
        epilog=_list_verbs(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action=_ShowVersion, nargs=0, help="show it, and what hashes"
    )
    parser.add_argument("verb", metavar="VERB", help="one of those below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _list_verbs() -> str:
    """Return the verbs with their whole summaries, group by group."""
    lines: list[str] = []
    for title, verbs in VERBS.items():
        lines += ["", f"{title}:"]
        for name, summary in verbs.items():
            lines += textwrap.wrap(
                summary,
                _HELP_COLUMNS,
                initial_indent=f"  {name}".ljust(_NAME_COLUMNS),
                subsequent_indent=" " * _NAME_COLUMNS,
                break_on_hyphens=False,
            )
    return "\n".join([*lines[1:], "", "What a verb takes is told by: tlog VERB --help"])


class _WholeWords(argparse.HelpFormatter):
    """Breaks no line at a hyphen: a value such as tlog-data is copied as it stands."""

    def _split_lines(  # type: ignore[explicit-override]  # typing: from 3.12
        self, text: str, width: int
    ) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


class _ShowVersion(argparse.Action):
    """Print the version and the hashing backend, then exit."""

    def __call__(  # type: ignore[explicit-override]  # typing: from 3.12
        self, parser: argparse.ArgumentParser, *_: object
    ) -> None:
        """Show both; a backend that cannot be had is a usage error."""
        try:
            tell(load("hashes").version_line())
        except RejectedError as error:
            parser.error(str(error))
        parser.exit()
