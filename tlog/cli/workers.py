"""`tlog serve --workers N`: a parent, the process that writes, and N front ends.

Loaded where N is more than 1, and before any of them is forked: so they share the
memory of what was imported.
"""

import argparse
import asyncio
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import replace

import msgspec
import uvloop

from tlog.cli.buckets import open_shelf
from tlog.cli.command import Call
from tlog.cli.command import run as run_call
from tlog.cli.keys import open_token
from tlog.cli.serve import Announced
from tlog.cli.serving import stop_on_signals, tune_interpreter
from tlog.cli.traces import tracing_as
from tlog.config import listen_address
from tlog.errors import telling_machine_trouble
from tlog.http.listener import bound_to
from tlog.log.front import Front
from tlog.log.leader import lead
from tlog.log.life import Log
from tlog.log.opening import open_log
from tlog.log.settings import LogSettings
from tlog.log.workers.supervising import PARENT, Supervisor, name_of
from tlog.log.workers.together import Opened, Together, require_sharing
from tlog.log_lines import configure_logs, log_event
from tlogverify.keys import parse_verifier_key


def run(settings: LogSettings, options: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status of who writes."""
    require_sharing()
    reserved = _reserved(settings.listen)
    host, _ = listen_address(settings.listen)
    port = reserved.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    settings = replace(settings, listen=f"{shown}:{port}")
    together = Together.of(settings)
    _name_lines(settings, PARENT)
    tune_interpreter()
    status = Supervisor(_Roles(together, options), settings.workers).run()
    reserved.close()
    if status < 0:
        # As a log of one process that was ended by that signal.
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


def _reserved(listen: str) -> socket.socket:
    """Return a socket that keeps the port for the front ends, and takes nothing.

    OSError, which says what to do, if the address cannot be had.
    """
    # Of two logs of one user each would get a part of the connections.
    with bound_to(listen) as alone:
        alone.listen()
        port = alone.getsockname()[1]
    host = listen.rpartition(":")[0]
    return bound_to(f"{host}:{port}", is_shared=True)


class _Roles:
    """What the processes of one log do."""

    def __init__(self, together: Together, options: argparse.Namespace) -> None:
        self._together = together
        self._options = options

    def lead(self, control: socket.socket) -> int:
        """Write the log."""
        settings = self._together.settings

        async def serve_fronts(log: Log) -> None:
            stop = asyncio.Event()
            # The parent's alone: it ends the front ends first.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            _end_with_parent(control, stop)
            await lead(
                log,
                self._together,
                stop,
                lambda it: control.sendall(msgspec.json.encode(it) + b"\n"),
            )

        def run_leader(_: argparse.Namespace) -> int:
            _name_lines(settings, name_of(0))
            log = open_log(settings, open_token=open_token, open_shelf=open_shelf)
            tune_interpreter()
            with telling_machine_trouble(), tracing_as("log", settings.traces):
                uvloop.run(serve_fronts(log))
            log_event("stopped", size=log.heads.signed.size)
            return 0

        return self._run(run_leader)

    def front(self, nth: int, told: bytes, control: socket.socket) -> int:
        """Be the nth front end."""
        settings = self._together.settings

        async def serve_front() -> None:
            stop = stop_on_signals()
            _end_with_parent(control, stop)
            front = Front(nth, self._together, msgspec.json.decode(told, type=Opened))
            await front.run(stop, lambda _: control.sendall(b"ready\n"))

        def run_front(_: argparse.Namespace) -> int:
            _name_lines(settings, name_of(nth))
            with telling_machine_trouble(), tracing_as("log", settings.traces):
                uvloop.run(serve_front())
            return 0

        return self._run(run_front)

    def announce(self, told: bytes) -> None:
        """Say where the log is served."""
        settings = self._together.settings
        opened = msgspec.json.decode(told, type=Opened)
        keys = [parse_verifier_key(it.encode()) for it in opened.vkeys]
        url = f"http://{settings.listen}{settings.prefix}"
        announced = Announced(settings, opened.origin, keys, url, opened.size)
        announced.tell(as_json=self._options.json)

    def _run(self, body: Callable[[argparse.Namespace], int]) -> int:
        """Run a child's body, and tell its errors as of the whole command."""
        try:
            return run_call(Call("serve", self._options, body))
        except KeyboardInterrupt:
            return 128 + signal.SIGINT


def _end_with_parent(control: socket.socket, stop: asyncio.Event) -> None:
    """Set `stop` when the parent says so, or has ended; control: to the parent."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        # The end of a stream can be read for ever.
        loop.remove_reader(control)
        stop.set()

    control.setblocking(False)
    loop.add_reader(control, end)


def _name_lines(settings: LogSettings, name: str) -> None:
    configure_logs(settings.log_format, settings.log_level, name)
