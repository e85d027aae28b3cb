"""The state on the disk: compared and swapped, whole, and read back or refused."""

import base64
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.witnessing import histories
from tests.tlogverify.actors import ED25519, LOG, OTHER_LOG, Actor
from tlog.errors import CorruptError, FatalError
from tlog.witness.roster import KnownLog
from tlog.witness.state import KnownHead, Move, WitnessState
from tlogverify.hashing import to_hash

ONE, TWO = histories(12, common=3)


def head(size: int, history: object = ONE) -> KnownHead:
    assert history in (ONE, TWO)
    found = ONE if history is ONE else TWO
    return KnownHead(size, to_hash(found.tree.root(size)), found.note(size))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def state(path: Path) -> Iterator[WitnessState]:
    with closing(WitnessState(path)) as opened:
        yield opened


def again(path: Path) -> dict[str, KnownHead]:
    """Return what another process reads."""
    with closing(WitnessState(path)) as opened:
        return opened.heads()


def test_a_head_moves_on_and_is_found_by_another_process(
    state: WitnessState, path: Path
) -> None:
    assert {} == state.heads()
    state.commit([Move(LOG.name, None, head(3))])
    assert {LOG.name: head(3)} == again(path)
    state.commit([Move(LOG.name, head(3), head(5))])
    assert {LOG.name: head(5)} == again(path) == state.heads()


MOVES = [
    ("a first head where there is one", Move(LOG.name, None, head(5))),
    ("from another size", Move(LOG.name, head(2), head(5))),
    ("from another root", Move(LOG.name, head(4, TWO), head(5))),
    ("of a log that has none", Move("no.example", head(4), head(5))),
]


@pytest.mark.parametrize("move", [it[1] for it in MOVES], ids=[it[0] for it in MOVES])
@pytest.mark.parametrize("is_last", [True, False])
def test_a_move_from_another_head_is_fatal_and_moves_nothing(
    state: WitnessState, path: Path, move: Move, is_last: bool
) -> None:
    state.commit([Move(LOG.name, None, head(4))])
    other = Move("z.example", None, head(4))
    with pytest.raises(FatalError, match="is not the known one"):
        state.commit([other, move] if is_last else [move, other])
    assert {LOG.name: head(4)} == again(path)
    # And the state is not left within a transaction.
    state.commit([Move(LOG.name, head(4), head(5))])
    assert {LOG.name: head(5)} == again(path)


def test_a_second_process_that_moved_a_head_is_noticed(
    state: WitnessState, path: Path
) -> None:
    state.commit([Move(LOG.name, None, head(4))])
    with closing(WitnessState(path)) as other:
        other.commit([Move(LOG.name, head(4), head(6))])
    with pytest.raises(FatalError):
        state.commit([Move(LOG.name, head(4), head(5))])
    assert {LOG.name: head(6)} == again(path)


def test_sizes_reach_the_largest(state: WitnessState, path: Path) -> None:
    size = 2**63 - 1
    log = replace(ONE.head(5), size=size)
    note = log.text + b"\n" + LOG.line(log)
    state.commit([Move(LOG.name, None, KnownHead(size, to_hash(log.root), note))])
    assert size == again(path)[LOG.name].size


def test_commits_are_synced(state: WitnessState) -> None:
    connection = state._connection
    assert ("wal",) == connection.execute("PRAGMA journal_mode").fetchone()
    assert (2,) == connection.execute("PRAGMA synchronous").fetchone()


def tampered(sql: str, *values: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(sql, values)

    return change


HARM = [
    tampered("UPDATE heads SET size = 3"),
    tampered("UPDATE heads SET size = '5x'"),
    tampered("UPDATE heads SET root = ?", bytes(32)),
    tampered("UPDATE heads SET root = 'text'"),
    tampered("UPDATE heads SET origin = 'other.example'"),
    tampered("UPDATE heads SET note = ?", TWO.note(5)),
    tampered("UPDATE heads SET note = 'text'"),
    tampered("UPDATE heads SET note = ?", b""),
    tampered("UPDATE heads SET note = ?", b"\xff"),
    tampered("DROP TABLE heads"),
]


@pytest.mark.parametrize("harm", HARM)
def test_a_head_that_is_not_what_its_note_says_is_refused(
    path: Path, harm: Callable[[Path], None]
) -> None:
    with closing(WitnessState(path)) as state:
        state.commit([Move(LOG.name, None, head(5))])
    harm(path)
    with pytest.raises(CorruptError):
        again(path)


def known(log: Actor, qpd: int = 9) -> KnownLog:
    return KnownLog(log.name, (log.key,), qpd)


def test_logs_are_remembered_and_the_first_word_stands(
    state: WitnessState, path: Path
) -> None:
    other = Actor(LOG.name, ED25519, "another key")
    state.add_logs([known(LOG), known(OTHER_LOG)])
    state.add_logs([known(other, 1), known(LOG, 2)])
    with closing(WitnessState(path)) as opened:
        found = {log.origin: log for log in opened.logs()}
    assert {LOG.name: known(LOG), OTHER_LOG.name: known(OTHER_LOG)} == found


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("vkey", "x"),
        ("vkey", OTHER_LOG.vkey.decode()[:-4] + base64.b64encode(bytes(3)).decode()),
        ("qpd", "many"),
    ],
)
def test_a_remembered_log_that_is_none_is_refused(
    path: Path, column: str, value: str
) -> None:
    with closing(WitnessState(path)) as state:
        state.add_logs([known(LOG)])
    tampered(f"UPDATE logs SET {column} = ?", value)(path)  # noqa: S608 - our own names
    with closing(WitnessState(path)) as state, pytest.raises(CorruptError):
        state.logs()
