"""Each contract is run by each adapter."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bucket import bucket
from tests.support.postgres import Postgres, postgres
from tests.support.severed import severed
from tests.tlog.log.storage.adapters import (
    BucketStores,
    FolderStores,
    Journals,
    PostgresJournals,
    SqliteJournals,
    Stores,
)


@pytest.fixture(scope="session")
def database() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def journals(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Journals]:
    if request.param == "sqlite":
        yield SqliteJournals(tmp_path, monkeypatch)
        return
    server: Postgres = request.getfixturevalue("database")
    with severed(server.port) as proxy:
        opened = PostgresJournals(server, proxy, str(tmp_path))
        yield opened
        opened.close()


@pytest.fixture(params=["folder", "bucket"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    if request.param == "folder":
        yield FolderStores(tmp_path)
        return
    with bucket() as stored:
        yield BucketStores(stored)
