"""Where the entries of a request are, as an answer says it."""

import json

from tests.oracle import rfc6962
from tests.support.cases import case
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.merkle.tree import EMPTY_TREE
from tlog.log.sequencer.places import encode_places
from tlog.log.sequencer.pool import Receipt

HASHES = tuple(rfc6962.leaf_hashes(4))
SNAPSHOT = Snapshot(b"head", EMPTY_TREE)

# What indexes a request's entries have, which of them it added, and which it says that
# the log had.
CASES: list[tuple[tuple[int, ...], int, int, list[bool]]] = [
    ((7,), 7, 8, [False]),
    ((7, 8, 9), 7, 10, [False] * 3),
    ((7, 3, 8), 7, 9, [False, True, False]),
    ((7, 7, 8), 7, 9, [False, True, False]),
    ((3, 3), 9, 9, [True, True]),
    ((10, 10, 9, 2), 9, 11, [False, True, False, True]),
]


def test_each_entry_has_its_place_in_the_answer() -> None:
    for indexes, start, end, had in CASES:
        hashes = HASHES[: len(indexes)]
        receipt = Receipt(SNAPSHOT, indexes, hashes, start, end)
        expected = [
            {"index": index, "leaf_hash": leaf_hash.hex(), "duplicate": duplicate}
            for index, leaf_hash, duplicate in zip(indexes, hashes, had, strict=True)
        ]
        with case(f"{indexes} of [{start}, {end})"):
            assert expected == json.loads(encode_places(receipt))
            assert b" " not in encode_places(receipt)
            assert receipt.is_all_new == (not any(had))
