"""Watched packages, in the SBOMs that verified entries name.

An entry says that there is an SBOM, and its digest; which packages stand in it only the
document says.  So the document is fetched from the log's store, bounded, and has the
digest that the entry names.  One that does not come is asked for again, and is told
once: it is never taken for one in which the package does not stand.

A round reads so many documents and goes on in the next one.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from tlog.log_lines import log_event
from tlog.monitor.alarms import Alarms
from tlog.monitor.awaited import Awaited
from tlog.monitor.reading import Hit
from tlog.monitor.settings import MonitorSettings, is_url
from tlog.monitor.state import State
from tlog.monitor.surroundings import Surroundings
from tlog.monitor.threads import finish
from tlog.monitor.watches import PackageWatch
from tlog.monitor.web import MissingError, SourceError, Web
from tlogclient.attested import open_document
from tlogclient.holdings import artifacts_of
from tlogclient.sboms import CYCLONEDX_TYPE, SPDX_TYPE, is_sbom_type, open_logged_sbom
from tlogverify.bundles import parse_bundle
from tlogverify.errors import FormatError, VerificationError
from tlogverify.record import Record, parse_record
from tlogverify.tiles import TILE_WIDTH

MAX_SBOM_BYTES: Final = 16 << 20
ROUND_DOCUMENTS: Final = 64
ROUND_AWAITED: Final = 16
PATIENCE_S: Final = 600

_KEPT_BYTES: Final = 4_096
_STEP_BUNDLES: Final = 64
_MARKS: Final = tuple(
    f'"predicateType":"{it}'.encode() for it in (CYCLONEDX_TYPE, SPDX_TYPE)
)


class _Named(NamedTuple):
    """A verified entry that names an SBOM; content: its bytes."""

    entry_index: int
    content: bytes
    record: Record


class PackageReader:
    """Looks for packages in what one log keeps.

    If no round follows, what does not come is told at once.
    """

    def __init__(
        self,
        settings: MonitorSettings,
        state: State,
        web: Web,
        alarms: Alarms,
        surroundings: Surroundings,
    ) -> None:
        self._url = settings.log.rstrip("/")
        self._state = state
        self._web = web
        self._alarms = alarms
        self._clock = surroundings.clock
        self._patience_s = 0 if settings.once else PATIENCE_S

    async def look(self, watches: Sequence[PackageWatch]) -> None:
        """Look for the watches in SBOMs that came, and in those that are new."""
        if not watches or not self._state.cursor().head.size:
            return
        if not is_url(self._url):
            # Told each time: nobody may believe that these are watched.
            log_event(
                "packages not watched",
                level="warning",
                error="documents are asked for over HTTP, and the log is a folder",
            )
            return
        for awaited in await finish(self._state.awaited.next, ROUND_AWAITED):
            if not await self._try_again(awaited, watches):
                break
        await self._look_on(watches)

    async def _look_on(self, watches: Sequence[PackageWatch]) -> None:
        size, reading = self._state.cursor().head.size, self._state.reading
        known = await finish(reading.looked_to, [it.label for it in watches])
        behind = [it for it in watches if known[it.label] < size]
        if not behind:
            return
        start = min(known[it.label] for it in behind)
        found = await finish(self._named_from, start)
        hits: list[Hit] = []
        looked_to = size
        for number, named in enumerate(found):
            if number == ROUND_DOCUMENTS:
                looked_to = named.entry_index
                break
            try:
                hits += await self._hits(named, behind)
            except SourceError as error:
                await self._await(named, str(error))
                if not isinstance(error, MissingError):
                    # The log is out of reach: the next round goes on behind this one.
                    looked_to = named.entry_index + 1
                    break
        alarm_of = self._alarms.of_hits(self._state.cursor().origin)
        labels = [it.label for it in behind]
        await finish(reading.look_back, hits, labels, looked_to, alarm_of)

    async def _hits(self, named: _Named, watches: Sequence[PackageWatch]) -> list[Hit]:
        """Return what an SBOM holds; one that cannot be read is told.

        Raises SourceError if it does not come.
        """
        sha256 = named.record.provenance
        url = f"{self._url}/api/v1/documents/sha256:{sha256.hex()}"
        try:
            content = await self._web.get(url, MAX_SBOM_BYTES)
            return await finish(_hits_in, named, content, watches)
        except (FormatError, VerificationError) as error:
            await self._tell(named.entry_index, sha256, str(error))
            return []

    async def _try_again(
        self, awaited: Awaited, watches: Sequence[PackageWatch]
    ) -> bool:
        """Ask for an SBOM again; return whether the log is within reach."""
        index, sha256, since_s, told = awaited
        content = await finish(self._state.tree().entry, index)
        named = _Named(index, content, parse_record(content))
        waiting = self._state.awaited
        try:
            hits = await self._hits(named, watches)
        except SourceError as error:
            now_s = self._clock.now_s()
            await finish(waiting.tried, awaited, now_s)
            if not told and now_s - since_s >= self._patience_s:
                await self._tell(index, sha256, str(error))
            return isinstance(error, MissingError)
        alarm_of = self._alarms.of_hits(self._state.cursor().origin)
        await finish(self._state.reading.look_back, hits, [], 0, alarm_of)
        await finish(waiting.drop, index)
        return True

    async def _await(self, named: _Named, why: str) -> None:
        sha256, now_s = named.record.provenance, self._clock.now_s()
        is_kept = await finish(
            self._state.awaited.add, named.entry_index, sha256, now_s
        )
        if not is_kept or not self._patience_s:
            await self._tell(named.entry_index, sha256, why)

    async def _tell(self, index: int, sha256: bytes, why: str) -> None:
        alarm = self._alarms.of_unread(index, sha256, why)
        await finish(self._state.awaited.tell, index, alarm)

    def _named_from(self, start: int) -> list[_Named]:
        """Return the entries from `start` on that name SBOMs, for one round."""
        found: list[_Named] = []
        for named in self._each_from(start):
            found.append(named)
            if len(found) > ROUND_DOCUMENTS:
                break
        return found

    def _each_from(self, start: int) -> Iterator[_Named]:
        cursor, bundles = self._state.cursor(), self._state.bundles
        full, width = divmod(cursor.head.size, TILE_WIDTH)
        for first in range(start // TILE_WIDTH, full, _STEP_BUNDLES):
            end = min(first + _STEP_BUNDLES, full)
            for number, bundle in enumerate(bundles.read(first, end), first):
                yield from _named_in(bundle, TILE_WIDTH, number, start)
        if width:
            yield from _named_in(cursor.edge, width, full, start)


def _named_in(bundle: bytes, width: int, number: int, start: int) -> Iterator[_Named]:
    if not any(mark in bundle for mark in _MARKS):
        return
    entries = parse_bundle(bundle, width)
    for index, entry in enumerate(entries, number * TILE_WIDTH):
        if index < start or not any(mark in entry for mark in _MARKS):
            continue
        try:
            record = parse_record(entry)
        except FormatError:
            continue  # no record, and so no SBOM's
        if is_sbom_type(record.predicate_type):
            yield _Named(index, entry, record)


def _hits_in(
    named: _Named, content: bytes, watches: Sequence[PackageWatch]
) -> list[Hit]:
    sbom = open_logged_sbom(open_document(content, named.record.provenance))
    artifacts_of(named.entry_index, named.record, sbom)
    return [
        Hit(it.label, it.name, named.entry_index, named.content[:_KEPT_BYTES])
        for it in watches
        if sbom.holds(it.purl)
    ]
