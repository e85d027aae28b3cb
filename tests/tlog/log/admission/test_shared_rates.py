"""Buckets in memory that processes share: one for each client, whoever asks."""

import os
import signal
import threading
from collections.abc import Callable

import pytest

from tlog.errors import MachineError
from tlog.log.admission.rates import Bucket
from tlog.log.admission.shared_rates import SharedBuckets

SPENT = 200


def take(bucket: Bucket | None) -> Bucket:
    return Bucket((bucket.left if bucket else 0.0) - 1, 1.0)


def left(buckets: SharedBuckets, client: str) -> float:
    found: list[float] = []

    def look(bucket: Bucket | None) -> Bucket:
        found.append(bucket.left if bucket else 0.0)
        return bucket or Bucket(0.0, 1.0)

    buckets.change(client, look)
    return found[0]


def forked(body: Callable[[], object]) -> int:
    """Run a body in a process of its own; return its id."""
    pid = os.fork()
    if pid == 0:
        try:
            body()
        finally:
            os._exit(0)
    return pid


def test_what_processes_spend_at_once_is_all_counted() -> None:
    buckets = SharedBuckets(sets=1)

    def spend() -> None:
        for _ in range(SPENT):
            buckets.change("a", take)

    pids = [forked(spend) for _ in range(3)]
    spend()
    for pid in pids:
        os.waitpid(pid, 0)
    assert -4 * SPENT == left(buckets, "a")


def test_who_has_been_quiet_for_longest_is_forgotten_first() -> None:
    buckets = SharedBuckets(sets=1)
    for number in range(9):
        buckets.change(f"{number}", lambda _, it=number: Bucket(-1.0, float(it)))  # type: ignore[misc]  # the lambda's default
    assert 0 == left(buckets, "0")
    assert -1 == left(buckets, "8")


def test_a_process_that_is_stopped_in_a_change_keeps_nobody_waiting() -> None:
    buckets = SharedBuckets(sets=1)
    reading, writing = os.pipe()

    def hold(_: Bucket | None) -> Bucket:
        os.write(writing, b"held")
        threading.Event().wait()
        raise AssertionError

    pid = forked(lambda: buckets.change("a", hold))
    try:
        assert b"held" == os.read(reading, 4)
        with pytest.raises(MachineError):
            buckets.change("a", take)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reading)
        os.close(writing)
    # Its lock has gone with it.
    buckets.change("a", take)
    assert -1 == left(buckets, "a")
