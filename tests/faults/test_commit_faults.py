"""One fault at each statement of the commit, lost or persisted; then a restart."""

from pathlib import Path

import pytest

from tests.faults.faulty import Fault, FaultyConnection
from tests.faults.opened import (
    entries,
    fsck,
    head_of,
    require_extends,
    sqlite_journal,
    step,
    stepping,
)
from tlog.errors import BusyError, FatalError

BEFORE, DURING, AFTER = entries(0, 300), entries(300, 420), entries(420, 600)

TABLE = [
    # step, persists: whether the batch is in the log after a restart; fatal
    pytest.param("BEGIN", False, False, False, id="begin-lost"),
    pytest.param("BEGIN", True, False, False, id="begun-answer-lost"),
    pytest.param("UPDATE", False, False, False, id="head-not-moved"),
    pytest.param("UPDATE", True, False, False, id="head-moved-answer-lost"),
    pytest.param("DELETE", False, False, False, id="not-trimmed"),
    pytest.param("DELETE", True, False, False, id="trimmed-answer-lost"),
    pytest.param("INSERT", False, False, False, id="batch-lost"),
    pytest.param("INSERT", True, False, False, id="batch-stored-answer-lost"),
    pytest.param("COMMIT", False, False, True, id="commit-lost"),
    pytest.param("COMMIT", True, True, True, id="committed-answer-lost"),
]


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("published", [False, True], ids=["waiting", "published"])
@pytest.mark.parametrize(("statement", "persists", "grows", "fatal"), TABLE)
def test_no_fault_of_the_journal_forks_the_log(
    tmp_path: Path,
    statement: str,
    persists: bool,
    grows: bool,
    fatal: bool,
    published: bool,
    nth: int,
) -> None:
    fault = Fault(statement, nth, persists)
    acknowledged = list(BEFORE)
    with stepping(tmp_path) as log:
        heads = [step(log, BEFORE)[0].snapshot]
        if published:
            log.publisher.publish()
        journal = sqlite_journal(log)
        journal.writing = FaultyConnection(journal.writing, fault)
        if nth == 2:
            heads.append(step(log, DURING[:20])[0].snapshot)
            acknowledged += DURING[:20]
        error = FatalError if fatal else BusyError
        with pytest.raises(error):
            step(log, DURING)
        # No head has left the process that is not in the journal.
        assert heads[-1] is log.heads.signed
        if not fatal:
            heads.append(step(log, DURING)[0].snapshot)
            acknowledged += DURING[len(acknowledged) - 300 :]
        old = [head_of(log, it.note) for it in heads]

    with stepping(tmp_path) as log:
        expected = 420 if grows or not fatal else len(acknowledged)
        assert expected == log.heads.signed.size
        for head in old:
            require_extends(log, head)
        (receipt,) = step(log, acknowledged)
        assert tuple(range(len(acknowledged))) == receipt.indexes
        (receipt,) = step(log, [*BEFORE, *DURING, *AFTER])
        assert tuple(range(600)) == receipt.indexes
        log.publisher.publish()
    assert fault.has_struck
    assert 0 == fsck(tmp_path)


@pytest.mark.parametrize("persists", [False, True], ids=["lost", "persists"])
@pytest.mark.parametrize("statement", ["BEGIN", "UPDATE", "DELETE", "INSERT"])
def test_a_batch_that_found_no_room_is_not_answered_and_not_stored(
    tmp_path: Path, statement: str, persists: bool
) -> None:
    fault = Fault(statement, 1, persists)
    with stepping(tmp_path) as log:
        step(log, BEFORE)
        stored = log.stores.journal.head()
        journal = sqlite_journal(log)
        journal.writing = FaultyConnection(journal.writing, fault)
        with pytest.raises(BusyError):
            step(log, DURING)
        assert fault.has_struck
        assert stored == log.stores.journal.head()
        assert [(0, 300)] == [(it.start, it.end) for it in log.stores.journal.batches()]
