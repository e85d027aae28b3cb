"""Watched packages: found in the SBOMs that entries name, told where these lack."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cases import case
from tests.support.monitored import Monitored
from tests.support.records import canonical, record
from tests.support.static_files import served_folder
from tests.support.static_log import StaticLog
from tests.tlogclient.boms import CYCLONEDX, SPDX, cyclonedx, enveloped, spdx
from tlog.monitor.monitor import Outcome
from tlog.monitor.opening import open_monitor
from tlog.monitor.packages import MAX_SBOM_BYTES, PATIENCE_S, ROUND_DOCUMENTS
from tlogverify.errors import FormatError

APP = b"an artifact"
PURL = "pkg:pypi/watched@1.2"
WATCH = ("pkg:PyPI/Watched@1.2",)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def entry_of(content: bytes, kind: str = CYCLONEDX, artifact: bytes = APP) -> bytes:
    """Return a record that names a document as one of a predicate type."""
    return canonical(
        {
            "kind": "provenance",
            "version": 1,
            "predicateType": kind,
            "provenance": {"sha256": sha256(content)},
            "subject": [{"sha256": sha256(artifact)}],
        }
    )


BARE = json.dumps(cyclonedx(APP, PURL)).encode()
SIGNED = enveloped(spdx(None, PURL), APP, SPDX)
OTHER = json.dumps(cyclonedx(APP, "pkg:pypi/watched@1.3")).encode()


class Store:
    """A static log with documents beside its tiles; at one URL."""

    def __init__(self, folder: Path, url: str) -> None:
        self.log = StaticLog(folder)
        self.url = url
        self.documents = folder / "api" / "v1" / "documents"
        self.documents.mkdir(parents=True)

    def put(self, content: bytes, name: str = "") -> None:
        """Serve a document; name: under another digest."""
        (self.documents / f"sha256:{name or sha256(content)}").write_bytes(content)

    def publish(self, *entries: bytes) -> None:
        self.log.add(entries)
        self.log.publish()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    folder = tmp_path / "log"
    folder.mkdir()
    with served_folder(folder) as url:
        yield Store(folder, url)


@pytest.fixture
def monitored(tmp_path: Path, store: Store) -> Monitored:
    return Monitored(tmp_path, store.url)


def hits(monitored: Monitored) -> list[tuple[int, str]]:
    return [(it["index"], it["watch"]) for it in monitored.alarms("hit")]


async def test_a_watched_package_is_found_in_every_form_of_sbom(
    store: Store, monitored: Monitored
) -> None:
    entries = [canonical(record(it)) for it in range(300)]
    # At the borders of a bundle, and in the edge.
    entries[0], entries[255], entries[256] = map(entry_of, (BARE, OTHER, BARE))
    entries[299] = entry_of(SIGNED, f"{SPDX}/v2.3")
    # Neither of these says that its document is an SBOM.
    entries[7] = entry_of(BARE, "https://a.example/type")
    entries[8] = f'a text with "predicateType":"{CYCLONEDX}" in it'.encode()
    for content in (BARE, OTHER, SIGNED):
        store.put(content)
    store.publish(*entries)
    assert Outcome.HITS == await monitored.look(watch=WATCH)
    assert [(it, PURL) for it in (0, 256, 299)] == hits(monitored)
    for index in (0, 256, 299):
        assert (monitored.state / "proofs" / f"{index}.tlog-proof").exists()
    assert Outcome.QUIET == await monitored.look(watch=WATCH)
    # A watch that is new is looked for in the past; without a version it means all.
    assert Outcome.HITS == await monitored.look(watch=("pkg:pypi/watched",))
    assert [0, 255, 256, 299] == [it for it, name in hits(monitored) if "@" not in name]
    store.publish(entry_of(OTHER, artifact=b"x"), entry_of(BARE))
    assert Outcome.ALARM == await monitored.look(watch=WATCH)
    assert (301, PURL) == hits(monitored)[-1]


async def test_an_sbom_that_does_not_come_is_told_and_found_later(
    store: Store, monitored: Monitored
) -> None:
    store.publish(entry_of(BARE), entry_of(OTHER))
    store.put(OTHER)
    watching = {"watch": WATCH, "once": False}
    async with open_monitor(
        monitored.settings(**watching), monitored.surroundings()
    ) as monitor:
        await monitor.run_round()
        assert [] == monitored.alarms()
        monitored.clock.time_s += PATIENCE_S - 1
        await monitor.run_round()
        assert [] == monitored.alarms()
        monitored.clock.time_s += 1
        for _ in range(3):
            await monitor.run_round()
        (alarm,) = monitored.alarms("unread")
        assert f"sha256:{sha256(BARE)}" == alarm["document"]
        assert "the SBOM of entry 0 is not read" in alarm["detail"]
        store.put(BARE)
        await monitor.run_round()
    assert [(0, PURL)] == hits(monitored)
    # What has come is asked for no more, also after a restart.
    (store.documents / f"sha256:{sha256(BARE)}").unlink()
    assert Outcome.QUIET == await monitored.look(watch=WATCH)


async def test_with_once_an_sbom_that_does_not_come_is_told_at_once(
    store: Store, monitored: Monitored
) -> None:
    store.publish(entry_of(BARE))
    assert Outcome.ALARM == await monitored.look(watch=WATCH)
    assert ["unread"] == monitored.kinds()


async def test_what_is_not_the_named_sbom_is_told_at_once(
    store: Store, monitored: Monitored
) -> None:
    long = BARE + b" " * MAX_SBOM_BYTES
    of_another = enveloped(cyclonedx(None, PURL), b"another")
    store.put(BARE, name=sha256(b"other bytes"))
    for content in (b"no SBOM", long, of_another):
        store.put(content)
    names = (b"other bytes", b"no SBOM", long, of_another)
    store.publish(*map(entry_of, names), entry_of(BARE))
    store.put(BARE)
    assert Outcome.ALARM == await monitored.look(watch=WATCH)
    told = monitored.alarms("unread")
    for name, alarm in zip(names, told, strict=True):
        with case(alarm["detail"]):
            assert f"sha256:{sha256(name)}" == alarm["document"]
    assert [(4, PURL)] == hits(monitored)


async def test_a_round_reads_so_many_and_the_next_one_goes_on(
    store: Store, monitored: Monitored
) -> None:
    count = 2 * ROUND_DOCUMENTS + 3
    contents = [json.dumps(cyclonedx(APP, PURL, x=it)).encode() for it in range(count)]
    for content in contents:
        store.put(content)
    store.publish(*map(entry_of, contents))
    expected = [ROUND_DOCUMENTS, 2 * ROUND_DOCUMENTS, count, count]
    found = []
    for _ in expected:
        await monitored.look(watch=WATCH)
        found.append(len(hits(monitored)))
    assert expected == found
    assert list(range(count)) == [index for index, _ in hits(monitored)]


async def test_a_folder_has_no_documents_and_that_is_told(
    tmp_path: Path, store: Store
) -> None:
    store.publish(entry_of(BARE))
    monitored = Monitored(tmp_path, str(store.log.folder))
    with pytest.raises(FormatError, match="--log is a URL"):
        await monitored.look(watch=WATCH)
    file = tmp_path / "watches"
    file.write_text(f"{WATCH[0]}\n")
    assert Outcome.QUIET == await monitored.look(watch_file=file)
    for wrong in ("pkg:", "pkg:pypi/a?b=c"):
        with case(wrong), pytest.raises(FormatError):
            await Monitored(tmp_path, store.url).look(watch=(wrong,))
