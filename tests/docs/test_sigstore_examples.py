"""The commands of docs/sigstore.md; stand-ins for what a reader has beside a log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documents import DOCS, read, section
from tests.docs.test_examples import play
from tests.docs.workplace import Workplace
from tlog.trial.neighbours import neighbours

SIGSTORE = DOCS / "sigstore.md"
PERSON = "me@example.org"


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    place = Workplace(tmp_path)
    with neighbours() as beside:
        beside.write_trust(place.folder)
        (place.folder / "token").write_text(beside.provider.token(PERSON))
        place.replaced = {
            "https://fulcio.example.org": beside.fulcio_url,
            "https://tsa.example.org/api/v1/timestamp": beside.tsa_url,
            "https://oidc.example.org": beside.provider.issuer,
        }
        try:
            yield place
        finally:
            place.end()


def test_the_commands_of_sigstore_run(workplace: Workplace) -> None:
    play(workplace, SIGSTORE)
    names = {path.name for path in workplace.folder.iterdir()}
    assert {"app.tar.sigstore.json", "app.tar.attested.json"} <= names


def test_what_takes_a_services_place_is_written_there(workplace: Workplace) -> None:
    """Else a command of the document would go out to the network."""
    text = read(SIGSTORE)
    assert all(written in text for written in workplace.replaced)


def test_the_way_to_a_verified_file_has_ten_commands() -> None:
    text = section(SIGSTORE, "From nothing to a signed and verified file")
    commands = [
        line for line in text.splitlines() if line.startswith(("tlog ", "sigstore "))
    ]
    assert len(commands) <= 10
