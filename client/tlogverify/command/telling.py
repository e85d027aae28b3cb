"""Writing a verdict, a help or an error: told, or known not to be."""

import argparse
import contextlib
import sys
from typing import NoReturn, TextIO

from tlogverify.errors import TlogError
from tlogverify.files import lead_nowhere


class UnwrittenError(TlogError):
    """A verdict that nobody can have read."""


def tell(line: str) -> None:
    """Write a line to standard output now; UnwrittenError if it did not get there."""
    # Where the descriptor was closed before the start, Python has no stream for it.
    if sys.stdout is None:
        raise UnwrittenError("standard output is closed")
    try:
        _write(line, sys.stdout)
    except OSError as error:
        raise UnwrittenError(str(error.strerror or error)) from None


def complain(line: str) -> None:
    """Write a line to standard error, if anybody listens: the status says it too."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            _write(printable(line), sys.stderr)


def printable(line: str) -> str:
    """Return a line that any terminal can show."""
    # File names and origins may hold what no terminal should obey or encode.
    return "".join(
        char if char.isascii() and char.isprintable() else ascii(char)[1:-1]
        for char in line
    )


def reason(error: Exception) -> str:
    """Return why something failed, for people; an OSError without its number."""
    if isinstance(error, OSError) and error.filename is not None:
        name = error.filename
        shown = name if isinstance(name, str) else repr(name)
        return f"{shown}: {error.strerror}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)


class Parser(argparse.ArgumentParser):
    """A parser whose help is told or known not to be, and whose errors are one line.

    The standard one is silent where its help cannot be written.
    """

    def print_help(  # type: ignore[explicit-override]  # typing: from 3.12
        self, file: object = None
    ) -> None:
        """Write the help; UnwrittenError if nobody can have read it."""
        tell(self.format_help().rstrip("\n"))

    def error(  # type: ignore[explicit-override]  # typing: from 3.12
        self, message: str
    ) -> NoReturn:
        """Say what is wrong and where to read on, and end with status 2."""
        complain(
            f"{self.prog}: error: {message}; {self.prog} --help tells what it takes"
        )
        sys.exit(2)


def _write(line: str, stream: TextIO) -> None:
    try:
        print(line, file=stream, flush=True)
    except OSError:
        lead_nowhere(stream.fileno())
        raise
