"""What every right to write is, whichever adapter it is: one process has it.

Each test is run by each adapter.  How it is waited for is not the same in both: a
folder refuses at once, and a node of several waits until it may.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.postgres import Postgres
from tests.tlog.log.storage.adapters import judge
from tlog.clock import SystemClock
from tlog.errors import RejectedError
from tlog.log.storage.folder import LogFolder
from tlog.log.storage.postgres import Database
from tlog.log.storage.tenure import Tenure
from tlog.log.storage.tenure_folder import FolderTenure
from tlog.log.storage.tenure_term import TermTenure

NEVER_S = 3_600


class KeptOutError(Exception):
    """Another one writes."""


class Tenures(Protocol):
    """The right to write one log, as processes ask for it."""

    def begin(self) -> Tenure:
        """Take it as a process that starts; KeptOutError if another one has it."""
        ...

    def end(self, tenure: Tenure) -> None:
        """Let go of it, as a process does that ends."""
        ...


class FolderTenures:
    """Of a log in a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: list[LogFolder] = []

    def begin(self) -> Tenure:
        try:
            folder = LogFolder(self._root)
        except RejectedError as error:
            raise KeptOutError from error
        self._folders.append(folder)
        tenure = FolderTenure(folder)
        tenure.take(lambda: None)
        return tenure

    def end(self, tenure: Tenure) -> None:
        tenure.release()
        self._folders.pop().close()

    def close(self) -> None:
        for it in self._folders:
            it.close()


class TermTenures:
    """Of a log that nodes share, whose terms end only when that is said."""

    def __init__(self, server: Postgres, origin: str) -> None:
        self._server = server
        self._origin = origin
        self._made: list[TermTenure] = []
        database = Database(server.url)
        database.make_tables()
        database.close()

    def begin(self) -> Tenure:
        database = Database(self._server.url)
        tenure = TermTenure(database, self._origin, NEVER_S, SystemClock(), judge)
        self._made.append(tenure)

        def meanwhile() -> None:
            raise KeptOutError

        tenure.take(meanwhile)
        return tenure

    def end(self, tenure: Tenure) -> None:
        tenure.release()

    def close(self) -> None:
        for it in self._made:
            it.release()


@pytest.fixture(params=["folder", "term"])
def tenures(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tenures]:
    made: FolderTenures | TermTenures
    if request.param == "folder":
        made = FolderTenures(tmp_path)
    else:
        made = TermTenures(request.getfixturevalue("database"), str(tmp_path))
    yield made
    made.close()


def test_one_process_has_it_until_it_ends(tenures: Tenures) -> None:
    first = tenures.begin()
    for _ in range(2):
        with pytest.raises(KeptOutError):
            tenures.begin()
        assert first.is_held
    tenures.end(first)
    second = tenures.begin()
    assert second.is_held
    with suppress(KeptOutError):
        tenures.begin()
        pytest.fail("two have it")
    tenures.end(second)


def test_each_term_is_later_than_the_one_before(tenures: Tenures) -> None:
    """A folder counts nobody: 0 says so."""
    terms = []
    for _ in range(3):
        tenure = tenures.begin()
        terms.append(tenure.term)
        tenures.end(tenure)
    assert terms in ([0, 0, 0], [1, 2, 3])


def test_who_has_let_go_holds_nothing(tenures: Tenures) -> None:
    first = tenures.begin()
    tenures.end(first)
    second = tenures.begin()
    assert (False, True) == (first.is_held, second.is_held)
    tenures.end(second)
