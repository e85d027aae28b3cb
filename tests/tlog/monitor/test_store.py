"""What is remembered is bounded, and a broken store is named."""

import hashlib
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.oracle import rfc6962
from tests.support.monitored import Monitored
from tests.support.static_log import (
    StaticLog,
    bundle_of,
    entries_of,
    policy_with_witness,
)
from tests.tlogverify.actors import WITNESS
from tlog.errors import CorruptError, FatalError
from tlog.monitor.bundles import StoredBundles
from tlog.monitor.database import StateDatabase
from tlog.monitor.heads import SeenHead
from tlog.monitor.monitor import Outcome
from tlog.monitor.outbox import Condition, NewAlarm, Outbox
from tlog.monitor.parties import LOG, Party
from tlog.monitor.state import open_state
from tlog.monitor.waiting import WaitingHead, WaitingHeads
from tlogverify.hashing import to_hash

# Two witnesses that people call alike.
ONE_PARTY, OTHER_PARTY = Party("witness 1", "w"), Party("witness 2", "w")
STALLED = Condition("stalled", LOG)


def test_a_party_is_remembered_with_a_thousand_heads(tmp_path: Path) -> None:
    with closing(StateDatabase(tmp_path / "db")) as database:
        heads, root = WaitingHeads(database), to_hash(bytes(32))
        for size in range(1_100):
            heads.put(WaitingHead(ONE_PARTY, SeenHead(size, root, b"note")))
        heads.put(WaitingHead(OTHER_PARTY, SeenHead(1, root, b"note")))
        kept = heads.up_to(2_000)
    assert {ONE_PARTY: 1_000, OTHER_PARTY: 1} == Counter(it.party for it in kept)


def test_a_condition_is_told_once_until_it_ends(tmp_path: Path) -> None:
    with closing(StateDatabase(tmp_path / "db")) as database:
        outbox = Outbox(database, is_posting=True)
        told = [
            outbox.raise_condition(STALLED, NewAlarm("1", "{}")),
            outbox.raise_condition(STALLED, NewAlarm("2", "{}")),
            outbox.end_condition(STALLED, NewAlarm("3", "{}")),
            outbox.end_condition(STALLED, NewAlarm("4", "{}")),
            outbox.raise_condition(STALLED, NewAlarm("5", "{}")),
        ]
        assert [True, False, True, False, True] == told
        assert ["1", "3", "5"] == [it.id for it in outbox.unshown()]
        assert [STALLED] == outbox.conditions()


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
            outbox.raise_condition(STALLED, NewAlarm("1", "{}"))
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


OLD_TABLES = """
CREATE TABLE _sqlite_migrations (id INTEGER PRIMARY KEY, migration_set TEXT, name TEXT,
    applied_at TEXT);
INSERT INTO _sqlite_migrations VALUES (1, 'monitor', '_m001_all', '2026-11-01');
CREATE TABLE cursor (id INTEGER PRIMARY KEY, origin TEXT, bundles INTEGER, size INTEGER,
    root BLOB, note BLOB, edge BLOB, grown_s INTEGER);
CREATE TABLE heads (size INTEGER PRIMARY KEY, root BLOB, note BLOB);
CREATE TABLE sightings (source TEXT, size INTEGER, root BLOB, note BLOB,
    PRIMARY KEY (source, size, root));
CREATE TABLE watches (label TEXT PRIMARY KEY, looked_to INTEGER);
CREATE TABLE hits (watch TEXT, place INTEGER, entry BLOB, name TEXT, told INTEGER,
    PRIMARY KEY (watch, place));
CREATE TABLE alarms (seq INTEGER PRIMARY KEY, id TEXT, body TEXT, place INTEGER,
    shown INTEGER, posted INTEGER);
CREATE TABLE conditions (key TEXT PRIMARY KEY);
INSERT INTO conditions VALUES ('bad-signature w1'), ('bad-signature w0'),
    ('bad-log log'), ('split-view w0'), ('split-view w1 unproven');
INSERT INTO sightings VALUES ('w1', 7, zeroblob(32), x'00'),
    ('log', 8, zeroblob(32), x'00');
INSERT INTO alarms VALUES (1, 'id', '{}', 3, 0, 0);
"""
"""The tables of the version that knew sources by their names, and rows in them."""


async def test_an_older_state_goes_on(tmp_path: Path) -> None:
    """Its witnesses are found by the policy; what nobody asks any more is ended."""
    log = StaticLog(tmp_path / "log")
    log.add(entries_of(0, 5))
    log.publish()
    monitored = Monitored(tmp_path, str(log.folder))
    monitored.policy = policy_with_witness("http://127.0.0.1:1")
    monitored.state.mkdir()
    with closing(sqlite3.connect(monitored.state / "monitor.db")) as database:
        database.executescript(OLD_TABLES)
    with open_state(monitored.state, is_posting=False) as state:
        assert [3] == [it.entry_index for it in state.outbox.unshown()]
        state.outbox.mark_shown(1)
    # A witness that does not answer leaves what stands against it.
    assert Outcome.ALARM == await monitored.look()
    with open_state(monitored.state, is_posting=False) as state:
        standing = state.outbox.conditions()
        waiting = state.waiting.up_to(10)
    assert ["bad-signature w1", "split-view w0", "split-view w1 unproven"] == [
        it.told for it in standing
    ]
    key = "witness " + hashlib.sha256(WITNESS.public_bytes).hexdigest()
    assert [key, "named w0", key] == [it.party.key for it in standing]
    assert {(7, key), (8, "log")} == {(it.head.size, it.party.key) for it in waiting}
    assert ["recovered"] == monitored.kinds()
