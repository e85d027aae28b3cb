"""A running log that holds 300 known records, for the tests that read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.oracle import rfc6962
from tests.support.fronting import fronted_log
from tests.support.http import post
from tests.support.records import canonical, full_record, json_body, record
from tests.support.running import published, running_log
from tlog.log.life import Log
from tlogverify.checkpoint import Checkpoint
from tlogverify.signed import open_checkpoint

SIZE = 300
RECORDS = [*(record(label) for label in range(SIZE - 1)), full_record("full")]
ENTRIES = [canonical(value) for value in RECORDS]
LEAVES = [rfc6962.leaf_hash(entry) for entry in ENTRIES]
TREE = rfc6962.Tree(LEAVES)


@dataclass(frozen=True, slots=True)
class Filled:
    """A running log whose first entries are ENTRIES."""

    url: str
    log: Log

    def head(self, note: str) -> Checkpoint:
        """Open a checkpoint of this log."""
        return open_checkpoint(note.encode(), *self.log.keys)

    def state(self) -> tuple[int, bytes, bytes]:
        """Return all that a refused request must leave as it is."""
        return self.log.heads.signed.size, self.log.heads.signed.note, self._published

    @property
    def _published(self) -> bytes:
        return self.log.publisher.public_note


@asynccontextmanager
async def filled_log(folder: Path, **changes: object) -> AsyncIterator[Filled]:
    """Run a log in `folder` and submit RECORDS to it; changes: as of `running_log`.

    is_fronted among them: a front end answers for it.
    """
    run = fronted_log if changes.pop("is_fronted", False) else running_log
    async with run(folder, **changes) as (url, log):
        answer = await post(url, json_body(*RECORDS))
        assert answer.status == 201
        await published(log)
        yield Filled(url, log)
