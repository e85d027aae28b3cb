"""A node that is started again whenever it has ended, as a supervisor does."""

import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

from tests.support.severed import Severed
from tests.system.server import ServerProcess

_LOOK_S = 0.02


@dataclass
class Node:
    """One node that is started again whenever it has ended; ways: its own proxies."""

    server: ServerProcess
    port: int
    ways: list[Severed] = field(default_factory=list)
    ending: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def supervise(self) -> None:
        while not self.ending.is_set():
            self.server.launch()
            self.server.wait()

    def send(self, number: signal.Signals) -> None:
        # It may have ended by itself a moment ago.
        with suppress(ProcessLookupError, AssertionError):
            self.server.send(number)

    @property
    def is_serving(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False


@contextmanager
def supervised(nodes: Sequence[Node]) -> Iterator[None]:
    """Start some nodes, and kill them at the end."""
    threads = [Thread(target=it.supervise) for it in nodes]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for node in nodes:
            node.ending.set()
        for node, thread in zip(nodes, threads, strict=True):
            while thread.is_alive():
                node.send(signal.SIGKILL)
                thread.join(_LOOK_S)
