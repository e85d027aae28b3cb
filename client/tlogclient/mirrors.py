"""All entries of a log, from the log itself or from a mirror of its tiles, read once.

Source: C2SP tlog-tiles.
"""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import islice
from pathlib import Path
from typing import Final

from tlogclient.answers import open_head
from tlogclient.attested import Artifact, AttestationResult
from tlogclient.recount import Recount
from tlogclient.transport import Request, Transport
from tlogverify import Policy
from tlogverify.bundles import MAX_BUNDLE_BYTES
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.note import MAX_NOTE_BYTES
from tlogverify.tiles import Tile, bundles_of_size

_AT_ONCE: Final = 16

ReadPath = Callable[[str, int], Coroutine[object, object, bytes]]
"""Returns the bytes at a path below a log's prefix, at most so many."""


def served_by(transport: Transport) -> ReadPath:
    """Return how a log's own checkpoint and tiles are read."""

    async def read(path: str, limit_bytes: int) -> bytes:
        return await transport.fetch(Request(f"/{path}", "*/*", limit_bytes))

    return read


def lying_in(folder: Path) -> ReadPath:
    """Return how a mirror is read: a folder that has `checkpoint` and `tile/`.

    What is missing there is a FormatError.
    """

    async def read(path: str, limit_bytes: int) -> bytes:
        try:
            return await asyncio.to_thread(
                read_bounded, folder / path, path, limit_bytes
            )
        except FileNotFoundError:
            raise FormatError(f"a mirror of a log has {path}", str(folder)) from None

    return read


async def recount(
    read: ReadPath, policy: Policy, artifact: Artifact, start: int, limit: int
) -> AttestationResult:
    """Return the entries about an artifact, out of every entry that the head covers.

    Raises FormatError, or VerificationError if the entries do not lead to a head that
    the policy accepts.
    """
    note = await read("checkpoint", MAX_NOTE_BYTES)
    head = open_head(note, policy).checkpoint
    counting = Recount(artifact, head, note, start, limit)
    tiles = bundles_of_size(head.size)
    while some := list(islice(tiles, _AT_ONCE)):
        bundles = await _read_all(read, some)
        for tile, bundle in zip(some, bundles, strict=True):
            await asyncio.to_thread(counting.take, tile, bundle)
    return await asyncio.to_thread(counting.finish)


async def _read_all(read: ReadPath, tiles: list[Tile]) -> list[bytes]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(read(tile.path, MAX_BUNDLE_BYTES)) for tile in tiles
            ]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
