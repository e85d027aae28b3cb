"""The parent of warm processes: it imports once, and forks a process for each start.

Run as `python warm_parent.py MODULE...` by tests.support.warm, which says what
is real about its children.  Standard input is a socket: each start is one message,
whose descriptors are a file with the request, the three streams, and a link.  On the
link this process tells the child's id, then how it ended.  The child is waited for when
the other end is closed, so that its id is nobody else's before.  When standard input
ends, all children are killed.
"""

import atexit
import gc
import importlib
import marshal
import os
import runpy
import select
import signal
import socket
import struct
import sys
import threading
from contextlib import suppress
from typing import Any

import coverage

NUMBER = struct.Struct("=i")
STREAMS = ("stdin", "stdout", "stderr")


class Parent:
    """What waits for requests and for children.

    children: the id of each that has not been waited for, by the descriptor of its
    link.  told: links on which the end was told.
    """

    def __init__(self) -> None:
        self._requests = socket.socket(fileno=os.dup(0))
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        self._links: dict[int, tuple[socket.socket, int]] = {}
        self._told: set[int] = set()
        # A child that ends wakes poll: its number is written into this pipe.
        self._ended, self._waking = os.pipe()
        os.set_blocking(self._ended, False)
        os.set_blocking(self._waking, False)
        signal.set_wakeup_fd(self._waking, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)

    def fork_for_each_request(self) -> list[str]:
        """Return in each child, with its program and arguments; never in the parent."""
        while True:
            waiting = select.poll()
            for descriptor in (self._requests.fileno(), self._ended, *self._links):
                waiting.register(descriptor, select.POLLIN)
            ready = {descriptor for descriptor, _ in waiting.poll()}
            if self._ended in ready:
                os.read(self._ended, 4096)
            self._tell_ends()
            for descriptor in ready & self._links.keys():
                self._let_go(descriptor)
            if self._requests.fileno() in ready:
                command = self._start()
                if command is not None:
                    return command

    def _tell_ends(self) -> None:
        for descriptor in self._links.keys() - self._told:
            link, pid = self._links[descriptor]
            how = os.WEXITED | os.WNOHANG | os.WNOWAIT
            ended = os.waitid(os.P_PID, pid, how)
            if ended is not None:
                is_exit = ended.si_code == os.CLD_EXITED
                status = ended.si_status if is_exit else -ended.si_status
                self._told.add(descriptor)
                with suppress(OSError):  # nobody may wait any more
                    link.sendall(NUMBER.pack(status))

    def _let_go(self, descriptor: int) -> None:
        """Wait for a child whose link was closed; if it still runs, it is killed."""
        link, pid = self._links.pop(descriptor)
        if descriptor not in self._told:
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self._told.discard(descriptor)
        link.close()

    def _start(self) -> list[str] | None:
        """Fork a child for the next request; in the child, return what it runs."""
        message, descriptors, _, _ = socket.recv_fds(self._requests, 1, 5)
        if not message:
            self._leave()
        with os.fdopen(descriptors[0], "rb") as file:
            request = marshal.loads(file.read())  # noqa: S302 - our own tests wrote it
        streams, link = descriptors[1:4], socket.socket(fileno=descriptors[4])
        pid = os.fork()
        if pid == 0:
            link.close()
            self._forget()
            become(request, streams)
            return [request["program"], *request["arguments"]]
        for stream in streams:
            os.close(stream)
        self._links[link.fileno()] = (link, pid)
        link.sendall(NUMBER.pack(pid))
        return None

    def _forget(self) -> None:
        """Close in a child what only the parent has."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        os.close(self._ended)
        os.close(self._waking)
        self._requests.close()
        for link, _ in self._links.values():
            link.close()
        self._links.clear()

    def _leave(self) -> None:
        for _, pid in self._links.values():
            os.kill(pid, signal.SIGKILL)
        os._exit(0)


def become(request: dict[str, Any], streams: list[int]) -> None:
    """Take the streams, folder, mask and environment that were asked for."""
    os.setsid()
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    for number in request["closed"]:
        os.close(number)
        # So the interpreter has it where a stream was closed before the start.
        for name in (STREAMS[number], f"__{STREAMS[number]}__"):
            setattr(sys, name, None)
    os.chdir(request["folder"])
    if request["umask"] >= 0:
        os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["environment"])
    coverage.process_startup(force=True)  # if the environment asks for it


def end_if_nothing_is_left(asked: SystemExit) -> None:
    """End with the status that was asked for, as the interpreter would.

    It would take apart every module that the parent has imported, which costs five
    times what a short command does.  It still does where it has more to do than to call
    what was registered and to write what is buffered: a message, a thread, an error.
    """
    if not isinstance(asked.code, int | None) or threading.active_count() != 1:
        return
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    except OSError:
        return
    os._exit((asked.code or 0) & 0xFF)


def main() -> None:
    """Import, and run the program in every child."""
    modules = sys.argv[1:]
    del sys.path[0]  # this file's folder, which no program has there
    parent = Parent()
    for module in modules:
        # What cannot be imported here cannot be in the child that wants it.
        with suppress(ImportError):
            importlib.import_module(module)
    # A fork takes along the thread that forks, and no other.
    threads = os.listdir("/proc/self/task")
    if len(threads) != 1:
        raise RuntimeError(f"an import has started threads: {threads}")
    gc.collect()
    gc.freeze()
    program, *arguments = parent.fork_for_each_request()
    sys.path.insert(0, os.getcwd())
    sys.argv[1:] = arguments
    try:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    except SystemExit as exit_:
        end_if_nothing_is_left(exit_)
        raise


if __name__ == "__main__":
    main()
