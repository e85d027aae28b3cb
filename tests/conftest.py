"""What holds for every test.

No example of a property has a deadline: Hypothesis fails an example that takes more
than 200 ms, and a test whose examples are drawn slowly.  A busy machine does both, and
a slow machine is not a fault.

A command that runs in this process sends log lines to the standard error of its test,
which is closed when the test ends: the next test begins with none configured.

Where coverage is measured, it looks away while a test tries every small case, which
takes three times as long under its tracer.  Other tests reach the same branches.
"""

from collections.abc import Generator, Iterator

import pytest
import structlog
from coverage import Coverage
from hypothesis import HealthCheck, settings

settings.register_profile(
    "unhurried",
    parent=settings(),
    deadline=None,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.too_slow],
)
settings.load_profile("unhurried")


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
        measuring.start()
