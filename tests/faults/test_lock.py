"""One process holds a folder; the second is told, whatever it is."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.opened import entries, running, stepping, submit
from tests.system.server import environment
from tlog.errors import RejectedError
from tlog.log.storage.folder import LogFolder

_TAKE = (
    "import sys; from pathlib import Path\n"
    "from tlog.log.storage.folder import LogFolder\n"
    "from tlog.errors import RejectedError\n"
    "try: folder = LogFolder(Path(sys.argv[1]))\n"
    "except RejectedError as error: print(error)\n"
    "else: print('taken')\n"
)


def _take_elsewhere(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _TAKE, str(folder)],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    return done.stdout.strip()


def test_a_second_process_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    with running(tmp_path) as log:
        submit(log, entries(0, 3))
        told = f"another process holds {tmp_path}; stop it first"
        assert told == _take_elsewhere(tmp_path)
        assert 3 == submit(log, entries(0, 4)).start
    assert "taken" == _take_elsewhere(tmp_path)


def test_a_second_log_in_one_process_is_refused(tmp_path: Path) -> None:
    with (
        stepping(tmp_path),
        pytest.raises(RejectedError, match="another process"),
        stepping(tmp_path),
    ):
        pass
    with stepping(tmp_path) as log:
        assert 0 == log.heads.signed.size


def test_any_thread_can_let_go_of_a_folder(tmp_path: Path) -> None:
    # `serve` closes its log on another thread than it opened it on.
    folder = LogFolder(tmp_path)
    with ThreadPoolExecutor(1) as closer:
        closer.submit(folder.close).result()
    try:
        assert "taken" == _take_elsewhere(tmp_path)
    finally:
        folder.close()


def test_any_thread_sees_that_a_folder_is_held(tmp_path: Path) -> None:
    with LogFolder(tmp_path) as folder, ThreadPoolExecutor(1) as asker:
        assert asker.submit(lambda: folder.is_locked).result()
