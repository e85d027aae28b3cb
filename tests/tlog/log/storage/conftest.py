"""Each contract is run by each adapter."""

from pathlib import Path

import pytest

from tests.tlog.log.storage.adapters import (
    FolderStores,
    Journals,
    SqliteJournals,
    Stores,
)


@pytest.fixture(params=["sqlite"])
def journals(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Journals:
    return SqliteJournals(tmp_path, monkeypatch)


@pytest.fixture(params=["folder"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    return FolderStores(tmp_path)
