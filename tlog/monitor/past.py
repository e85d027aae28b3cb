"""New watches in entries that were read before, out of the monitor's own files."""

from typing import Final

from tlog.monitor.matching import AnyWatch, Matcher
from tlog.monitor.reading import AlarmOfHit, Hit
from tlog.monitor.run import hits_in, hits_in_run
from tlog.monitor.state import State
from tlogverify.tiles import TILE_WIDTH

_CHUNK_BUNDLES: Final = 64
_COMMIT_BUNDLES: Final = 4_096
_COMMIT_HITS: Final = 10_000


def look_back(
    state: State, watches: tuple[AnyWatch, ...], alarm_of: AlarmOfHit
) -> None:
    """Look for each watch in all stored entries that it was not looked for in.

    A hit in the verified tree becomes an alarm, in the transaction that says up to
    where the watch was looked for.  A hit in the unverified run waits with the run.
    """
    reading, bundles, cursor = state.reading, state.bundles, state.cursor()
    known = reading.looked_to([it.label for it in watches])
    behind = tuple(it for it in watches if known[it.label] < cursor.stored_size)
    if not behind:
        return
    matcher, labels = Matcher(behind), [it.label for it in behind]
    start = min(known[label] for label in labels) // TILE_WIDTH
    hits: list[Hit] = []
    full, width = divmod(cursor.head.size, TILE_WIDTH)
    for first in range(start, cursor.bundles, _CHUNK_BUNDLES):
        end = min(first + _CHUNK_BUNDLES, cursor.bundles)
        for number, bundle in enumerate(bundles.read(first, end), first):
            hits += (
                hits_in(matcher, bundle, number, TILE_WIDTH)
                if number < full
                else hits_in_run(matcher, bundle, number, TILE_WIDTH, cursor.head.size)
            )
        if (end - start) % _COMMIT_BUNDLES == 0 or len(hits) >= _COMMIT_HITS:
            # The verified edge is searched at the end, so it is not passed here.
            reading.look_back(hits, labels, min(end, full) * TILE_WIDTH, alarm_of)
            hits = []
    if width:
        hits += hits_in(matcher, cursor.edge, full, width)
    reading.look_back(hits, labels, cursor.stored_size, alarm_of)
