"""A test of many cases is given each of them, and a failure names its own."""

import asyncio
from inspect import signature
from typing import Any

import pytest

from tests.support.cases import in_one_test


def test_each_case_is_given_once_beside_the_fixtures() -> None:
    seen: list[object] = []

    @in_one_test("size", range(2))
    @in_one_test(("name", "value"), [("a", 1), pytest.param("b", 2, id="second")])
    def test(tmp_path: str, size: int, name: str, value: int) -> None:
        seen.append((tmp_path, size, name, value))

    assert ["tmp_path"] == list(signature(test).parameters)
    test(tmp_path="p")
    rest = [("a", 1), ("b", 2)]
    assert [("p", size, *it) for size in range(2) for it in rest] == seen


def test_a_coroutine_is_awaited_with_each_case() -> None:
    seen: list[int] = []

    @in_one_test("number", [1, 2])
    async def test(number: int) -> None:
        await asyncio.sleep(0)
        seen.append(number)

    asyncio.run(test())
    assert [1, 2] == seen


@pytest.mark.parametrize(
    ("row", "ids", "told"),
    [
        (7, None, "number=7"),
        (pytest.param(7, id="seven"), None, "seven"),
        (7, ["lucky"], "lucky"),
    ],
)
def test_a_failure_names_its_case(row: object, ids: Any, told: str) -> None:
    @in_one_test("number", [row], ids)
    def test(number: int) -> None:
        assert 8 == number

    with pytest.raises(AssertionError) as caught:
        test()
    assert [told] == caught.value.__notes__


def test_no_case_is_lost_by_a_mark_or_an_empty_table() -> None:
    with pytest.raises(AssertionError, match="no marks"):
        in_one_test("it", [pytest.param(1, marks=pytest.mark.skip)])
    with pytest.raises(AssertionError, match="proves nothing"):
        in_one_test("it", [])
