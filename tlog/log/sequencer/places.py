"""A receipt's entries as the JSON of an answer, without an object for each.  PURE.

[{"index":7,"leaf_hash":"<64 hex>","duplicate":false},...]
"""

from binascii import hexlify

from tlog.log.sequencer.pool import Receipt


def encode_places(receipt: Receipt) -> bytes:
    """Return each entry's place, and whether the log had it or it stood there twice."""
    if receipt.is_all_new and len(receipt.indexes) == 1:
        (index,), (leaf_hash,) = receipt.indexes, receipt.leaf_hashes
        return b'[{"index":%d,"leaf_hash":"%b","duplicate":false}]' % (
            index,
            hexlify(leaf_hash),
        )
    placed = zip(receipt.indexes, receipt.leaf_hashes, strict=True)
    if receipt.is_all_new:
        # A function called for each entry would cost half as much again.
        places = [
            f'{{"index":{index},"leaf_hash":"{leaf_hash.hex()}","duplicate":false}}'
            for index, leaf_hash in placed
        ]
        return f"[{','.join(places)}]".encode()
    places = []
    seen: set[int] = set()
    for index, leaf_hash in placed:
        is_new = receipt.start <= index < receipt.end and index not in seen
        seen.add(index)
        had = "false" if is_new else "true"
        places.append(
            f'{{"index":{index},"leaf_hash":"{leaf_hash.hex()}","duplicate":{had}}}'
        )
    return f"[{','.join(places)}]".encode()
