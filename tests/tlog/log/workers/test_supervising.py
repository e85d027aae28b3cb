"""The parent of a log's processes, with children that do nothing but end.

One process runs all stories, since a parent must have no thread when it forks.
"""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.system.server import environment

PROGRAM = '''
import fcntl, json, os, signal, sys
from tlog.log.workers.supervising import Supervisor
from tlog.log_lines import configure_logs

configure_logs("json", "info")
told = os.memfd_create("told")
# Two that write at once share a place in it otherwise, and one overwrites the other.
fcntl.fcntl(told, fcntl.F_SETFL, os.O_APPEND)


def tell(what):
    os.write(told, f"{what}\\n".encode())


def wait(control):
    """Wait until the parent says so."""
    signal.signal(signal.SIGTERM, lambda *_: (tell("drained"), os._exit(0)))
    control.sendall(b"ready\\n")
    control.recv(1)


class Roles:
    leader = front = lambda self, *_: 0

    def lead(self, control):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        tell("leader")
        return self.leader(control)

    def announce(self, said):
        tell("announced " + said.decode().strip())


class Stopped(Roles):
    """All are ready; then the parent is told to end."""

    def leader(self, control):
        control.sendall(b"here\\n")
        control.recv(1)
        tell("leader ends")
        return 0

    def front(self, nth, said, control):
        wait(control)

    def announce(self, said):
        super().announce(said)
        os.kill(os.getpid(), signal.SIGTERM)


class Failed(Stopped):
    """The one that writes stops by itself, once all are ready."""

    def leader(self, control):
        control.sendall(b"here\\n")
        while b"announced" not in os.pread(told, 4096, 0):
            pass
        return 3

    announce = Roles.announce


class Killed(Failed):
    """The same, by a signal."""

    def leader(self, control):
        super().leader(control)
        signal.signal(signal.SIGABRT, signal.SIG_DFL)
        os.abort()


class Unready(Roles):
    """The one that writes cannot open the log."""

    def leader(self, control):
        return 2


class Unbound(Stopped):
    """A front end cannot listen."""

    def front(self, nth, said, control):
        if nth == 2:
            return 2
        wait(control)


class Falling(Stopped):
    """The second front end ends as soon as it is ready, four times."""

    def front(self, nth, said, control):
        if nth == 2:
            tell("begun")
            if os.pread(told, 4096, 0).count(b"begun") < 5:
                control.sendall(b"ready\\n")
                return 7
            os.kill(os.getppid(), signal.SIGINT)
        wait(control)

    announce = Roles.announce


class Early(Stopped):
    """The second front end is told to end before it is one: as it is forked."""


forks = 0


def count():
    global forks
    forks += 1


def end_early():
    if story is Early and forks == 3:
        os.kill(os.getpid(), signal.SIGTERM)


os.register_at_fork(before=count, after_in_child=end_early)
stories = [Stopped, Failed, Killed, Unready, Unbound, Falling, Early]
for story in stories:
    os.ftruncate(told, 0)
    forks = 0
    status = Supervisor(story(), 2).run()
    said = os.pread(told, 4096, 0).decode().split("\\n")[:-1]
    print(json.dumps([story.__name__, status, said]))
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        continue
    sys.exit("a child is left")
'''


@pytest.fixture(scope="module")
def stories() -> dict[str, tuple[int, list[str]]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert 0 == done.returncode, done.stderr
    rows: list[Any] = [json.loads(it) for it in done.stdout.splitlines()]
    return {name: (status, told) for name, status, told in rows}


def test_front_ends_end_before_the_one_that_writes(
    stories: dict[str, tuple[int, list[str]]],
) -> None:
    status, told = stories["Stopped"]
    assert 0 == status
    assert ["leader", "announced here", "drained", "drained", "leader ends"] == told


def test_the_end_of_the_one_that_writes_is_that_of_all(
    stories: dict[str, tuple[int, list[str]]],
) -> None:
    expected = ["leader", "announced here", "drained", "drained"]
    assert (3, expected) == stories["Failed"]
    assert (-6, expected) == stories["Killed"]


def test_a_log_that_cannot_be_opened_has_no_front_end(
    stories: dict[str, tuple[int, list[str]]],
) -> None:
    assert (2, ["leader"]) == stories["Unready"]


def test_a_front_end_that_cannot_begin_ends_all(
    stories: dict[str, tuple[int, list[str]]],
) -> None:
    status, told = stories["Unbound"]
    assert 2 == status
    assert "announced here" not in told
    assert "leader ends" == told[-1]


def test_a_front_end_that_ends_again_and_again_is_started_again(
    stories: dict[str, tuple[int, list[str]]],
) -> None:
    status, told = stories["Falling"]
    assert 0 == status
    assert 5 == told.count("begun")
    assert "leader ends" == told[-1]


def test_a_child_that_was_just_forked_can_be_ended(
    stories: dict[str, tuple[int, list[str]]],
) -> None:
    status, told = stories["Early"]
    # It has never answered: that ends all, as for any other that cannot begin.
    assert 3 == status
    assert "announced here" not in told
    assert "leader ends" == told[-1]
