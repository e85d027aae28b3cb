"""New watches in entries that were read before: from the monitor's own store."""

from typing import Final

from tlog.monitor.follow import hits_in
from tlog.monitor.matching import AnyWatch, Matcher
from tlog.monitor.state import State
from tlog.monitor.store import Hit, Tell
from tlogverify.tiles import TILE_WIDTH

_CHUNK_BUNDLES: Final = 64
_COMMIT_BUNDLES: Final = 4_096
_COMMIT_HITS: Final = 10_000


def look_back(state: State, watches: tuple[AnyWatch, ...], tell: Tell) -> None:
    """Look for each watch in all that is stored and that it was not looked for in.

    What is found in the verified tree becomes an alarm, in the transaction that says up
    to where the watch was looked for.
    """
    store, bundles = state.store, state.bundles
    cursor = store.cursor()
    size = max(cursor.head.size, cursor.bundles * TILE_WIDTH)
    known = store.looked_to([it.label for it in watches])
    behind = tuple(it for it in watches if known[it.label] < size)
    if not behind:
        return
    matcher, labels = Matcher(behind), [it.label for it in behind]
    start = min(known[label] for label in labels) // TILE_WIDTH
    hits: list[Hit] = []
    full, width = divmod(cursor.head.size, TILE_WIDTH)
    for first in range(start, cursor.bundles, _CHUNK_BUNDLES):
        end = min(first + _CHUNK_BUNDLES, cursor.bundles)
        for number, bundle in enumerate(bundles.read(first, end), first):
            found = hits_in(matcher, bundle, number, TILE_WIDTH)
            if number >= full:
                # Not verified yet: it may not be what the verified edge is.
                found = [hit for hit in found if hit.place >= cursor.head.size]
            hits += found
        if (end - start) % _COMMIT_BUNDLES == 0 or len(hits) >= _COMMIT_HITS:
            # Not beyond the verified edge, which is looked through at the end.
            store.look_back(hits, labels, min(end, full) * TILE_WIDTH, tell)
            hits = []
    if width:
        hits += hits_in(matcher, cursor.edge, full, width)
    store.look_back(hits, labels, size, tell)
