"""Every single corruption of what a head rests on is refused."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pytest

from tests.faults.opened import entries
from tests.oracle import rfc6962
from tests.tlogverify.refusal import changed_paths, flip
from tlog.clock import SystemClock
from tlog.hashing import hash_leaves
from tlog.log.merkle.tree import EMPTY_TREE
from tlog.log.sequencer.growth import grow
from tlog.log.sequencer.selfcheck import SelfCheckError, check_head
from tlog.signing import HeadSigner, SigningKey
from tlogverify import Checkpoint, VerifierKey
from tlogverify.bundles import encode_bundle
from tlogverify.hashing import Hash, to_hash
from tlogverify.keys import KeyType

ORIGIN = "log.example/tests"
KEY = SigningKey(ORIGIN, KeyType.ED25519, b"\x01" * 32)
MLDSA_KEY = SigningKey(ORIGIN, KeyType.MLDSA44, b"\x02" * 32)
OTHER_KEY = SigningKey("other.example", KeyType.ED25519, b"\x01" * 32)
SIGNER = HeadSigner([KEY], SystemClock())

SIZES = [(0, 1), (0, 300), (1, 2), (3, 8), (7, 8), (255, 257), (256, 511), (300, 301)]


class Case(NamedTuple):
    """The arguments of one self-check."""

    old: Checkpoint
    peaks: Sequence[Hash]
    encoded: bytes
    note: bytes
    keys: Sequence[VerifierKey]


def _case(old: int, new: int) -> Case:
    everything = entries(0, new)
    tree = EMPTY_TREE
    if old:
        tree = grow(tree, everything[:old], hash_leaves(everything[:old])).tree
    growth = grow(tree, everything[old:], hash_leaves(everything[old:]))
    leaves = [rfc6962.leaf_hash(it) for it in everything]
    return Case(
        Checkpoint(ORIGIN, old, to_hash(rfc6962.root(leaves[:old]))),
        tree.frontier.peaks(),
        growth.encoded,
        SIGNER.sign(new, growth.extension.root),
        SIGNER.verifier_keys,
    )


def _changed(case: Case, old: int, new: int) -> Iterator[tuple[str, Case]]:
    """Return the case after every change of one thing."""
    root = case.old.root
    if old:
        bad = Checkpoint(ORIGIN, old, to_hash(flip(root)))
        yield "the old root", case._replace(old=bad)
        yield "a smaller old size", case._replace(old=_sized(case.old, old - 1))
    yield "a larger old size", case._replace(old=_sized(case.old, old + 1))
    yield "another origin", case._replace(old=Checkpoint("b.example", old, root))
    for what, peaks in changed_paths(case.peaks):
        hashes = [Hash(peak) for peak in peaks]
        yield f"peaks: {what}", case._replace(peaks=hashes)
    for bit in (0, 8, 20, 8 * len(case.encoded) - 1):
        yield f"entries, bit {bit}", case._replace(encoded=flip(case.encoded, bit))
    yield "a byte less", case._replace(encoded=case.encoded[:-1])
    yield "a byte more", case._replace(encoded=case.encoded + b"\x00")
    yield "an entry more", case._replace(encoded=case.encoded + encode_bundle([b"x"]))
    yield "an empty entry more", case._replace(encoded=case.encoded + b"\x00\x00")
    yield "nothing stored", case._replace(encoded=b"")
    good = rfc6962.root([rfc6962.leaf_hash(it) for it in entries(0, new)])
    yield "the new root", case._replace(note=SIGNER.sign(new, to_hash(flip(good))))
    for size in (new - 1, new + 1, new * 2):
        if size:
            note = SIGNER.sign(size, to_hash(good))
            yield f"new size {size}", case._replace(note=note)
    for bit in range(0, 8 * len(case.note), 101):
        yield f"note, bit {bit}", case._replace(note=flip(case.note, bit))


def _sized(head: Checkpoint, size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, head.root if size else Hash(rfc6962.EMPTY_ROOT))


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_an_honest_head_passes(old: int, new: int) -> None:
    check_head(*_case(old, new))


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_every_single_corruption_is_refused(old: int, new: int) -> None:
    case = _case(old, new)
    passed = [what for what, it in _changed(case, old, new) if not _is_refused(it)]
    assert [] == passed


def test_a_head_that_not_all_keys_signed_is_refused() -> None:
    case = _case(3, 8)
    both = (*case.keys, MLDSA_KEY.verifier_key)
    with pytest.raises(SelfCheckError, match="all of the log's keys"):
        check_head(*case._replace(keys=both))


def test_a_head_that_another_key_signed_is_refused() -> None:
    case = _case(3, 8)
    with pytest.raises(SelfCheckError, match="no trusted log key"):
        check_head(*case._replace(keys=[OTHER_KEY.verifier_key]))


def test_a_head_of_two_keys_passes() -> None:
    case = _case(3, 8)
    signer = HeadSigner([KEY, MLDSA_KEY], SystemClock())
    root = rfc6962.root([rfc6962.leaf_hash(it) for it in entries(0, 8)])
    note = signer.sign(8, to_hash(root))
    check_head(*case._replace(note=note, keys=signer.verifier_keys))


def _is_refused(case: Case) -> bool:
    try:
        check_head(*case)
    except SelfCheckError:
        return True
    return False
