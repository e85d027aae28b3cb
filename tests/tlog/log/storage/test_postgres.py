"""Which database is trusted, and what its answers mean: with a real one.

Rules 1, 4 and 5 of `docs/decisions/0031-*`.
"""

import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from tests.support.pooler import pooled
from tests.support.postgres import Postgres
from tests.support.severed import severed
from tests.tlog.log.storage.adapters import judge
from tlog.clock import SystemClock
from tlog.errors import FatalError, MachineError, RejectedError
from tlog.log.storage.journal import SignedHead, StoredBatch
from tlog.log.storage.journal_postgres import PostgresJournal
from tlog.log.storage.postgres import Database
from tlog.log.storage.settings import SharedSettings
from tlog.log.storage.tenure_term import TermTenure
from tlogverify.errors import FormatError

EMPTY, FIRST = SignedHead(0, b"empty"), SignedHead(3, b"first")
ONE = StoredBatch(0, 3, b"abc")


@contextmanager
def configured(server: Postgres, **settings: str) -> Iterator[None]:
    """Let the server have other settings while the body runs."""
    for name, value in settings.items():
        server.run(f"ALTER SYSTEM SET {name} = '{value}'")
    _reload(server, settings)
    try:
        yield
    finally:
        before = {name: server.run(f"SHOW {name}")[0][0] for name in settings}
        for name in settings:
            server.run(f"ALTER SYSTEM RESET {name}")
        server.run("SELECT pg_reload_conf()")
        while before == {name: server.run(f"SHOW {name}")[0][0] for name in settings}:
            pass


def _reload(server: Postgres, wanted: dict[str, str]) -> None:
    server.run("SELECT pg_reload_conf()")
    for name, value in wanted.items():
        while server.run(f"SHOW {name}") != [(value,)]:
            pass


@contextmanager
def standby(server: Postgres, folder: Path) -> Iterator[None]:
    """Let somebody receive the server's write-ahead log, as a standby does."""
    program = server.programs / "pg_receivewal"
    if not program.exists():
        pytest.skip("needs pg_receivewal, which Debian's postgresql-client brings")
    folder.mkdir()
    receiving = subprocess.Popen(
        [program, "-D", folder, "-d", server.url, "--synchronous", "--no-loop"],
        stderr=subprocess.DEVNULL,
    )
    try:
        while server.run("SELECT count(*) FROM pg_stat_replication") == [(0,)]:
            assert receiving.poll() is None
        yield
    finally:
        receiving.terminate()
        receiving.wait()
        while server.run("SELECT count(*) FROM pg_stat_replication") != [(0,)]:
            pass


def look(url: str, *, by_storage: bool = False) -> None:
    database = Database(url)
    try:
        database.require_durable(by_storage=by_storage)
    finally:
        database.close()


def test_a_database_as_it_comes_is_taken(database: Postgres) -> None:
    look(database.url)


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_a_database_that_loses_commits_is_refused(
    database: Postgres, name: str
) -> None:
    with (
        configured(database, **{name: "off"}),
        pytest.raises(RejectedError, match=f"{name} = off"),
    ):
        look(database.url, by_storage=True)
    look(database.url)


def test_a_standby_that_is_not_synchronous_is_refused(
    database: Postgres, tmp_path: Path
) -> None:
    with standby(database, tmp_path / "wal"):
        with pytest.raises(RejectedError, match=r"no standby .* is synchronous"):
            look(database.url)
        look(database.url, by_storage=True)
        with configured(database, synchronous_standby_names="pg_receivewal"):
            state = "SELECT sync_state FROM pg_stat_replication"
            while database.run(state) != [("sync",)]:
                pass
            look(database.url)


def test_standbys_that_may_not_be_looked_at_are_refused(
    database: Postgres, tmp_path: Path
) -> None:
    database.run("CREATE ROLE weak LOGIN")
    weak = database.url.replace("tlog@", "weak@")
    look(weak)
    with (
        standby(database, tmp_path / "wal"),
        pytest.raises(RejectedError, match="GRANT pg_monitor"),
    ):
        look(weak)


def opened(server: Postgres, origin: str) -> tuple[TermTenure, PostgresJournal]:
    """Begin a term and a journal with an empty head."""
    tenure = TermTenure(Database(server.url), origin, 60, SystemClock(), judge)
    database = Database(server.url)
    database.make_tables()
    tenure.take(lambda: None)
    journal = PostgresJournal(database, origin, lambda: tenure.term)
    journal.commit(None, EMPTY, None, 0)
    return tenure, journal


def cancel_who_waits(server: Postgres, future: Future[None]) -> None:
    """Cancel the statement that waits for a standby which never comes."""
    cancel = (
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
        " WHERE wait_event = 'SyncRep'"
    )
    while not server.run(cancel):
        assert not future.done(), future.exception()


@pytest.mark.parametrize("role_setting", ["", "synchronous_commit", "client_min"])
def test_a_commit_that_no_standby_has_confirmed_is_unknown(
    database: Postgres, tmp_path: Path, role_setting: str
) -> None:
    """PostgreSQL answers it as a success, with a warning: also if a role hides that."""
    hiding = {
        "synchronous_commit": "ALTER ROLE tlog SET synchronous_commit = local",
        "client_min": "ALTER ROLE tlog SET client_min_messages = error",
    }
    if role_setting:
        database.run(hiding[role_setting])
    tenure, journal = opened(database, str(tmp_path))
    try:
        with (
            configured(database, synchronous_standby_names="nobody"),
            ThreadPoolExecutor(1) as other,
        ):
            committing = other.submit(journal.commit, EMPTY, FIRST, ONE, 0)
            cancel_who_waits(database, committing)
            with pytest.raises(FatalError, match="canceling wait for synchronous"):
                committing.result()
            # The next one is not tried: who knows what it would stand on?
            with pytest.raises(FatalError, match="canceling wait"):
                journal.commit(EMPTY, FIRST, ONE, 0)
    finally:
        database.run("ALTER ROLE tlog RESET ALL")
        journal.close()
        tenure.release()


def test_a_term_that_no_standby_has_confirmed_does_not_begin(
    database: Postgres, tmp_path: Path
) -> None:
    tenure, journal = opened(database, str(tmp_path))
    tenure.release()
    journal.close()
    late = TermTenure(Database(database.url), str(tmp_path), 60, SystemClock(), judge)
    with (
        configured(database, synchronous_standby_names="nobody"),
        ThreadPoolExecutor(1) as other,
    ):
        taking = other.submit(late.take, lambda: None)
        cancel_who_waits(database, taking)
        with pytest.raises(FatalError, match="canceling wait for synchronous"):
            taking.result()
    assert 0 == late.term
    late.release()


def test_no_error_shows_the_password(database: Postgres) -> None:
    url = database.url.replace("tlog@", "tlog:a-secret@").replace("127.0.0.1", "[::1]")
    with pytest.raises(MachineError) as refused:
        Database(url).read("SELECT 1", {})
    assert "a-secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["postgres:/u:a-secret@h/x", "postgresql://u:a-secret@[h/x"]
)
def test_a_url_that_cannot_be_read_is_not_shown(url: str) -> None:
    for use in (Database(url).read, Database(url).change):
        with pytest.raises(RejectedError) as refused:
            use("SELECT 1", {})
        assert "a-secret" not in str(refused.value)
    with pytest.raises(FormatError) as wrong:
        SharedSettings(database=url, objects="s3://bucket/logs")
    assert "a-secret" not in str(wrong.value)


def test_a_database_is_judged_again_before_a_node_takes_over(
    database: Postgres, tmp_path: Path
) -> None:
    """The one that waited may be asked at another server by then, after a failover."""
    tenure, journal = opened(database, str(tmp_path / "log"))
    late = TermTenure(
        Database(database.url), str(tmp_path / "log"), 60, SystemClock(), judge
    )
    waited = Event()
    with ThreadPoolExecutor(1) as other:
        taking = other.submit(late.take, waited.set)
        assert waited.wait(240)
        with standby(database, tmp_path / "wal"):
            tenure.release()
            with pytest.raises(RejectedError, match="is synchronous"):
                taking.result(240)
    assert 0 == late.term
    late.release()
    journal.close()


def test_statements_are_prepared_unless_a_pooler_gives_them_away(
    database: Postgres,
) -> None:
    """More often than the five times after which the library prepares a statement."""
    prepared = "SELECT count(*) FROM pg_prepared_statements"
    direct = Database(database.url)
    told = [direct.read(prepared, {}) for _ in range(8)]
    assert [(0,)] == told[0]
    assert [(1,)] == told[-1]
    direct.close()
    # Both clients get the one connection, in turn, and would use the same names.
    with pooled(database, "transaction", 1) as url:
        clients = [Database(url), Database(url)]
        for turn in range(8):
            for number, client in enumerate(clients):
                values = {"turn": turn}
                sql = f"SELECT %(turn)s::bigint + {number}"
                assert [(turn + number,)] == client.read(sql, values)
                assert turn + number == client.change(sql, values)[0]
        assert [(0,)] == clients[0].read(prepared, {})
        for client in clients:
            client.close()


def test_a_query_is_asked_again_after_the_server_has_cut_the_connection(
    database: Postgres,
) -> None:
    """Else each node ends once the server was restarted, though it lost nothing."""
    kept = Database(database.url)
    ((process,),) = kept.read("SELECT pg_backend_pid()", {})
    database.run("SELECT pg_terminate_backend(%s, 60000)", process)
    ((other,),) = kept.read("SELECT pg_backend_pid()", {})
    assert process != other
    # What changes something is not repeated: nobody knows whether it was done.
    database.run("SELECT pg_terminate_backend(%s, 60000)", other)
    with pytest.raises(FatalError):
        kept.change("SELECT 1", {})
    kept.close()


def test_a_database_that_is_gone_is_not_asked_for_ever(database: Postgres) -> None:
    with severed(database.port) as way:
        asked = Database(database.url.replace(str(database.port), str(way.port)))
        assert [(1,)] == asked.read("SELECT 1", {})
        way.severs = "all"
        way.cut()
        for _ in range(2):
            with pytest.raises(MachineError):
                asked.read("SELECT 1", {})
        way.severs = ""
        assert [(1,)] == asked.read("SELECT 1", {})
        asked.close()
