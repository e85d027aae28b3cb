"""Many cases in one test: a failure names the one it happened in."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def case(name: str) -> Iterator[None]:
    """Add `name` to whatever is raised inside, as a note that pytest prints."""
    try:
        yield
    except BaseException as error:
        # What `pytest.raises` raises in vain is no Exception.
        error.add_note(name)
        raise
