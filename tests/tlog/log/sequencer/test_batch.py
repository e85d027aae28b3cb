"""Where each entry of a batch goes."""

import pytest

from tlog.entries.packed import Packed
from tlog.log.sequencer.batch import Placement, plan_batch
from tlogverify.hashing import leaf_hash

A, B, C, D = b"a", b"b", b"c", b"d"


def joined(requests: list[list[bytes]]) -> tuple[Packed, list[int]]:
    """Return the entries of all requests, and how many each has."""
    return Packed.join(map(Packed.of, requests)), [len(it) for it in requests]


TABLE = [
    pytest.param([[A]], {}, [A], [(5, 6, (5,))], id="one"),
    pytest.param(
        [[A, B], [C]], {}, [A, B, C], [(5, 7, (5, 6)), (7, 8, (7,))], id="two"
    ),
    pytest.param([[A, A]], {}, [A], [(5, 6, (5, 5))], id="twice-in-a-request"),
    pytest.param(
        [[A], [A]], {}, [A], [(5, 6, (5,)), (6, 6, (5,))], id="in-two-requests"
    ),
    pytest.param([[A]], {A: 2}, [], [(5, 5, (2,))], id="known"),
    pytest.param([[A, B, C]], {B: 0}, [A, C], [(5, 7, (5, 0, 6))], id="known-within"),
    pytest.param(
        [[A, B], [B, C, A], [D]],
        {C: 4},
        [A, B, D],
        [(5, 7, (5, 6)), (7, 7, (6, 4, 5)), (7, 8, (7,))],
        id="all-at-once",
    ),
    pytest.param([], {}, [], [], id="nothing"),
]


@pytest.mark.parametrize(("requests", "known", "added", "places"), TABLE)
def test_each_entry_has_one_place(
    requests: list[list[bytes]],
    known: dict[bytes, int],
    added: list[bytes],
    places: list[tuple[int, int, tuple[int, ...]]],
) -> None:
    hashes = [leaf_hash(it) for request in requests for it in request]
    indexes: dict[bytes, int] = {leaf_hash(it): index for it, index in known.items()}
    batch = plan_batch(*joined(requests), hashes, dict(indexes), 5)
    assert added == [*batch.entries]
    assert [leaf_hash(it) for it in added] == [*batch.leaf_hashes]
    assert [
        Placement(placed, tuple(leaf_hash(it) for it in request), start, end)
        for request, (start, end, placed) in zip(requests, places, strict=True)
    ] == batch.placements


def test_what_is_known_is_not_changed() -> None:
    known: dict[bytes, int] = {leaf_hash(B): 1}
    plan_batch(*joined([[A, B]]), [leaf_hash(A), leaf_hash(B)], known, 5)
    assert {leaf_hash(B): 1} == known
