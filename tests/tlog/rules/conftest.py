from pathlib import Path

import pytest

from tests.tlog.rules.workshop import write_keys


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of all public keys."""
    return write_keys(tmp_path_factory.mktemp("keys"))
