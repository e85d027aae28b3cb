"""What nodes tell each other comes out as it went in; nothing else is believed."""

import msgspec
import pytest

from tlog.entries.packed import Packed
from tlog.errors import BusyError, FatalError, RejectedError
from tlog.log.cosigning.guard import RolledBackError, UnconfirmedError
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.merkle.tree import EMPTY_TREE
from tlog.log.nodes.wire import (
    Bunch,
    Placed,
    Refused,
    encode,
    error_of,
    outcome_of,
    parse_bunch,
    parse_outcomes,
    parse_told,
    receipt_of,
)
from tlog.log.sequencer.growth import grow
from tlog.log.sequencer.pool import Receipt
from tlogverify.errors import FormatError, TlogError
from tlogverify.hashing import to_hash

ENTRIES = [b"one", b"two", b"three"]
HASHES = tuple(bytes([nth]) * 32 for nth in range(3))
SNAPSHOT = Snapshot(b"note", grow(EMPTY_TREE, ENTRIES, b"".join(HASHES)).tree)


def test_requests_come_out_of_a_bunch_as_they_went_in() -> None:
    bundle = Packed.of(ENTRIES).bundle
    parts = parse_bunch(encode(Bunch([1, 2], bundle)))
    assert [ENTRIES[:1], ENTRIES[1:]] == [[*it] for it in parts]
    for counts in ([1, 1], [1, 2, 1], [3, 0], [4, -1], []):
        with pytest.raises(FormatError):
            parse_bunch(encode(Bunch(counts, bundle)))
    for body in (b"", b"x", encode({"counts": [3]}), encode([])):
        for parse in (parse_bunch, parse_told):
            with pytest.raises(FormatError):
                parse(body)


@pytest.mark.parametrize(
    "error",
    [
        BusyError("full", retry_after_s=7),
        RejectedError("never"),
        RolledBackError("a witness knows more"),
        UnconfirmedError("no quorum", retry_after_s=5),
        FatalError("nobody knows"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_has_its_meaning_at_the_other_node(error: TlogError) -> None:
    (told,) = parse_outcomes(encode([outcome_of(error)]), 1)
    assert isinstance(told, Refused)
    found = error_of(told)
    assert (type(error), str(error)) == (type(found), str(found))
    pause_s = getattr(error, "retry_after_s", None)
    assert pause_s == getattr(found, "retry_after_s", None)


def test_what_the_writer_did_not_expect_may_be_stored() -> None:
    told = outcome_of(ValueError("a fault"))
    assert isinstance(told, Refused)
    assert isinstance(error_of(told), FatalError)


@pytest.mark.parametrize(
    "receipt",
    [
        Receipt(SNAPSHOT, (1, 2), HASHES[1:], 1, 3, (to_hash(HASHES[0]),), ()),
        Receipt(SNAPSHOT, (0, 2, 0), HASHES, 3, 3),
        Receipt(SNAPSHOT, (0, 2), HASHES[1:], 2, 3, (), (to_hash(HASHES[1]),)),
    ],
    ids=["all new", "all known", "both"],
)
def test_a_receipt_comes_out_as_it_went_in(receipt: Receipt) -> None:
    (told,) = parse_outcomes(encode([outcome_of(receipt)]), 1)
    assert isinstance(told, Placed)
    assert SNAPSHOT.note == told.note
    assert receipt == receipt_of(told, SNAPSHOT, receipt.leaf_hashes)


def test_a_place_beyond_the_head_is_none() -> None:
    right = Placed(b"note", [], 1, 3, [], [])
    assert (1, 2) == receipt_of(right, SNAPSHOT, HASHES[1:]).indexes
    for changed in ({"end": 4}, {"start": 0}, {"start": 2}, {"indexes": [1, 3]}):
        with pytest.raises(FormatError):
            receipt_of(msgspec.structs.replace(right, **changed), SNAPSHOT, HASHES[1:])


def test_as_many_outcomes_as_requests() -> None:
    told = encode([outcome_of(BusyError("full"))] * 2)
    assert 2 == len(parse_outcomes(told, 2))
    for count in (1, 3):
        with pytest.raises(FormatError):
            parse_outcomes(told, count)
    with pytest.raises(FormatError):
        parse_outcomes(encode([{"type": "other"}]), 1)
