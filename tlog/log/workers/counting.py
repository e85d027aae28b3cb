"""What front ends count, fetched by the process that writes when it is asked.

Each front end has a Unix socket, beside that of the process that writes.  It says what
it has counted to whoever connects, as MessagePack, and closes.
"""

import asyncio
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from tlog.folders import PRIVATE_FILE
from tlog.log.workers.leading import address_of
from tlog.metrics import Counted, Metrics, sums_of

_ANSWER_S: Final = 1.0
_QUEUE: Final = 128


class Counts(msgspec.Struct, frozen=True):
    """What one front end has counted since it was started; pid: its process."""

    pid: int
    counted: list[Counted]


_decoder: Final = msgspec.msgpack.Decoder(Counts)
_encode: Final = msgspec.msgpack.encode


def socket_of(folder: Path, nth: int) -> Path:
    """Return where the nth front end says what it has counted."""
    return folder / f"front-{nth}.sock"


def listening_at(path: Path) -> socket.socket:
    """Return a Unix socket of mode 0600 in the place of whatever has that name."""
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX)
    try:
        made.bind(address_of(path))
        path.chmod(PRIVATE_FILE)
        made.listen(_QUEUE)
    except BaseException:
        made.close()
        raise
    return made


async def tell_counts(listening: socket.socket, metrics: Metrics) -> asyncio.Server:
    """Say what is counted here to whoever connects, until the server is closed."""

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_encode(Counts(os.getpid(), metrics.counted())))
        with suppress(OSError):
            await writer.drain()
        writer.close()

    return await asyncio.start_unix_server(tell, sock=listening)


class FrontCounts:
    """What the front ends of a log have counted, those that have ended among them.

    answering: how many have answered when they were last asked.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._addresses = [*map(address_of, paths)]
        self._newest: dict[str, Counts] = {}
        self._ended: list[Counted] = []
        self._answered: set[str] = set()
        # What came first is noted first, so that no process is taken for its next one.
        self._asking = asyncio.Lock()

    @property
    def answering(self) -> int:
        """How many front ends have answered when they were last asked."""
        return len(self._answered)

    async def fetch(self) -> None:
        """Ask all front ends at once; one that does not answer counts what it had."""
        async with self._asking:
            found = await asyncio.gather(*map(_fetched, self._addresses))
            self._note(found)

    def _note(self, found: Sequence[Counts | None]) -> None:
        self._answered.clear()
        for address, counts in zip(self._addresses, found, strict=True):
            if counts is None:
                continue
            before = self._newest.get(address)
            if before is not None and before.pid != counts.pid:
                self._ended = sums_of([*self._ended, *_kept(before)])
            self._newest[address] = counts
            self._answered.add(address)

    def counted(self) -> Iterator[Counted]:
        """Return what they have counted."""
        yield from self._ended
        for address, counts in self._newest.items():
            answers = address in self._answered
            yield from counts.counted if answers else _kept(counts)


def _kept(counts: Counts) -> list[Counted]:
    return [it for it in counts.counted if it.is_kept]


async def _fetched(address: str) -> Counts | None:
    """Return what one front end says; None if it says nothing now."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(address)
            try:
                return _decoder.decode(await reader.read())
            finally:
                writer.close()
    except (OSError, TimeoutError, msgspec.DecodeError):
        return None
