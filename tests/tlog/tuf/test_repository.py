"""A TUF repository as python-tuf's client reads it: published, signed, rotated.

The client starts from the first root that it was handed, and nothing else.
"""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tuf.api.exceptions import ExpiredMetadataError, RepositoryError
from tuf.ngclient import Updater

from tests.support.hardware import Agent, SoftToken, make_token
from tests.support.static_files import served_folder
from tlog.cli.keys import open_token
from tlog.clock import SystemClock
from tlog.errors import CorruptError, RejectedError
from tlog.signing import AttestationKeyType
from tlog.signing.tokens import make_token_key
from tlog.signing.uris import TokenPlace, parse_place
from tlog.tuf.repository import Repository
from tlogverify.errors import FormatError

FILES = {"trusted_root.json": b'{"a":1}\n', "signing_config.v0.2.json": b'{"b":2}\n'}
OTHERS = {**FILES, "signing_config.v0.2.json": b'{"b":3}\n'}
DAY_S = 86_400


class Place:
    """One repository with its keys, served on this machine."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder / "repository"
        self.keys = folder / "keys"
        self.url = url
        self._clients = 0
        self.first_root = b""

    def repository(self, later_days: int = 0, days: int = 30) -> Repository:
        """Return the repository as it is opened so many days from now."""
        now_s = SystemClock().now_s() + later_days * DAY_S
        return Repository(
            self.folder, self.keys, now_s=now_s, days=days, open_token=open_token
        )

    def metadata(self, name: str) -> dict[str, Any]:
        """Return what a file of metadata says."""
        signed: dict[str, Any] = json.loads((self.folder / name).read_bytes())["signed"]
        return signed

    def fetch(self) -> dict[str, bytes]:
        """Return what a client that has the first root alone fetches."""
        self._clients += 1
        cache = self.folder.parent / f"client-{self._clients}"
        (cache / "targets").mkdir(parents=True)
        client = Updater(
            metadata_dir=str(cache),
            metadata_base_url=self.url,
            target_base_url=f"{self.url}/targets/",
            target_dir=str(cache / "targets"),
            bootstrap=self.first_root,
        )
        client.refresh()
        found = {}
        for name in FILES:
            target = client.get_targetinfo(name)
            assert target is not None
            found[name] = Path(client.download_target(target)).read_bytes()
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Return a repository of two files, published now."""
    (tmp_path / "repository").mkdir()
    with served_folder(tmp_path / "repository") as url:
        place = Place(tmp_path, url)
        assert [] == place.repository().publish(FILES)
        place.first_root = (place.folder / "1.root.json").read_bytes()
        yield place


def test_a_client_fetches_what_was_published(place: Place) -> None:
    assert FILES == place.fetch()


def test_a_client_fetches_what_is_published_later(place: Place) -> None:
    assert [] == place.repository().publish(OTHERS)
    assert OTHERS == place.fetch()
    assert 2 == place.metadata("timestamp.json")["version"]
    assert (place.folder / "2.targets.json").exists()


def test_the_same_files_again_renew_the_timestamp_alone(place: Place) -> None:
    assert [] == place.repository().publish(FILES)
    assert FILES == place.fetch()
    assert 2 == place.metadata("timestamp.json")["version"]
    assert not (place.folder / "2.targets.json").exists()
    assert not (place.folder / "2.root.json").exists()


@pytest.mark.parametrize("name", ["root", "targets", "online"])
def test_a_client_follows_an_exchanged_key(place: Place, name: str) -> None:
    before = place.metadata("root.json")["roles"]
    assert [] == place.repository().rotate(name)
    assert FILES == place.fetch()
    after = place.metadata("root.json")["roles"]
    changed = {role for role in before if before[role] != after[role]}
    roles = {"online": {"snapshot", "timestamp"}}.get(name, {name})
    assert roles == changed
    assert 2 == place.metadata("root.json")["version"]


def test_all_keys_can_be_exchanged_one_after_the_other(place: Place) -> None:
    for name in ("root", "online", "targets", "root", "root"):
        place.repository().rotate(name)
    place.repository().publish(OTHERS)
    assert OTHERS == place.fetch()
    assert 6 == place.metadata("root.json")["version"]


def test_the_old_root_key_is_wanted_once_and_no_more(place: Place) -> None:
    place.repository().rotate("root")
    (place.keys / "root.pem").unlink()
    place.repository().rotate("root")
    assert FILES == place.fetch()


def test_an_expired_timestamp_is_refused_until_it_is_signed_again(place: Place) -> None:
    assert [] == place.repository(later_days=-40).resign()
    with pytest.raises(ExpiredMetadataError):
        place.fetch()
    assert [] == place.repository().resign()
    assert FILES == place.fetch()


def test_the_timestamp_is_valid_as_long_as_it_is_said(place: Place) -> None:
    assert [] == place.repository(later_days=-40, days=50).resign()
    assert FILES == place.fetch()


def test_the_online_key_alone_signs_a_timestamp(place: Place) -> None:
    for name in ("root", "targets"):
        (place.keys / f"{name}.pem").unlink()
    assert [] == place.repository().resign()
    assert FILES == place.fetch()


def test_what_lacks_its_key_is_named_before_it_expires(place: Place) -> None:
    for name in ("root", "targets"):
        (place.keys / f"{name}.pem").unlink()
    left = place.repository(later_days=200).resign()
    assert ["root", "targets"] == [line.split()[0] for line in left]
    assert FILES == place.fetch()


def test_root_and_targets_are_renewed_in_the_second_half_of_their_time(
    place: Place,
) -> None:
    assert [] == place.repository(later_days=200).resign()
    assert FILES == place.fetch()
    for name in ("2.root.json", "2.targets.json"):
        assert (
            place.metadata(name)["expires"] > place.metadata("1.root.json")["expires"]
        )


@pytest.mark.parametrize("name", ["root", "targets", "online"])
def test_what_must_be_signed_and_has_no_key_changes_nothing(
    place: Place, name: str
) -> None:
    (place.keys / f"{name}.pem").unlink()
    before = {it: it.read_bytes() for it in place.folder.glob("*.json")}
    repository = place.repository()
    with pytest.raises(RejectedError):
        repository.rotate("root") if name == "root" else repository.publish(OTHERS)
    assert before == {it: it.read_bytes() for it in place.folder.glob("*.json")}


def test_keys_are_files_of_mode_0600_outside_of_what_is_served(place: Place) -> None:
    files = list(place.keys.glob("*.pem"))
    assert 3 == len(files)
    assert {0o600} == {stat.S_IMODE(it.stat().st_mode) for it in files}
    assert [] == list(place.folder.rglob("*.pem"))


def test_keys_in_the_folder_that_is_served_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RejectedError):
        Repository(tmp_path, tmp_path / "keys", now_s=0, days=1)


def test_a_key_that_others_can_read_is_refused(place: Place) -> None:
    (place.keys / "online.pem").chmod(0o644)
    with pytest.raises(RejectedError):
        place.repository().resign()


@pytest.mark.parametrize(
    "name", ["root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]
)
def test_nothing_is_signed_on_metadata_that_does_not_verify(
    place: Place, name: str
) -> None:
    path = place.folder / name
    path.write_bytes(path.read_bytes().replace(b'"expires": "2', b'"expires": "3', 1))
    with pytest.raises(CorruptError):
        place.repository().resign()


def test_a_client_refuses_a_changed_file(place: Place) -> None:
    (file,) = place.folder.glob("targets/*.trusted_root.json")
    file.write_bytes(b'{"a":2}\n')
    with pytest.raises(RepositoryError):
        place.fetch()


def test_a_run_that_ended_after_the_keys_goes_on_with_them(tmp_path: Path) -> None:
    folder, keys = tmp_path / "repository", tmp_path / "keys"
    Repository(folder, keys, now_s=1_000_000_000, days=1).publish(FILES)
    made = {it.name: it.read_bytes() for it in keys.iterdir()}
    for file in folder.glob("*.json"):
        file.unlink()
    Repository(folder, keys, now_s=1_000_000_000, days=1).publish(FILES)
    assert made == {it.name: it.read_bytes() for it in keys.iterdir()}


def test_a_folder_without_a_repository_cannot_be_signed_again(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "none", tmp_path / "keys", now_s=0, days=1)
    with pytest.raises(RejectedError):
        repository.resign()
    with pytest.raises(RejectedError):
        repository.rotate("root")


def test_keys_may_be_on_a_token_and_in_an_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client fetches what they signed; a key that is away is named."""
    token, agent = make_token(tmp_path / "token"), Agent(tmp_path)
    for name, value in {**token.variables, **agent.variables}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "repository").mkdir()
    with served_folder(tmp_path / "repository") as url:
        _publish(Place(tmp_path, url), token, agent)


def _publish(place: Place, token: SoftToken, agent: Agent) -> None:
    for name, kind in (("root", "p256"), ("root-2", "ed25519-pem")):
        place_of = parse_place(token.uri(name))
        assert isinstance(place_of, TokenPlace)
        make_token_key(place_of, AttestationKeyType(kind))
        (place.keys / f"{name}.uri").write_text(f"{token.uri(name)}\n")
    (place.keys / "targets.uri").write_text(agent.make_key())
    agent.start()
    try:
        assert [] == place.repository().publish(FILES)
        place.first_root = (place.folder / "root.json").read_bytes()
        assert FILES == place.fetch()
        assert ["online.pem"] == [it.name for it in place.keys.glob("*.pem")]
        assert [] == place.repository().rotate("root")
        assert [] == place.repository().publish(OTHERS)
        assert OTHERS == place.fetch()
    finally:
        agent.end()
    # The timestamp needs neither of them; other files need the one that is away.
    assert [] == place.repository(1).resign()
    with pytest.raises(RejectedError, match=r"targets key is missing.*targets\.uri: "):
        place.repository(1).publish(FILES)
    (place.keys / "root.uri").write_text("file:/nowhere/key")
    assert [] == place.repository(1).resign()
    (place.keys / "root.uri").write_text("pkcs11:object")
    with pytest.raises(FormatError):
        place.repository(1).resign()
