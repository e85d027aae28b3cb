"""Which backend hashes: by machine, by environment, and after a failed self-test."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.opened import let_go, settings
from tests.tlog.hashing.backends import HERE, NATIVE, backend_of, each_backend
from tlog import hashing
from tlog.cli import main
from tlog.errors import RejectedError
from tlog.hashing.backend import Backend
from tlog.hashing.built import make_nothing
from tlog.hashing.choice import NAMES, Choice, available, choose
from tlog.hashing.plain import PlainBackend
from tlog.hashing.selftest import KNOWN_ANSWER, answer, is_right
from tlog.log.api.routes import build_app
from tlog.log.opening import open_log
from tlogverify.hashing import EMPTY_ROOT


class Flipped(PlainBackend):
    """A kernel that computes one bit wrong."""

    name = "avx2"

    def hash_pairs(self, nodes: object) -> bytes:  # type: ignore[explicit-override]  # typing: from 3.12
        right = super().hash_pairs(nodes)  # type: ignore[arg-type]  # passed through
        return bytes([right[0] ^ 1]) + right[1:] if right else right


def make_flipped(name: str, threads: int) -> Backend:
    if name != "avx2":
        raise LookupError(f"{name}, {threads}")
    return Flipped()


def make_here(name: str, threads: int) -> Backend:
    """Make what this machine has, whatever kernels there are."""
    if name not in HERE:
        raise LookupError(name)
    return backend_of(name, threads)


@each_backend
def test_the_known_answer_is_hashlibs_and_every_kernels(name: str) -> None:
    assert KNOWN_ANSWER == answer(backend_of(name))
    assert is_right(backend_of(name))


def test_the_fastest_backend_is_chosen() -> None:
    assert HERE[0] == choose({}, make_here).backend.name
    assert [it for it in NAMES if it in HERE] == available()
    assert "hashlib" == HERE[-1]


@each_backend
def test_a_backend_can_be_forced(name: str) -> None:
    chosen = choose({"TLOG_HASH_BACKEND": name})
    assert name == chosen.backend.name
    assert chosen.fault is None


def test_without_kernels_hashlib_hashes() -> None:
    assert "hashlib" == choose({}, make_nothing).backend.name
    assert ["hashlib"] == available(make_nothing)


def test_a_kernel_that_fails_its_self_test_is_replaced() -> None:
    chosen = choose({}, make_flipped)
    assert ("hashlib", "avx2") == (chosen.backend.name, chosen.fault)
    assert not is_right(Flipped())


@pytest.mark.parametrize("name", ["", "AVX2", "sha256", "avx2 "])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    refused = choose({"TLOG_HASH_BACKEND": name}).backend
    with pytest.raises(RejectedError, match="TLOG_HASH_BACKEND is one of avx512, "):
        refused.hash_pairs(b"")


def test_a_backend_that_the_machine_lacks_is_refused_at_every_use() -> None:
    refused = choose({"TLOG_HASH_BACKEND": "shani"}, make_flipped).backend
    uses: list[Callable[[], object]] = [
        lambda: refused.name,
        lambda: refused.threads,
        lambda: refused.hash_leaves([]),
        lambda: refused.bundle_leaf_hashes(b"", 0),
        lambda: refused.hash_pair(EMPTY_ROOT, EMPTY_ROOT),
        lambda: refused.hash_pairs(b""),
        lambda: refused.subtree_roots(b""),
        lambda: refused.tile_levels(b""),
        lambda: refused.growth_levels(0, b"", bytes(32)),
        lambda: refused.root(b""),
    ]
    for use in uses:
        with pytest.raises(RejectedError, match="build have avx2, hashlib"):
            use()


@pytest.mark.parametrize("threads", ["1", "2", "64"])
def test_threads_are_a_setting(threads: str) -> None:
    environment = {"TLOG_HASH_THREADS": threads}
    chosen = choose(environment, make_here).backend
    assert (int(threads) if NATIVE else 1) == chosen.threads


@pytest.mark.parametrize("threads", ["0", "65", "-1", "01", "", "two", "1.0", "100"])
def test_other_numbers_of_threads_are_refused(threads: str) -> None:
    refused = choose({"TLOG_HASH_THREADS": threads}).backend
    with pytest.raises(RejectedError, match="TLOG_HASH_THREADS is from 1 to 64"):
        refused.root(b"")


def test_where_the_affinity_is_unknown_all_cores_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    for cores, threads in ((None, 1), (1, 1), (2, 2), (8, 2)):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        chosen = choose({}, make_here).backend
        assert (threads if NATIVE else 1) == chosen.threads


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with an environment of its own."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_was_not_built_is_not_missed() -> None:
    done = run(
        "import sys; sys.modules['tlog.hashing._native'] = None\n"
        "from tlog import hashing; print(hashing.backend(), hashing.threads())"
    )
    assert ("hashlib 1\n", "") == (done.stdout, done.stderr)


def test_a_command_says_in_one_line_what_the_machine_lacks() -> None:
    lacking = next(name for name in NAMES if name not in HERE)
    done = run(
        "import sys; from tlog.cli import main; sys.exit(main(['--version']))",
        TLOG_HASH_BACKEND=lacking,
    )
    assert (2, "") == (done.returncode, done.stdout)
    assert f"TLOG_HASH_BACKEND={lacking} is not to be had here" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_log_is_not_started_with_a_backend_that_the_machine_lacks(
    tmp_path: Path,
) -> None:
    lacking = next(name for name in NAMES if name not in HERE)
    done = run(
        "import sys; from tlog.cli import main; sys.exit(main("
        f"['serve', '--data', {str(tmp_path / 'log')!r}, '--origin', 'a.example']))",
        TLOG_HASH_BACKEND=lacking,
    )
    assert 2 == done.returncode
    assert f"TLOG_HASH_BACKEND={lacking} is not to be had here" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failed_self_test_stands_in_metrics_log_and_on_the_terminal(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(hashing, "_choice", Choice(PlainBackend(), fault="avx2"))
    log = open_log(settings(tmp_path / "log"))
    build_app(log)
    rendered = log.metrics.render()
    let_go(log)
    assert b'tlog_hash_backend_faults_total{backend="avx2"} 1.0' in rendered
    assert b'hash_backend="hashlib"' in rendered
    assert "hash backend failed its self-test" in "".join(capsys.readouterr())
    assert 2 == main(["fsck", str(tmp_path / "none")])
    assert "the avx2 kernel fails its self-test" in capsys.readouterr().err


@pytest.mark.skipif(
    shutil.which("cc") is None
    or not Path(sysconfig.get_path("include"), "Python.h").exists(),
    reason="no C compiler, or no headers of Python: then hashlib hashes",
)
def test_where_there_is_a_compiler_the_kernels_are_built() -> None:
    assert "portable" in HERE
