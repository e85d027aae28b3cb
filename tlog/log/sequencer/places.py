"""A receipt's entries as the JSON of an answer, without an object for each.  PURE.

[{"index":7,"leaf_hash":"<64 hex>","duplicate":false},...]
"""

from tlog.log.sequencer.pool import Receipt


def encode_places(receipt: Receipt) -> bytes:
    """Return each entry's place, and whether the log had it or it stood there twice."""
    placed = zip(receipt.indexes, receipt.leaf_hashes, strict=True)
    if receipt.is_all_new:
        places = [_place(index, leaf_hash, "false") for index, leaf_hash in placed]
    else:
        places = []
        seen: set[int] = set()
        for index, leaf_hash in placed:
            is_new = receipt.start <= index < receipt.end and index not in seen
            seen.add(index)
            places.append(_place(index, leaf_hash, "false" if is_new else "true"))
    return f"[{','.join(places)}]".encode()


def _place(index: int, leaf_hash: bytes, duplicate: str) -> str:
    hexadecimal = leaf_hash.hex()
    return f'{{"index":{index},"leaf_hash":"{hexadecimal}","duplicate":{duplicate}}}'
