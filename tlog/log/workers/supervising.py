"""The parent of a log's processes: it forks them, forks front ends again, ends them.

It has no thread, event loop, store or key, so that a fork of it is whole.  What it
knows of a child comes over a socket pair: one line when the child is ready, and the end
of the stream when it has ended.  A child whose end of the pair is closed has no parent
any more, and ends.

    start   the one that writes; once it is ready, the front ends
    end     at a signal: the front ends, which answer what they have; then the one that
            writes, whose exit status is that of all
"""

import os
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Final, Protocol

from tlog.log_lines import log_event

# A front end that lived for so long is started again at once.
_QUIET_S: Final = 10.0
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
_LINE_BYTES: Final = 1 << 16
_STOPS: Final = (signal.SIGTERM, signal.SIGINT)
_FAILED: Final = 3


PARENT: Final = "parent"


def name_of(nth: int) -> str:
    """Return what a child is called in log lines; nth: as of `_Child`."""
    return f"front end {nth}" if nth else "leader"


class Roles(Protocol):
    """What the children do, each in a process of its own, and return as its status."""

    def lead(self, control: socket.socket) -> int:
        """Write the log."""
        ...

    def front(self, nth: int, told: bytes, control: socket.socket) -> int:
        """Be the nth front end; told: the line of the one that writes."""
        ...

    def announce(self, told: bytes) -> None:
        """Say that all are ready; in the parent."""
        ...


@dataclass
class _Child:
    """One child; nth: of a front end, from 1 on, or 0 for the one that writes."""

    name: str
    nth: int
    pid: int
    link: socket.socket
    since_s: float
    line: bytes = b""

    @property
    def is_ready(self) -> bool:
        return self.line.endswith(b"\n")


@dataclass
class _Pause:
    """When a front end is to be started again, and how often it soon ended."""

    due_s: float | None = None
    failures: int = 0


@dataclass
class Supervisor:
    """Runs one log's processes; `run` once.  count: of front ends."""

    roles: Roles
    count: int
    _children: dict[int, _Child] = field(default_factory=dict)
    _pauses: dict[int, _Pause] = field(default_factory=dict)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _status: int = _FAILED
    _failure: int | None = None
    _told: bytes = b""
    _is_announced: bool = False
    _is_stopping: bool = False

    def run(self) -> int:
        """Return the exit status of the one that writes; negative: a signal's number.

        That of a front end which could not be started, if that ended all.
        """
        before = {it: signal.getsignal(it) for it in _STOPS}
        waking, woken = socket.socketpair()
        with waking, woken, self._selector:
            waking.setblocking(False)
            signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
            try:
                for number in _STOPS:
                    if before[number] is not signal.SIG_IGN:
                        signal.signal(number, _leave_to_loop)
                self._selector.register(woken, selectors.EVENT_READ)
                self._fork(0)
                self._loop(woken)
            finally:
                signal.set_wakeup_fd(-1)
                for number, handler in before.items():
                    signal.signal(number, handler)
        return self._status if self._failure is None else self._failure

    def _loop(self, woken: socket.socket) -> None:
        while self._children:
            for key, _ in self._selector.select(self._wait_s()):
                if key.fileobj is woken:
                    for number in woken.recv(64):
                        self._stop(signal.Signals(number))
                else:
                    self._hear(key.data)
            self._start_due()

    def _wait_s(self) -> float | None:
        due = [it.due_s for it in self._pauses.values() if it.due_s is not None]
        return max(min(due) - time.monotonic(), 0.0) if due else None

    def _hear(self, child: _Child) -> None:
        try:
            heard = child.link.recv(_LINE_BYTES)
        except ConnectionError:
            heard = b""
        if not heard:
            self._bury(child)
            return
        child.line += heard
        if not child.is_ready:
            return
        if child.nth == 0:
            self._told = child.line
            for nth in range(1, self.count + 1):
                self._pauses[nth] = _Pause()
                if not self._is_stopping:
                    self._fork(nth)
        elif not self._is_announced and self._are_all_ready:
            self._is_announced = True
            self.roles.announce(self._told)

    @property
    def _are_all_ready(self) -> bool:
        ready = [it for it in self._children.values() if it.is_ready]
        return len(ready) == self.count + 1

    def _bury(self, child: _Child) -> None:
        """Take note that a child has ended."""
        self._selector.unregister(child.link)
        child.link.close()
        _, waited = os.waitpid(child.pid, 0)
        status = os.waitstatus_to_exitcode(waited)
        del self._children[child.nth]
        if child.nth == 0:
            self._status = status
            if self._told and not self._is_stopping:
                log_event("leader ended", level="error", status=status)
            self._stop(signal.SIGTERM)
        elif self._is_stopping:
            self._end_leader()
        else:
            log_event(
                "front end ended", level="warning", name=child.name, status=status
            )
            # One that has never answered may not be able to: that is told at the start.
            if self._is_announced or child.is_ready:
                self._plan(child)
            else:
                self._failure = status if status > 0 else _FAILED
                self._stop(signal.SIGTERM)

    def _plan(self, child: _Child) -> None:
        """Let a front end be started again: at once, if it has lived for a while."""
        pause, now_s = self._pauses[child.nth], time.monotonic()
        if child.is_ready and now_s - child.since_s >= _QUIET_S:
            pause.failures, pause.due_s = 0, now_s
            return
        pause_s = _FIRST_PAUSE_S * 2.0 ** min(pause.failures, 10)
        pause.failures += 1
        pause.due_s = now_s + min(pause_s, _LONGEST_PAUSE_S)

    def _start_due(self) -> None:
        now_s = time.monotonic()
        for nth, pause in self._pauses.items():
            if pause.due_s is None or pause.due_s > now_s:
                continue
            try:
                self._fork(nth)
                pause.due_s = None
            except OSError as error:
                log_event("front end not started", level="error", error=str(error))
                pause.due_s = now_s + _LONGEST_PAUSE_S

    def _stop(self, number: signal.Signals) -> None:
        """Let the front ends end, and then the one that writes."""
        leader = self._children.get(0)
        if leader is not None and not leader.is_ready:
            # It is opening the log, and takes a signal as a log of one process does.
            os.kill(leader.pid, number)
            return
        if self._is_stopping:
            return
        self._is_stopping = True
        for pause in self._pauses.values():
            pause.due_s = None
        for child in self._children.values():
            if child.nth:
                os.kill(child.pid, signal.SIGTERM)
        self._end_leader()

    def _end_leader(self) -> None:
        """Tell the one that writes to end, if there is no front end any more."""
        if self._children.keys() == {0}:
            with suppress(OSError):
                self._children[0].link.shutdown(socket.SHUT_WR)

    def _fork(self, nth: int) -> None:
        name = name_of(nth)
        ours, its = socket.socketpair()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        # A child that still has the handlers of its parent would lose a signal.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        try:
            pid = os.fork()
            if pid == 0:
                self._become(nth, ours, its, held)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
        its.close()
        child = _Child(name, nth, pid, ours, time.monotonic())
        self._children[nth] = child
        self._selector.register(ours, selectors.EVENT_READ, child)

    def _become(
        self,
        nth: int,
        ours: socket.socket,
        its: socket.socket,
        held: set[int | signal.Signals],
    ) -> None:
        """Be a child until its end; nothing of the parent runs after it.

        held: the signals that the parent holds back.
        """
        status = _FAILED
        try:
            signal.set_wakeup_fd(-1)
            for number in _STOPS:
                if signal.getsignal(number) is _leave_to_loop:
                    signal.signal(
                        number,
                        signal.default_int_handler
                        if number is signal.SIGINT
                        else signal.SIG_DFL,
                    )
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
            # Their ends are the parent's: a child that had one would outlive it.
            for it in (ours, *(child.link for child in self._children.values())):
                it.close()
            self._selector.close()
            if nth:
                status = self.roles.front(nth, self._told, its)
            else:
                status = self.roles.lead(its)
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError):
                    stream.flush()
            os._exit(status)


def _leave_to_loop(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the number is read from the descriptor that signals wake."""
