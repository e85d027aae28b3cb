"""Processes that are started warm: forked by a parent that has imported already.

A start of `python -m tlog serve` takes most of a second of processor time, nearly all
of it for imports.  Where a test is not about the start, `run` and `start` let a process
be forked instead, by one parent: `warm_parent.py`.

What is real: it is a process with an id, a session, memory, descriptors, a working
folder, a umask and an environment of its own.  It runs what `python -m PROGRAM` runs,
from the program's first line to the last function that was registered for the exit.  It
takes signals, SIGKILL and SIGSTOP among them, and its exit status is what the system
told its parent.

What is warm: the modules are imported before the fork, so nothing can be seen that
happens while they are imported, and all children of one parent share its hash seed.
What the loader, the interpreter or an import reads from the environment is the
parent's; another value of such a variable gets another parent (`_EARLY`).  Coverage
sees what a child runs, and not what was imported before.  A parent has
no threads, event loop or database, and it ends with the process that runs the tests.

A shell starts one too, by what `command` returns, with any redirection.

A command of another program, and every command where there is no Linux, is started as
usual.  Tests of a start and of what it loads use `subprocess`.
"""

import atexit
import marshal
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Protocol, Self

from tlog.cli.verbs import NAMES

_PROGRAMS = ("tlog", "tlogverify", "sigstore")

# What is imported before the fork, for any of them.
_IMPORTED = (
    "tlog.cli.command",
    *(f"tlog.cli.{it.replace('-', '_')}" for it in NAMES),
    "tlog.cli.workers",
    "tlog.log.node",
    "tlog.log.shared",
    "tlogverify.command.running",
    "sigstore._cli",
)

# So begin the names of variables that are read before or within imports.
_EARLY = ("PYTHON", "LD_", "LANG", "LC_", "SSL_", "OPENSSL_", "TLOG_HASH")

# Where the tests have both distributions: those that are installed are these, too.
_ROOT = Path(__file__).parents[2]
_PATHS = os.pathsep.join([str(_ROOT), str(_ROOT / "client")])

_NUMBER = struct.Struct("=i")
_PARENT = Path(__file__).with_name("warm_parent.py")
_COMMAND = Path(__file__).with_name("warm_command.py")

Stream = int | IO[str] | None


class Running(Protocol):
    """What tests use of a process, warm or not."""

    stdout: IO[str] | None
    stderr: IO[str] | None

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    def send_signal(self, sig: int, /) -> None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def communicate(self) -> tuple[str, str]: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def start(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
    umask: int = -1,
    stdout: Stream = None,
    stderr: Stream = None,
) -> Running:
    """Start a command, warm if it is `python -m` and one of the programs.

    stdout, stderr: as subprocess.Popen takes them.
    """
    given = [str(it) for it in command]
    if sys.platform == "linux" and given[:2] == [sys.executable, "-m"]:
        program, *arguments = given[2:]
        if program in _PROGRAMS:
            request: dict[str, Any] = {
                "program": program,
                "arguments": arguments,
                "environment": dict(environment),
                "folder": str(folder or Path.cwd()),
                "umask": umask,
                "closed": [],
            }
            parent = _parent_of(_early(environment))
            return _Warm(parent, request, stdout, stderr)
    return subprocess.Popen(
        given,
        stdout=stdout,
        stderr=stderr,
        text=True,
        env=environment,
        cwd=folder,
        umask=umask,
    )


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
    umask: int = -1,
    stdout: Stream = subprocess.PIPE,
    stderr: Stream = subprocess.PIPE,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with what it wrote."""
    with start(
        command,
        environment=environment,
        folder=folder,
        umask=umask,
        stdout=stdout,
        stderr=stderr,
    ) as process:
        out, err = process.communicate()
        return subprocess.CompletedProcess(command, process.wait(), out, err)


def command(
    program: str, environment: Mapping[str, str]
) -> tuple[list[str], tuple[int, ...]]:
    """Return what a shell runs for `python -m PROGRAM`, and Popen's `pass_fds` for it.

    environment: the shell's; a command may change what is not read within an import.
    """
    if sys.platform != "linux":
        return [sys.executable, "-m", program], ()
    parent = _parent_of(_early(environment)).fileno()
    return [sys.executable, "-IS", str(_COMMAND), str(parent), program], (parent,)


def _early(environment: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    known = {"PYTHONPATH": _PATHS, **environment}
    return frozenset((k, v) for k, v in known.items() if k.startswith(_EARLY))


@cache
def _parent_of(early: frozenset[tuple[str, str]]) -> socket.socket:
    """Start the parent of warm processes; return where it takes requests."""
    others = (*_EARLY, "COV")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(others)}
    ours, its = socket.socketpair()
    with its:
        parent = subprocess.Popen(
            [sys.executable, str(_PARENT), *_IMPORTED],
            stdin=its.fileno(),
            stdout=subprocess.DEVNULL,
            env={**kept, **dict(early)},
            start_new_session=True,
        )
    atexit.register(parent.wait)
    atexit.register(ours.close)
    return ours


class _Warm:
    """A process that was forked: as far as tests need it, what Popen is."""

    def __init__(
        self,
        parent: socket.socket,
        request: dict[str, Any],
        stdout: Stream,
        stderr: Stream,
    ) -> None:
        self.returncode: int | None = None
        self._link, its = socket.socketpair()
        with ExitStack() as given:
            given.enter_context(its)
            self.stdout, out = _stream(stdout, 1, given)
            self.stderr, err = _stream(stderr, 2, given)
            nothing = given.enter_context(open(os.devnull, "rb"))
            file = given.enter_context(TemporaryFile())
            file.write(marshal.dumps(request))
            file.seek(0)
            files = [file.fileno(), nothing.fileno(), out, err, its.fileno()]
            socket.send_fds(parent, [b"."], files)
        self._closing = threading.Lock()
        self.pid: int = _NUMBER.unpack(self._link.recv(_NUMBER.size))[0]

    def send_signal(self, sig: int, /) -> None:
        # Its id is nobody else's until the link is closed, where the status was read.
        if self.poll() is None:
            os.kill(self.pid, sig)

    def poll(self) -> int | None:
        if self.returncode is None and _is_readable(self._link, 0):
            return self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if timeout is not None and not _is_readable(self._link, timeout):
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            try:
                # It stays to be read: another thread may wait for it, too.
                told = self._link.recv(_NUMBER.size, socket.MSG_PEEK)
            except OSError:
                told = b""  # the other has read it, and closed the link
            with self._closing:
                if self.returncode is None:
                    self.returncode = _NUMBER.unpack(told)[0]
                    self._link.close()
        return self.returncode

    def communicate(self) -> tuple[str, str]:
        read: list[str] = []
        reading = threading.Thread(target=lambda: read.append(_rest(self.stderr)))
        reading.start()
        out = _rest(self.stdout)
        reading.join()
        self.wait()
        return out, read[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        if kind is not None:
            # What would have ended it may never have come.
            self.send_signal(signal.SIGKILL)
        self.wait()


def _stream(
    asked: Stream, inherited: int, given: ExitStack
) -> tuple[IO[str] | None, int]:
    """Return what the tests read, if anything, and the descriptor of the process."""
    if asked == subprocess.PIPE:
        reading, writing = os.pipe()
        given.callback(os.close, writing)
        return open(reading), writing
    if asked == subprocess.DEVNULL:
        return None, given.enter_context(open(os.devnull, "wb")).fileno()
    if asked is None:
        return None, inherited
    return None, asked if isinstance(asked, int) else asked.fileno()


def _rest(stream: IO[str] | None) -> str:
    if stream is None:
        return ""
    with stream:
        return stream.read()


def _is_readable(link: socket.socket, timeout_s: float) -> bool:
    looking = select.poll()
    try:
        looking.register(link, select.POLLIN)
    except ValueError:
        return True  # closed: another thread has read it
    return bool(looking.poll(timeout_s * 1000))
