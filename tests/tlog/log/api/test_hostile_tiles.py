"""Paths that are no tile's: each resource has one path, and nothing lies beside it."""

import pytest

from tests.support.cases import in_one_test
from tests.support.filled import Filled
from tests.support.http import ask
from tests.support.refused import require_refused

pytestmark = pytest.mark.asyncio(loop_scope="module")
BOTH_WAYS = True
AT_FRONT = True

NO_PATH = [
    *("0", "0/", "0/0", "0/00", "0/0000", "0/000/", "0//000", "/0/000", "0/000//"),
    *(
        "0/x000/000",
        "0/x000/001",
        "0/x000/x000/001",
        "0/001/000",
        "0/x001",
        "0/X001/000",
    ),
    *("0/-01", "0/+01", "0/%30%30%30", "0%2f000", "0/000%2ep/1", "0/000%00"),
    *("00/000", "01/000", "-1/000", "+0/000", "64/000", "99/000", "100/000", "a/000"),
    *(
        "ENTRIES/000",
        "entries",
        "entries/",
        "entries/x000/000",
        "entries/0",
        "data/000",
    ),
    *("0/000.p", "0/000.p/", "0/000.p/0", "0/000.p/00", "0/000.p/01", "0/000.p/256"),
    *("0/000.p/257", "0/000.p/1000", "0/000.p/-1", "0/000.p/1/", "0/000.p/1/2"),
    *("0/000.P/1", "0/000.p1", "0/000p/1", "0/.p/1", "entries/000.p/0"),
    *("../checkpoint", "./0/000", "0/../0/000", "0/./000", "..%2fcheckpoint", ".."),
    *("../../keys/log.ed25519", "%2e%2e/checkpoint", "0/000;x", "0/000%0a", "%", "%zz"),
    *("0/x999/x999/x999/x999/x999/x999/999", "0/" + "x001/" * 7 + "000"),
    *("0/" + "x001/" * 500 + "000", "0/%D9%A0%D9%A0%D9%A0", "0/\\000"),
]

NOT_HERE = [
    *("0/001", "0/002", "0/001.p/45", "0/001.p/255", "0/x001/000", "0/002.p/1"),
    *("1/000", "1/000.p/2", "1/001.p/1", "2/000.p/1", "7/000.p/1", "8/000.p/1"),
    *("63/000", "63/000.p/1", "entries/001", "entries/001.p/45", "entries/002.p/1"),
    "0/x009/x223/x372/x036/x854/x775/807",
]


@in_one_test("path", NO_PATH)
async def test_another_spelling_is_not_found(filled: Filled, path: str) -> None:
    answer = await ask(filled.url, f"/tile/{path}")
    require_refused(answer, 404, "not-found", "", f"/tile/{path}")


@in_one_test("path", NOT_HERE)
async def test_a_tile_that_the_tree_has_not_is_not_found(
    filled: Filled, path: str
) -> None:
    answer = await ask(filled.url, f"/tile/{path}")
    rule = f"no tile/{path} in a log of 300 entries"
    require_refused(answer, 404, "not-found", rule, f"/tile/{path}")
