"""Packed entries are a sequence of bytes, and a bundle."""

import hashlib
from itertools import pairwise

import pytest

from tests.support.cases import case
from tlog.entries.packed import Packed, count_signed
from tlogverify.bundles import encode_bundle, parse_bundle
from tlogverify.errors import FormatError
from tlogverify.record import Record, Subject
from tlogverify.rekor import RekorEntry, Signature

ENTRIES = [bytes([it]) * it for it in (3, 0, 200, 1, 7, 255)]
PACKED = Packed.of(ENTRIES)


def test_it_is_the_sequence_and_the_bundle_of_its_entries() -> None:
    assert ENTRIES == [*PACKED]
    assert encode_bundle(ENTRIES) == PACKED.bundle
    assert sum(map(len, ENTRIES)) == PACKED.entry_bytes
    assert len(ENTRIES) == len(PACKED)
    assert [*range(len(ENTRIES))] == [PACKED.index(it) for it in ENTRIES]
    for place in range(-len(ENTRIES), len(ENTRIES)):
        assert ENTRIES[place] == PACKED[place], place
    assert ENTRIES[1:5:2] == PACKED[1:5:2]
    for beyond in (len(ENTRIES), -len(ENTRIES) - 1):
        with pytest.raises(IndexError):
            PACKED[beyond]


def test_what_is_packed_is_taken_as_it_is() -> None:
    assert PACKED is Packed.of(PACKED)
    assert PACKED is PACKED.cut(0, len(PACKED))
    assert PACKED is PACKED.pick(range(len(PACKED)))
    with pytest.raises(OverflowError):
        Packed.of([bytes(65_536)])


def test_parts_are_cut_picked_and_joined() -> None:
    for start in range(len(ENTRIES) + 1):
        for end in range(start, len(ENTRIES) + 1):
            with case(f"[{start}, {end})"):
                part = PACKED.cut(start, end)
                assert ENTRIES[start:end] == parse_bundle(part.bundle, end - start)
                rest = [PACKED.cut(0, start), part, PACKED.cut(end, len(PACKED))]
                assert ENTRIES == [*Packed.join(rest)]
    assert [ENTRIES[1], ENTRIES[4]] == [*PACKED.pick([1, 4])]
    assert b"" == PACKED.pick([]).bundle == Packed.join([]).bundle


def test_it_is_split_at_a_first_border_and_then_evenly() -> None:
    for first in range(1, 8):
        for width in range(1, 8):
            with case(f"{first}, then {width}"):
                parts = [*PACKED.split(first, width)]
                assert ENTRIES == [it for part in parts for it in part]
                borders = [0, *range(first, len(ENTRIES), width), len(ENTRIES)]
                sizes = [b - a for a, b in pairwise(borders)]
                assert sizes == [len(part) for part in parts]
                for part in parts:
                    assert parse_bundle(part.bundle, len(part)) == [*part]
    assert [] == [*Packed.of([]).split(3, 3)]


def test_a_bundle_of_another_width_is_refused() -> None:
    assert ENTRIES == [*Packed.parse(PACKED.bundle, len(ENTRIES))]
    for width in (len(ENTRIES) - 1, len(ENTRIES) + 1):
        with pytest.raises(FormatError):
            Packed.parse(PACKED.bundle, width)


def test_entries_that_name_their_signer_are_counted_and_no_other() -> None:
    digest = hashlib.sha256(b"x").digest()
    subject = (Subject(digest),)
    entries = [
        Record(subject, digest).encode(),
        Record(subject, digest, predicate_type="urn:signer").encode(),
        Record(subject, digest, signer=digest).encode(),
        RekorEntry(
            "hashedrekord",
            "SHA2_256",
            digest,
            (Signature(b"s", "PKIX_ECDSA_P256_SHA_256", b"k", False),),
        ).encode(),
    ]
    assert 2 == count_signed(Packed.of(entries))
    assert 0 == count_signed(Packed.of([]))
