"""What is remembered is bounded, and a broken store is named."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.oracle import rfc6962
from tests.support.static_log import bundle_of, entries_of
from tlog.errors import CorruptError, FatalError
from tlog.monitor.bundles import StoredBundles
from tlog.monitor.database import StateDatabase
from tlog.monitor.heads import SeenHead
from tlog.monitor.outbox import NewAlarm, Outbox
from tlog.monitor.waiting import WaitingHead, WaitingHeads
from tlogverify.hashing import to_hash


def test_a_source_is_remembered_with_a_thousand_heads(tmp_path: Path) -> None:
    with closing(StateDatabase(tmp_path / "db")) as database:
        heads, root = WaitingHeads(database), to_hash(bytes(32))
        for size in range(1_100):
            heads.put(WaitingHead("w1", SeenHead(size, root, b"note")))
        heads.put(WaitingHead("w2", SeenHead(1, root, b"note")))
        kept = heads.up_to(2_000)
    assert {"w1": 1_000, "w2": 1} == {
        name: sum(it.source == name for it in kept) for name in ("w1", "w2")
    }


def test_a_condition_is_told_once_until_it_ends(tmp_path: Path) -> None:
    with closing(StateDatabase(tmp_path / "db")) as database:
        outbox = Outbox(database, is_posting=True)
        told = [
            outbox.raise_condition("stalled", NewAlarm("1", "{}")),
            outbox.raise_condition("stalled", NewAlarm("2", "{}")),
            outbox.end_condition("stalled", NewAlarm("3", "{}")),
            outbox.end_condition("stalled", NewAlarm("4", "{}")),
            outbox.raise_condition("stalled", NewAlarm("5", "{}")),
        ]
        assert [True, False, True, False, True] == told
        assert ["1", "3", "5"] == [it.id for it in outbox.unshown()]
        assert ["stalled"] == outbox.conditions()


def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"nonsense" * 1_000)
    with pytest.raises(CorruptError):
        StateDatabase(tmp_path / "db")


def test_a_write_that_fails_is_fatal_and_changes_nothing(tmp_path: Path) -> None:
    with closing(StateDatabase(tmp_path / "db")) as database:
        outbox = Outbox(database, is_posting=False)
        with closing(sqlite3.connect(tmp_path / "db")) as other:
            other.execute("DROP TABLE alarms")
        with pytest.raises(FatalError):
            outbox.raise_condition("stalled", NewAlarm("1", "{}"))
        assert [] == outbox.conditions()


def full(salt: str) -> tuple[bytes, bytes]:
    """Return a full bundle, and its root as the oracle has it."""
    entries = entries_of(0, 256, salt)
    return bundle_of(entries), rfc6962.root([rfc6962.leaf_hash(it) for it in entries])


ONE, TWO, THREE = full("one"), full("two"), full("three")


@pytest.mark.parametrize("file", ["entries.bin", "ends.bin", "roots.bin"])
def test_fewer_bundles_than_were_counted_are_named(tmp_path: Path, file: str) -> None:
    with closing(StoredBundles(tmp_path, 0)) as bundles:
        bundles.append([ONE[0], THREE[0]], ONE[1] + THREE[1])
        bundles.sync()
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(content[:-1])
    with pytest.raises(CorruptError):
        StoredBundles(tmp_path, 2)
    with closing(StoredBundles(tmp_path, 1)) as bundles:
        assert [ONE[0]] == bundles.read(0, 1)


def test_what_was_not_counted_is_cut(tmp_path: Path) -> None:
    with closing(StoredBundles(tmp_path, 0)) as bundles:
        bundles.append([ONE[0], THREE[0]], ONE[1] + THREE[1])
    with closing(StoredBundles(tmp_path, 1)) as bundles:
        bundles.append([TWO[0]], TWO[1])
        assert [ONE[0], TWO[0]] == bundles.read(0, 2)
        assert ONE[1] + TWO[1] == bundles.roots(0, 2)
