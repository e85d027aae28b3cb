"""The peaks of a growing tree: roots of the complete subtrees that cover it.

Source: RFC 6962, 2.1.
"""

from tlog import hashing
from tlogverify.hashing import EMPTY_ROOT, Hash, to_hash


class Peaks:
    """The peaks of `size` leaves, largest first."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, Hash]] = []

    @property
    def roots(self) -> tuple[tuple[int, bytes], ...]:
        """The height and the root of each; pushed in this order they make the same."""
        return tuple(self._peaks)

    def push(self, height: int, root: bytes) -> None:
        """Append a complete subtree of 2**height leaves; `size` is a multiple of it."""
        self.size += 1 << height
        found = to_hash(root)
        while self._peaks and self._peaks[-1][0] == height:
            found = hashing.hash_pair(self._peaks.pop()[1], found)
            height += 1
        self._peaks.append((height, found))

    def root(self) -> Hash:
        """Return the root over all peaks."""
        if not self._peaks:
            return EMPTY_ROOT
        *larger, (_, found) = self._peaks
        for _, peak in reversed(larger):
            found = hashing.hash_pair(peak, found)
        return found
