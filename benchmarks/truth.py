"""Was what was measured true?  Asked of tlogverify, after the clock has stopped.

A benchmark whose answers do not hold stops here with an AssertionError.
"""

import re
from collections.abc import Sequence

import msgspec

from benchmarks.connections import Answer
from tlogverify import Checkpoint, VerifierKey, open_checkpoint
from tlogverify.hashing import leaf_hash
from tlogverify.lines import parse_base64
from tlogverify.merkle import verify_inclusion
from tlogverify.ranges import verify_range


class _Placed(msgspec.Struct):
    index: int
    leaf_hash: str
    duplicate: bool


class _Range(msgspec.Struct):
    start: int
    end: int
    left: list[str]
    right: list[str]


class Submitted(msgspec.Struct):
    """The answer to a submission."""

    origin: str
    checkpoint: str
    entries: list[_Placed]
    range: _Range


class Included(msgspec.Struct):
    """The answer to a question for an inclusion proof."""

    index: int
    size: int
    path: list[str]
    checkpoint: str


def check_submission(answer: Answer, sent: Sequence[bytes]) -> Submitted:
    """Stop unless every entry was added as new, each at an index of its own."""
    assert answer.status == 201, f"{answer.status}: {answer.body[:500]!r}"
    submitted = msgspec.json.decode(answer.body, type=Submitted)
    assert submitted.range.end - submitted.range.start == len(sent)
    expected = list(range(submitted.range.start, submitted.range.end))
    assert [placed.index for placed in submitted.entries] == expected
    assert not any(placed.duplicate for placed in submitted.entries)
    return submitted


def prove_submission(
    submitted: Submitted, sent: Sequence[bytes], key: VerifierKey
) -> Checkpoint:
    """Stop unless the answer proves the entries that were sent."""
    checkpoint = open_checkpoint(submitted.checkpoint.encode(), key)
    leaves = [leaf_hash(entry) for entry in sent]
    assert [placed.leaf_hash for placed in submitted.entries] == [
        leaf.hex() for leaf in leaves
    ]
    span = submitted.range
    verify_range(
        span.start,
        checkpoint.size,
        leaves,
        hashes(span.left),
        hashes(span.right),
        checkpoint.root,
    )
    return checkpoint


def check_inclusion(answer: Answer, index: int) -> Included:
    """Stop unless the answer is a proof for `index`."""
    assert answer.status == 200, f"{answer.status}: {answer.body[:500]!r}"
    included = msgspec.json.decode(answer.body, type=Included)
    assert included.index == index
    return included


def prove_inclusion(included: Included, leaf: bytes, key: VerifierKey) -> Checkpoint:
    """Stop unless the answer proves that `leaf` is at its index."""
    checkpoint = open_checkpoint(included.checkpoint.encode(), key)
    assert included.size == checkpoint.size
    path = hashes(included.path)
    verify_inclusion(included.index, checkpoint.size, leaf, path, checkpoint.root)
    return checkpoint


def is_settled(metrics: str) -> bool:
    """Whether all that a log has signed is published and indexed."""
    lags = re.findall(r"^tlog_(?:publish|index)_lag_entries (\S+)", metrics, re.M)
    assert len(lags) == 2, metrics[:500]
    return all(float(lag) == 0 for lag in lags)


def hashes(texts: Sequence[str]) -> list[bytes]:
    """Return hashes from the base64 that an answer spells them in."""
    return [parse_base64("a hash", text.encode()) for text in texts]
