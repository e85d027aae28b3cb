"""What a client must check of an answer, with the verifier's code alone."""

from typing import Any

from tests.oracle.rfc6962 import leaf_hash
from tlogverify.checkpoint import Checkpoint
from tlogverify.keys import parse_verifier_key
from tlogverify.lines import parse_base64
from tlogverify.merkle import verify_inclusion
from tlogverify.ranges import verify_range
from tlogverify.signed import open_checkpoint


def hashes(texts: list[str]) -> list[bytes]:
    """Decode a list of hashes, as answers spell it."""
    return [parse_base64("a hash", text.encode()) for text in texts]


def verify_receipt(
    receipt: dict[str, Any], entries: list[bytes], vkeys: list[str]
) -> Checkpoint:
    """Prove every entry of a submission's answer; return the head that proves it."""
    keys = [parse_verifier_key(vkey.encode()) for vkey in vkeys]
    head = open_checkpoint(receipt["checkpoint"].encode(), *keys)
    assert head.origin == receipt["origin"]
    leaves = [leaf_hash(entry) for entry in entries]
    placed = receipt["entries"]
    assert [leaf.hex() for leaf in leaves] == [it["leaf_hash"] for it in placed]
    start, end = receipt["range"]["start"], receipt["range"]["end"]
    new = {
        it["index"]: leaf
        for it, leaf in zip(placed, leaves, strict=True)
        if start <= it["index"] < end
    }
    assert list(range(start, end)) == sorted(new)
    if new:
        left, right = (
            hashes(receipt["range"]["left"]),
            hashes(receipt["range"]["right"]),
        )
        ordered = [new[index] for index in sorted(new)]
        verify_range(start, head.size, ordered, left, right, head.root)
    for it, leaf in zip(placed, leaves, strict=True):
        if it["index"] not in new:
            path = hashes(receipt["paths"][str(it["index"])])
            verify_inclusion(it["index"], head.size, leaf, path, head.root)
    old = {it["index"] for it in placed} - set(new)
    assert {str(index) for index in old} == set(receipt["paths"])
    return head
