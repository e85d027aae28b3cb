"""The command `tlog`, and `python -m tlog`: Ctrl-C ends either with 130, and quietly.

Nothing else of ours is loaded before SIGINT is seen to.
"""

import os
import signal
import sys
from types import FrameType
from typing import Final

from tlog.cli.verbs import load

_INTERRUPTED: Final = 130
"""128 and the number of SIGINT, as shells tell it."""


def main() -> int:
    """Run the command line of this process and return its exit status."""
    _occupy_streams()
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        # Who started us has said that Ctrl-C is not for us, as shells do with `&`.
        command = load("command")
        return int(command.run(command.parse(None)))
    # Until a verb runs, and after it has, there is nothing to clean up: an exception
    # raised within an import or an exit would be told as a traceback, or be lost.
    signal.signal(signal.SIGINT, _leave)
    try:
        command = load("command")
        call = command.parse(None)
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            return int(command.run(call))
        finally:
            signal.signal(signal.SIGINT, _leave)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, _leave)
        return _INTERRUPTED


def _occupy_streams() -> None:
    """Give the descriptors of streams that are closed to the null device.

    The next file that is opened would get such a number otherwise, and what a library
    writes to standard error would go into a database.  Python has no stream for one
    that was closed; its errors go nowhere then, not to standard output.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - as long as the process


def _leave(_signal: int, _frame: FrameType | None) -> None:
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
