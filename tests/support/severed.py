"""A proxy on loopback whose connections a test can sever, before or after an answer."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Final

_PIECE: Final = 1 << 16


class Severed:
    """Forwards bytes to a port of this machine.

    severs: "question", whose next bytes to the server are dropped with their
    connection; "answer", those that come back; "all", new connections too.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.severs = ""
        self.has_severed = Event()
        self._open: list[socket.socket] = []
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Sever every connection there is, and let new ones through."""
        for it in self._open:
            _close(it)
        self._open.clear()

    def close(self) -> None:
        self._listening.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self.severs == "all":
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                # The server is down for now, and so is the way to it.
                client.close()
                continue
            self._open += [client, server]
            for ends in ((client, server, "question"), (server, client, "answer")):
                Thread(target=self._forward, args=ends, daemon=True).start()

    def _forward(self, source: socket.socket, to: socket.socket, what: str) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                if self.severs in {what, "all"}:
                    self.severs = "" if self.severs == what else self.severs
                    self.has_severed.set()
                    break
                to.sendall(piece)
        _close(source)
        _close(to)


@contextmanager
def severed(target: int) -> Iterator[Severed]:
    """Run a proxy to a port of this machine."""
    proxy = Severed(target)
    try:
        yield proxy
    finally:
        proxy.close()


def _close(it: socket.socket) -> None:
    with suppress(OSError):
        it.shutdown(socket.SHUT_RDWR)
    it.close()
