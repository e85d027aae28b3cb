"""The list of logs, read on an interval from a file or a URL."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp

from tlog.log_lines import log_event
from tlog.witness.metrics import WitnessMetrics
from tlog.witness.roster import (
    MAX_LIST_BYTES,
    KnownLog,
    Roster,
    parse_log_list,
)
from tlogclient.transport import HEADERS, new_session, read_bounded
from tlogverify.errors import FormatError, TlogError
from tlogverify.files import read_bounded as read_file

_READ_S = 60.0


class ListedLogs:
    """Adds a list's new logs to a roster, and has them remembered.

    source: a path, or a URL of http or https.  remember: called on another thread with
    logs that are new.
    """

    def __init__(
        self,
        source: str,
        roster: Roster,
        remember: Callable[[list[KnownLog]], None],
        metrics: WitnessMetrics,
    ) -> None:
        self._source = source
        self._roster = roster
        self._remember = remember
        self._metrics = metrics

    async def follow(self, interval_s: float) -> None:
        """Read the list after each `interval_s`, until cancelled."""
        while True:
            await asyncio.sleep(interval_s)
            await self.read_once()

    async def read_once(self) -> None:
        """Read the list; a list that cannot be read changes nothing."""
        try:
            text = await self._text()
            # Another's list may be long: requests are answered meanwhile.
            found = await asyncio.to_thread(parse_log_list, text)
            new = self._roster.new_of(found.logs)
            # Durable first: a log that was cosigned once must stay known.
            await asyncio.to_thread(self._remember, new)
        except (TlogError, OSError, aiohttp.ClientError, TimeoutError) as error:
            self._metrics.list_failures.inc()
            said = str(error) or type(error).__name__
            log_event("log list not read", level="warning", error=said)
            return
        added = self._roster.add_new(new)
        if added or found.skipped:
            log_event("log list read", added=len(added), skipped=found.skipped)

    async def _text(self) -> bytes:
        if not self._source.startswith(("http://", "https://")):
            path = Path(self._source)
            return await asyncio.to_thread(
                read_file, path, "a log list", MAX_LIST_BYTES
            )
        async with (
            asyncio.timeout(_READ_S),
            new_session(HEADERS) as session,
            session.get(self._source, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise FormatError("a log list's status is 200", response.status)
            return await read_bounded(response, MAX_LIST_BYTES)
