"""A database and a bucket for each module that asks, and a log for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bucket import Bucket, bucket
from tests.support.postgres import Postgres, postgres
from tests.support.sharing import Shared, shared


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture(scope="module")
def store() -> Iterator[Bucket]:
    with bucket() as stored:
        yield stored


@pytest.fixture
def log(database: Postgres, store: Bucket, tmp_path: Path) -> Shared:
    return shared(database, store, tmp_path)
