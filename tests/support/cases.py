"""Many cases in one test: a failure names the one it happened in."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from inspect import iscoroutinefunction, signature
from typing import Any, TypeAlias

import pytest

Test: TypeAlias = Callable[..., Any]
Ids: TypeAlias = Iterable[str] | Callable[[Any], object] | None


@contextmanager
def case(name: str) -> Iterator[None]:
    """Add `name` to whatever is raised inside, as a note that pytest prints."""
    try:
        yield
    except BaseException as error:
        # What `pytest.raises` raises in vain is no Exception.
        error.add_note(name)
        raise


def in_one_test(
    names: str | Sequence[str], cases: Iterable[Any], ids: Ids = None
) -> Callable[[Test], Test]:
    """Give a test all cases one after the other: `parametrize` makes a test of each.

    A test costs more than most cases do.  The cases share its fixtures, so each must
    leave them as it found them.  A failure names the case that it happened in.
    """
    given = [it.strip() for it in names.split(",")] if isinstance(names, str) else names
    table = [_Case(given, it) for it in cases]
    assert table, "a test without a case proves nothing"
    if ids is not None and not callable(ids):
        for it, name in zip(table, ids, strict=True):
            it.name = name

    def decorate(test: Test) -> Test:
        @wraps(test)
        async def run_async(**fixtures: Any) -> None:
            for it in table:
                with it.named():
                    await test(**fixtures, **it.values)

        @wraps(test)
        def run(**fixtures: Any) -> None:
            for it in table:
                with it.named():
                    test(**fixtures, **it.values)

        made: Test = run_async if iscoroutinefunction(test) else run
        whole = signature(test)
        wanted = [it for name, it in whole.parameters.items() if name not in given]
        # Pytest reads here which fixtures are wanted.
        vars(made)["__signature__"] = whole.replace(parameters=wanted)
        return made

    return decorate


class _Case:
    """One row of a table: its values by name."""

    def __init__(self, names: Sequence[str], row: Any) -> None:
        self.name: str | None = None
        if isinstance(row, type(pytest.param())):
            assert not row.marks, "a case in a test bears no marks"
            self.name = None if row.id is None else str(row.id)
            row = row.values
        elif len(names) == 1:
            row = (row,)
        self.values: dict[str, Any] = dict(zip(names, row, strict=True))

    @contextmanager
    def named(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            # The text of a large value takes long: none is made of a case that passes.
            values = ", ".join(
                f"{name}={repr(it)[:200]}" for name, it in self.values.items()
            )
            error.add_note(self.name or values)
            raise
