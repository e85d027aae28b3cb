"""What holds for every test.

No example of a property has a deadline: Hypothesis fails an example that takes more
than 200 ms, and a test whose examples are drawn slowly.  A busy machine does both,
and a slow machine is not a fault.

A command that runs in this process sends log lines to the standard error of its test,
which is closed when the test ends: the next test begins with none configured.
"""

from collections.abc import Iterator

import pytest
import structlog
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
