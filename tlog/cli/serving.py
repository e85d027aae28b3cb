"""What every server's command does: tune, say where it serves, drain at a signal."""

import asyncio
import faulthandler
import gc
import signal
import sys
import warnings
from collections.abc import Iterable
from typing import Final

from tlog.cli.output import Output
from tlog.log_lines import log_event
from tlogverify.command.telling import reason

_STANDARD_ERROR: Final = 2


def tune_interpreter() -> None:
    """Let threads take turns soon, and the collector seldom; before the loop runs."""
    # What a library warns of here is what strangers sent: it is not for our log lines.
    warnings.simplefilter("ignore")
    # A thread that waits for a disk must get its turn soon after that has answered: 5
    # ms, the interpreter's own interval, is longer than a commit.
    sys.setswitchinterval(0.001)
    # What is there by now stays: the collector need not look at it again, and a busy
    # server makes no cycles.  Its default of 700 objects cost 12 % of a request.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def tell_of_aborts() -> None:
    """Let SIGABRT and other faults of native code say on standard error where."""
    # libuv, for one, aborts where its own wake-up cannot be written.  By number: what
    # stands for the stream in this process may be no file.
    faulthandler.enable(_STANDARD_ERROR)


def announce(lines: Iterable[str]) -> None:
    """Say what a server is and where it serves; who is not told is served all the same.

    A log must not stop because the disk is full that its first lines go to.
    """
    output = Output()
    for line in lines:
        output.tell(line)
    try:
        output.require()
    except OSError as error:
        log_event("announcement not written", level="warning", error=reason(error))


def stop_on_signals() -> asyncio.Event:
    """Return an event of the running loop that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
