"""Signals that ask `tlog sigstore-try` to end: at any moment, and as many as come."""

import os
import signal
from select import select

from tlog.cli.sigstore_try import _signalled


def test_a_signal_is_never_lost_and_never_waited_for() -> None:
    """Ten thousand of them are more than what wakes the wait can hold."""
    before = [signal.getsignal(it) for it in (signal.SIGINT, signal.SIGTERM)]
    with _signalled() as signals:
        assert ([], [], []) == select([signals], [], [], 0)
        for number in (signal.SIGTERM, signal.SIGINT) * 5_000:
            os.kill(os.getpid(), number)
        assert ([signals], [], []) == select([signals], [], [], 0)
    assert before == [signal.getsignal(it) for it in (signal.SIGINT, signal.SIGTERM)]
