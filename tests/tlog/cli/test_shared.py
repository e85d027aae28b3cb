"""A log that nodes share needs an extra, and no other command loads it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.server import environment

# Runs the command as on a machine where one library of the extra is not installed.
LACKING = """
import sys
sys.modules[sys.argv.pop(1)] = None
from tlog.cli import main
sys.exit(main(sys.argv[1:]))
"""


SHARED = ("--database", "postgresql://db.example/log", "--objects", "s3://b/logs")
NODES, BUCKET = "a log that nodes share", "a store of documents in a bucket"


@pytest.mark.parametrize(
    ("library", "flags", "what"),
    [
        ("psycopg", SHARED, NODES),
        ("obstore", SHARED, NODES),
        ("obstore", ("--documents", "s3://b/logs"), BUCKET),
    ],
)
def test_a_missing_extra_is_told_in_one_line_before_anything_is_made(
    tmp_path: Path, library: str, flags: tuple[str, ...], what: str
) -> None:
    folder = tmp_path / "node"
    done = subprocess.run(
        [sys.executable, "-c", LACKING, library, "serve", f"--data={folder}", *flags],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    expected = f"tlog serve: {what} needs an extra: pip install 'tlog-server[shared]'\n"
    assert (2, "", expected) == (done.returncode, done.stdout, done.stderr)
    assert not folder.exists()


# What only a log with front ends needs.
FRONTS = {
    *("tlog.cli.workers", "tlog.log.front", "tlog.log.leader", "tlog.log.workers"),
    *("tlog.log.api.fronts", "tlog.log.api.passing", "tlog.log.nodes"),
    "tlog.log.admission.shared_rates",
}


def test_a_log_in_a_folder_loads_nothing_of_the_extra_or_of_front_ends() -> None:
    program = "import sys, tlog.cli.serve; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    assert {"tlog.log.opening"} <= set(done.stdout.split())
    loaded = set(done.stdout.split())
    assert set() == loaded & {"psycopg", "obstore", "tlog.log.shared", *FRONTS}
