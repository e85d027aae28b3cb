"""Connections that wait to be accepted, beside the one that the loop takes in a turn.

libuv accepts one connection in each turn of its loop.  When a thousand clients come at
once and each turn answers hundreds of requests, the last of them waits for seconds: so
all that wait are accepted as soon as the loop has taken one of them.

What cannot be accepted now, because there is no room or the process may open no more
files, is left to the event loop's own way of dealing with it.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import Final

_AT_ONCE: Final = 256


class Accepting:
    """Accepts on the sockets of one server what its loop has not taken yet.

    make: returns the protocol of each connection.  room: returns how many there may
    still be; the loop alone takes those for which another one must go.
    """

    def __init__(
        self, make: Callable[[], asyncio.Protocol], room: Callable[[], int]
    ) -> None:
        self._make = make
        self._room = room
        self._sockets: list[socket.socket] = []
        self._adopting: set[asyncio.Task[None]] = set()
        self._is_due = False

    def watch(self, sockets: Iterable[socket.socket]) -> None:
        """Accept on these sockets too; they stay those of their owner."""
        for it in sockets:
            own = socket.fromfd(it.fileno(), it.family, it.type)
            own.setblocking(False)
            self._sockets.append(own)

    def close(self) -> None:
        """Accept no more."""
        for it in self._sockets:
            it.close()
        self._sockets.clear()

    def take(self) -> asyncio.Protocol:
        """Return the protocol of a connection, and look for others soon."""
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._take_waiting)
        return self._make()

    def _take_waiting(self) -> None:
        self._is_due = False
        for it in self._sockets:
            # Each takes a descriptor before its protocol can make room for it.
            room = self._room() - len(self._adopting)
            for _ in range(min(room, _AT_ONCE)):
                try:
                    accepted, _ = it.accept()
                except OSError:
                    break
                accepted.setblocking(False)
                task = asyncio.get_running_loop().create_task(self._adopt(accepted))
                self._adopting.add(task)
                task.add_done_callback(self._adopting.discard)

    async def _adopt(self, accepted: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(self._make, accepted)
        except OSError:
            # It was closed before anything was made of it.
            accepted.close()
