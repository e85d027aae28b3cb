"""Full tiles and bundles that were asked for last: a full one never changes.

What is kept was read, packed and hashed before; nothing here reads a file.
"""

from collections import OrderedDict

from tlog.http.respond import Content
from tlogverify.tiles import Tile


class KeptTiles:
    """The full tiles that were asked for last, for one event loop.

    limit_bytes: what they may have together.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._contents: OrderedDict[tuple[Tile, bool], Content] = OrderedDict()

    def get(self, place: tuple[Tile, bool]) -> Content | None:
        """Return what stands at a place, packed or not; None if it is not kept."""
        content = self._contents.get(place)
        if content is not None:
            self._contents.move_to_end(place)
        return content

    def put(self, place: tuple[Tile, bool], content: Content) -> None:
        """Keep one more, and forget as many as that needs room."""
        known = self._contents.pop(place, None)
        self._bytes += len(content.body) - (0 if known is None else len(known.body))
        self._contents[place] = content
        while self._bytes > self._limit_bytes:
            _, gone = self._contents.popitem(last=False)
            self._bytes -= len(gone.body)
