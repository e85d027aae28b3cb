"""Writing a verdict: one line or JSON object, told or known not to be."""

import contextlib
import sys
from typing import TextIO

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


def _write(line: str, stream: TextIO) -> None:
    try:
        print(line, file=stream, flush=True)
    except OSError:
        lead_nowhere(stream.fileno())
        raise
