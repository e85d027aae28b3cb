"""One conversation with the node that writes; used by one thread."""

import socket
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from tlog.errors import BusyError
from tlog.log.storage.writers import Writer

_CONNECT_S: Final = 1.0


class NotReachedError(BusyError):
    """The node that writes has not taken it: it is not there, or writes no more.

    status: of its answer; 0 if there was none.
    """

    def __init__(self, detail: str, status: int = 0) -> None:
        super().__init__(detail)
        self.status = status


class UnansweredByNodeError(BusyError):
    """It was sent, and no answer came: it may have been done."""


def connection_to(writer: Writer) -> HTTPConnection:
    """Return a connection to a node by its URL, which is not made yet."""
    parts = urlsplit(writer.address)
    make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return make(parts.hostname or "", parts.port, timeout=_CONNECT_S)


class Link:
    """Asks one node after the other.

    timeout_s: how long an answer may take.  connect: returns a connection to a node,
    which is not made yet.
    """

    def __init__(
        self,
        timeout_s: float | None,
        connect: Callable[[Writer], HTTPConnection] = connection_to,
    ) -> None:
        self._timeout_s = timeout_s
        self._connect = connect
        self._writer: Writer | None = None
        self._connection: HTTPConnection | None = None
        self._is_cut = False

    def close(self) -> None:
        """End the conversation; the next question begins another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def cut(self) -> None:
        """Let the question under way, and all later ones, end unanswered at once.

        Called by another thread, which then need not wait for a node that is silent.
        """
        self._is_cut = True
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def ask(
        self, writer: Writer, method: str, path: str, body: bytes | None = None
    ) -> bytes:
        """Return the answer of a node; path: below its address.

        Raises NotReachedError or UnansweredByNodeError.
        """
        connection = self._connected(writer)
        headers = {"Authorization": f"Bearer {writer.secret.hex()}"}
        try:
            prefix = urlsplit(writer.address).path.rstrip("/")
            connection.request(method, f"{prefix}{path}", body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as error:
            self.close()
            raise UnansweredByNodeError(
                f"the node that writes has not answered: {error!r}"
            ) from error
        if answer.status == 200:
            return content
        self.close()
        if answer.status == 500:
            raise UnansweredByNodeError("the node that writes has a fault")
        raise NotReachedError(
            f"the node that wrote answers {answer.status}", answer.status
        )

    def _connected(self, writer: Writer) -> HTTPConnection:
        if self._connection is not None and self._writer == writer:
            return self._connection
        self.close()
        connection = self._connect(writer)
        try:
            connection.connect()
        except (OSError, HTTPException) as error:
            with suppress(OSError):
                connection.close()
            raise NotReachedError(
                f"the node that writes is not reached: {error}"
            ) from error
        if connection.sock is not None:
            connection.sock.settimeout(self._timeout_s)
        self._connection, self._writer = connection, writer
        # Whoever cuts says so first: either side sees what the other one did.
        if self._is_cut:
            self.close()
            raise NotReachedError("this node asks nothing any more")
        return connection
