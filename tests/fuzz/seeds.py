"""What fuzzing begins with: real bodies, their bundles, and batches of each kind."""

from collections.abc import Iterator
from typing import Final

from tests.support.records import canonical, full_record, json_body, record, records
from tlog.entries.submission import parse_json_submission
from tlogverify.bundles import encode_bundle

LISTED: Final = 0x10
"""In the second byte of rows.c: entries follow, a newline behind each."""

WORDS: Final = (
    *(b'{"entries":[', b"]}", b'{"kind":"provenance",', b'"predicateType":"', b'",'),
    *(b'"provenance":{"sha256":"', b'"signer":{"sha256":"', b'"},', b'"subject":['),
    *(b'{"sha256":"', b'","sha384":"', b'","sha512":"', b'"}', b'],"version":1}'),
    *(b"https://slsa.dev/provenance/v1", b"0" * 64, b"f" * 64, b"a" * 96, b"0" * 128),
)
"""What a canonical record is made of, for libFuzzer to put in."""


def bodies() -> Iterator[bytes]:
    """Yield bodies; the last two are declined: a subject too many, white space."""
    for values in (*_submissions(), [record(5, subjects=257)]):
        yield b'{"entries":[' + b",".join(map(canonical, values)) + b"]}"
    yield json_body(record(5))


def bundles() -> Iterator[bytes]:
    """Yield what rows.c reads: how many entries, how little room, then the bundle."""
    for values in _submissions():
        entries = parse_json_submission(json_body(*values))
        for less in range(3):
            yield bytes([len(entries), less]) + encode_bundle(entries)
        yield bytes([len(entries), LISTED]) + b"\n".join(entries)


def batches() -> Iterator[bytes]:
    """Yield what kernels.c reads: a call, a place of the buffers, then numbers."""
    bundle = next(bundles())[2:]
    for place in range(6):
        yield bytes([0, place, 1, 0]) + b"".join(
            size.to_bytes(2, "big") for size in (263, 0, 55, 56, 64, 119, 4_000)
        )
        yield (
            bytes([1, place])
            + (70).to_bytes(2, "big")
            + b"".join(size.to_bytes(8, "big") for size in (35, 34, 1))
        )
        yield bytes([2, place, 0, 1]) + bundle
        for start in (0, 5, 255, 1 << 40):
            size = (2 * start).to_bytes(8, "big")
            yield bytes([3, place]) + (130).to_bytes(2, "big") + b"\x01" + size
        yield bytes([4, place]) + (33).to_bytes(2, "big") + b"\x01"
        yield bytes([5, place, 33, 1])
        yield bytes([6, place, 254])
        yield bytes([7, place, 254])


def _submissions() -> list[list[dict[str, object]]]:
    return [
        [record(1)],
        [full_record(2)],
        [record(3, subjects=3)],
        [*records(10, 14), full_record(15)],
        # One digest twice: two rows that are the same.
        [{**record(6), "signer": record(6)["provenance"]}],
    ]
