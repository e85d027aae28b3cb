"""What a command says: lines that cost nothing when they are lost, errors in JSON."""

import argparse
import errno
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tlogverify.command.telling import complain, printable, reason
from tlogverify.errors import TlogError
from tlogverify.files import lead_nowhere


class Output:
    """Standard output, for a command whose work matters more than its words.

    A reader who has left wanted no more.  Any other failure is raised by `require`,
    when the work is done.

    is_answer: the lines are what was asked for.  A stream that was closed before the
    start loses them then; elsewhere nobody wanted them.
    lost: by what error lines were lost, if they were.
    """

    def __init__(self, *, is_answer: bool = False) -> None:
        self.lost: OSError | None = None
        if is_answer and sys.stdout is None:
            self.lost = OSError(errno.EBADF, "it is closed")

    def tell(self, line: str) -> None:
        """Write one line now, escaped for any terminal, or nothing."""
        if self.lost is not None:
            return
        try:
            print(printable(line), flush=True)
        except OSError as error:
            self.lost = error
            lead_nowhere(sys.stdout.fileno())

    def require(self) -> None:
        """Raise the OSError by which lines were lost, unless the reader had left."""
        if self.lost is not None and not isinstance(self.lost, BrokenPipeError):
            raise OSError(self.lost.errno, self.lost.strerror, "standard output")


def warn(options: argparse.Namespace, line: str) -> None:
    """Say one line on standard error, escaped; if nobody can read it, so be it."""
    complain(f"tlog {options.verb}: {line}")


@contextmanager
def telling_errors(options: argparse.Namespace) -> Iterator[None]:
    """With --json, say on standard output too what ends a command."""
    try:
        yield
    except (TlogError, OSError) as error:
        if options.json:
            kind = type(error).__name__ if isinstance(error, TlogError) else "OSError"
            Output().tell(json.dumps({"error": reason(error), "kind": kind}))
        raise


class InterruptedBySignal(KeyboardInterrupt):
    """A signal asked the command to end; status: what it ends with."""

    def __init__(self, number: int) -> None:
        self.status = 128 + number
        super().__init__()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does; raises InterruptedBySignal.

    An event loop within hears both: its main task is cancelled, and can say so.
    """
    heard = [signal.SIGINT]

    def interrupt(number: int, frame: object) -> None:
        heard.append(signal.SIGTERM)
        # A shell's background job ignores SIGINT: it must not ignore this.
        if not callable(signal.getsignal(signal.SIGINT)):
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedBySignal(heard[-1]) from None
    finally:
        signal.signal(signal.SIGTERM, previous)
