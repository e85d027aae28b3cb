"""What holds for every test.

No example of a property has a deadline: Hypothesis fails an example that takes more
than 200 ms, and a test whose examples are drawn slowly.  A busy machine does both, and
a slow machine is not a fault.

A command that runs in this process sends log lines to the standard error of its test,
which is closed when the test ends: the next test begins with none configured.

Temporary folders lie in memory where the machine has room for them: no test cuts the
power, so nothing is seen of a disk but the waiting.  TMPDIR names another place.

A shell that starts a suite in the background makes it ignore Ctrl-C, and whatever is
started inherits that: tests that interrupt a command would wait for ever.

Every worker collects all tests, which makes objects that live to the end: the garbage
collector looks at none of them, then or later.

Where coverage is measured, it looks away while a test tries every small case, which
takes three times as long under its tracer.  Other tests reach the same branches.
"""

import gc
import os
import signal
import tempfile
import warnings
from collections.abc import Generator, Iterator

import pytest
import structlog
from coverage import Coverage
from coverage.exceptions import CoverageWarning
from hypothesis import HealthCheck, settings

_MEMORY = "/dev/shm"  # noqa: S108 - pytest makes a folder of its own there
_ROOM = 2 << 30
"""Bytes that must be free there, several times what a run takes at once."""

settings.register_profile(
    "unhurried",
    parent=settings(),
    deadline=None,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.too_slow],
)
settings.load_profile("unhurried")


def pytest_configure() -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "TMPDIR" in os.environ or not os.path.isdir(_MEMORY):
        return
    found = os.statvfs(_MEMORY)
    # Tests run programs that they have made.
    is_executable = not found.f_flag & os.ST_NOEXEC
    if is_executable and found.f_bavail * found.f_frsize >= _ROOM:
        os.environ["TMPDIR"] = _MEMORY
        tempfile.tempdir = None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def log_lines_end_with_their_test() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(
    pyfuncitem: pytest.Function,
) -> Generator[None, object, object]:
    measuring = Coverage.current()
    if measuring is None or pyfuncitem.get_closest_marker("exhaustive") is None:
        return (yield)
    measuring.stop()
    try:
        return (yield)
    finally:
        # It warns of what was imported before it starts: it did see that, before.
        with warnings.catch_warnings(category=CoverageWarning, action="ignore"):
            measuring.start()
