"""The way from an API server to a Service: a proxy that leads to a gate on loopback.

An API server asks a webhook at the address of its Service, which no machine without a
cluster's network has.  Clusters that keep both apart give it a proxy to ask by CONNECT
(EgressSelectorConfiguration); here it is this one, so that the printed configuration is
asked as it is.
"""

import selectors
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Way(socketserver.ThreadingUnixStreamServer):
    """Leads every connection to `port`; asked: the addresses that were named."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _Leading)
        self.port = 0
        self.asked: set[str] = set()
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()

    def end_all(self) -> None:
        """End all connections: who asks next shakes hands anew."""
        with self._guard:
            for it in self._open:
                it.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def held(self, connection: socket.socket) -> Iterator[None]:
        """Count a connection among those that are open."""
        with self._guard:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._guard:
                self._open.discard(connection)


class _Leading(socketserver.StreamRequestHandler):
    server: Way

    def handle(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> None:
        words = self.rfile.readline().split()
        while self.rfile.readline().strip():
            pass
        self.server.asked.add(words[1].decode())
        try:
            there = socket.create_connection(("127.0.0.1", self.server.port))
        except OSError:
            self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        with there, self.server.held(self.connection):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            _join(self.connection, there)


def _join(one: socket.socket, other: socket.socket) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                try:
                    content = key.fileobj.recv(1 << 16)
                    key.data.sendall(content)
                except OSError:
                    return
                if not content:
                    return


@contextmanager
def leading(path: Path) -> Iterator[Way]:
    """Serve the way at a socket's path."""
    with Way(path) as way:
        threading.Thread(target=way.serve_forever, daemon=True).start()
        try:
            yield way
        finally:
            way.end_all()
            way.shutdown()
