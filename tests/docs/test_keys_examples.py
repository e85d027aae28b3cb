"""The commands of docs/keys.md, from nothing to a log whose key lives in SoftHSM."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documents import DOCS, section
from tests.docs.test_examples import play
from tests.docs.workplace import Workplace
from tests.support.hardware import make_token

KEYS = DOCS / "keys.md"
WAY = "From nothing to a log whose key lives in SoftHSM"
WRITTEN_MODULE = "/usr/lib/softhsm/libsofthsm2.so"


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    # A token of another label lies there: the document makes its own beside it.
    soft = make_token(tmp_path / "soft", label="other")
    for name, value in soft.variables.items():
        monkeypatch.setenv(name, value)
    place = Workplace(tmp_path)
    place.replaced = {WRITTEN_MODULE: str(soft.module)}
    try:
        yield place
    finally:
        place.end()


def test_the_commands_of_keys_run(workplace: Workplace) -> None:
    play(workplace, KEYS)
    names = {path.name for path in workplace.folder.iterdir()}
    assert {"pin", "my-log", "app.tar.tlog-proof"} <= names
    assert 0o600 == (workplace.folder / "pin").stat().st_mode & 0o777


def test_the_way_to_a_key_on_a_token_has_ten_commands() -> None:
    text = section(KEYS, WAY)
    inside = text.split("```")[1::2]
    commands = [it for block in inside for it in block.strip().splitlines()[1:]]
    assert 10 == len(commands), commands
