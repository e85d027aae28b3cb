"""Unique entries, and the request bodies that carry them.

An entry is what a CI system sends: one subject, one provenance document, its predicate
type.  Its digests come from a seeded generator, so that no two runs of one log share
an entry and any run can be repeated.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Final

SEARCH_KEYS: Final = 2
"""Search keys of each entry: the subject's digest and the provenance document's."""

_HEAD: Final = (
    b'{"kind":"provenance","predicateType":"https://slsa.dev/provenance/v1",'
    b'"provenance":{"sha256":"'
)
_MIDDLE: Final = b'"},"subject":[{"sha256":"'
_TAIL: Final = b'"}],"version":1}'

ENTRY_BYTES: Final = len(_HEAD + _MIDDLE + _TAIL) + 128


def make_entries(count: int, seed: int) -> Iterator[bytes]:
    """Return `count` canonical entries; other seeds give other entries."""
    source = random.Random(f"tlog benchmarks {seed}")
    for _ in range(count):
        digits = source.randbytes(64).hex().encode()
        yield _HEAD + digits[:64] + _MIDDLE + digits[64:] + _TAIL


def entry_digest(entry: bytes) -> bytes:
    """Return the SHA-256 of an entry's one subject."""
    end = len(entry) - len(_TAIL)
    return bytes.fromhex(entry[end - 64 : end].decode())


def make_batches(count: int, batch: int, seed: int) -> list[list[bytes]]:
    """Return `count` entries in lists of `batch`; the last may be shorter."""
    entries = list(make_entries(count, seed))
    return [entries[at : at + batch] for at in range(0, count, batch)]


def submission_request(entries: Sequence[bytes]) -> bytes:
    """Return the whole HTTP request that submits `entries`."""
    body = b'{"entries":[' + b",".join(entries) + b"]}"
    return (
        b"POST /api/v1/entries HTTP/1.1\r\nHost: log\r\n"
        b"Content-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )


def lookup_request(path: str, accept: str = "application/json") -> bytes:
    """Return the whole HTTP request that reads `path`."""
    return f"GET {path} HTTP/1.1\r\nHost: log\r\nAccept: {accept}\r\n\r\n".encode()
