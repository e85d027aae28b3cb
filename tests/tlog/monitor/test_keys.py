"""A monitor with an old policy follows a change of keys by its entries alone."""

from pathlib import Path

import pytest

from tests.support.monitored import Monitored
from tests.support.static_log import StaticLog, entries_of
from tests.tlogverify.actors import ED25519, LOG, LOG_MLDSA, MLDSA44, Actor
from tlogclient.keychanges import ChangeKind, KeyChange

SECOND = Actor(LOG.name, ED25519, "the log's second key")
THIRD = Actor(LOG.name, ED25519, "the log's third key")

NEXT_MLDSA = Actor(LOG.name, MLDSA44, "the log's second key of the other type")


class ChangingLog(StaticLog):
    """A log that says what it likes of its keys, and signs with what it likes."""

    def add_change(self, kind: ChangeKind, number: int, *keys: Actor) -> None:
        """Append the entry of a change from the first key to the last, signed so."""
        old, new = keys[0], keys[-1]
        change = KeyChange(kind, number, old.key, new.key)
        by_old = None if kind is ChangeKind.REVOKED else old.sign
        self.add([it.encode() for it in change.records(by_old, new.sign)])

    def grow(self, *signers: Actor) -> int:
        """Publish some more entries, signed by these keys; return the size."""
        size = len(self.entries)
        self.add(entries_of(size, size + 5))
        self._signers = signers
        self.publish()
        return len(self.entries)


@pytest.fixture
def log(tmp_path: Path) -> ChangingLog:
    (tmp_path / "log").mkdir()
    return ChangingLog(tmp_path / "log")


@pytest.fixture
def monitored(tmp_path: Path, log: ChangingLog) -> Monitored:
    return Monitored(tmp_path, str(log.folder))


async def followed(monitored: Monitored) -> tuple[int, list[str]]:
    """Look once; return the verified size, and the new alarms that are no hits."""
    before = len(monitored.lines)
    await monitored.look()
    kinds = [it for it in monitored.kinds()[before:] if it != "hit"]
    return await monitored.size(), kinds


async def test_two_changes_are_followed_to_the_end(
    log: ChangingLog, monitored: Monitored
) -> None:
    assert (log.grow(LOG), []) == await followed(monitored)
    for old, new in ((LOG, SECOND), (SECOND, THIRD)):
        log.add_change(ChangeKind.JOINS, 1_900_000_000, old, new)
        assert (log.grow(old), []) == await followed(monitored)
        assert (log.grow(old, new), []) == await followed(monitored)
        log.add_change(ChangeKind.RETIRES, len(log.entries) + 1, old, new)
        assert (log.grow(new), []) == await followed(monitored)
        assert (log.grow(new), []) == await followed(monitored)
    # Each change is told too: somebody may want to ask whether it was meant.
    names = {it["name"] for it in monitored.alarms("hit")}
    assert {f"the log's key {it.name}+{it.key_id.hex()}" for it in (LOG, SECOND)} <= (
        names
    )


async def test_a_retired_key_alone_is_believed_no_more(
    log: ChangingLog, monitored: Monitored
) -> None:
    log.add_change(ChangeKind.JOINS, 1_900_000_000, LOG, SECOND)
    log.add_change(ChangeKind.RETIRES, 2, LOG, SECOND)
    size = log.grow(LOG, SECOND)
    assert (size, []) == await followed(monitored)
    log.grow(LOG)
    assert (size, ["bad-signature"]) == await followed(monitored)
    (alarm,) = monitored.alarms("bad-signature")
    assert "retired at size 2" in alarm["detail"]


async def test_a_revocation_is_the_new_keys_word(
    log: ChangingLog, monitored: Monitored
) -> None:
    log.add_change(ChangeKind.JOINS, 1_900_000_000, LOG, SECOND)
    # By a key that has not joined: it revokes nothing.
    log.add_change(ChangeKind.REVOKED, 0, LOG, THIRD)
    assert (log.grow(LOG), []) == await followed(monitored)
    log.add_change(ChangeKind.REVOKED, 1, LOG, SECOND)
    size = log.grow(LOG, SECOND)
    assert (size, []) == await followed(monitored)
    log.grow(LOG)
    assert (size, ["bad-signature"]) == await followed(monitored)


async def test_a_key_that_comes_without_an_entry_is_an_alarm(
    log: ChangingLog, monitored: Monitored
) -> None:
    assert (log.grow(LOG, SECOND), ["unannounced-key"]) == await followed(monitored)
    (alarm,) = monitored.alarms("unannounced-key")
    assert f"{LOG.name}+{SECOND.key_id.hex()}" in alarm["detail"]
    # What a stranger says of the log's key is no such entry.
    change = KeyChange(ChangeKind.JOINS, 1, LOG.key, SECOND.key)
    log.add([it.encode() for it in change.records(THIRD.sign, SECOND.sign)])
    assert (log.grow(LOG, SECOND), []) == await followed(monitored)
    log.add_change(ChangeKind.JOINS, 1_900_000_000, LOG, SECOND)
    assert (log.grow(LOG, SECOND), ["recovered"]) == await followed(monitored)


async def test_a_key_that_takes_over_without_an_entry_is_not_followed(
    log: ChangingLog, monitored: Monitored
) -> None:
    size = log.grow(LOG)
    assert (size, []) == await followed(monitored)
    log.grow(SECOND)
    assert (size, ["bad-signature"]) == await followed(monitored)


async def test_a_monitor_follows_longer_keys_by_entries_in_a_row(
    log: ChangingLog, monitored: Monitored
) -> None:
    """It learns of the first one by the Ed25519 key's word; then by its own alone."""
    # The row goes on in the next bundle.
    log.add(entries_of(0, 250))
    assert (log.grow(LOG), []) == await followed(monitored)
    log.add_change(ChangeKind.JOINS, 1_900_000_000, LOG, LOG_MLDSA)
    assert (log.grow(LOG, LOG_MLDSA), []) == await followed(monitored)
    # One hit of the key that is known, not one for each entry of the row.
    assert ["hit"] == monitored.kinds()
    log.add_change(ChangeKind.JOINS, 1_900_000_000, LOG_MLDSA, NEXT_MLDSA)
    assert (log.grow(LOG_MLDSA), []) == await followed(monitored)
    log.add_change(ChangeKind.RETIRES, 400, LOG_MLDSA, NEXT_MLDSA)
    assert (log.grow(LOG_MLDSA, NEXT_MLDSA), []) == await followed(monitored)
    log.add(entries_of(len(log.entries), 400))
    size = log.grow(NEXT_MLDSA)
    assert (size, []) == await followed(monitored)
    log.grow(LOG_MLDSA)
    assert (size, ["bad-signature"]) == await followed(monitored)
    (alarm,) = monitored.alarms("bad-signature")
    assert "retired at size 400" in alarm["detail"]


async def test_a_longer_key_that_comes_without_an_entry_is_an_alarm(
    log: ChangingLog, monitored: Monitored
) -> None:
    size = log.grow(LOG, LOG_MLDSA)
    assert (size, ["unannounced-key"]) == await followed(monitored)
    # A row that ends with the log is not whole yet, and says nothing.
    change = KeyChange(ChangeKind.JOINS, 1, LOG.key, LOG_MLDSA.key)
    *some, last = [it.encode() for it in change.records(LOG.sign, LOG_MLDSA.sign)]
    log.add(some)
    log.publish()
    assert (len(log.entries), []) == await followed(monitored)
    log.add([last])
    log.publish()
    assert (len(log.entries), ["recovered"]) == await followed(monitored)
