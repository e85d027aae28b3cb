"""What one request can hold: entries joined to a body, and where to cut.

An entry is canonical JSON already, so that a body is joined, never encoded again.  For
the same reason no bytes get in unparsed: they could close the array.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tlogverify import Record
from tlogverify.attestation.dsse import Envelope
from tlogverify.errors import FormatError
from tlogverify.lines import encode_base64
from tlogverify.record import parse_record
from tlogverify.rekor import RekorEntry

MAX_ENTRIES: Final = 10_000
MAX_BODY_BYTES: Final = (8 << 20) - 1
"""One below 8 MiB: some servers refuse a body of exactly their limit."""

_HEAD: Final = b'{"entries":['
_TAIL: Final = b"]}"


def encode_entry(record: Record | bytes) -> bytes:
    """Return the canonical bytes of one entry; FormatError if bytes are not."""
    if isinstance(record, Record):
        return record.encode()
    parse_record(record)
    return record


def encode_entries(records: Iterable[Record | bytes]) -> list[bytes]:
    """Return the canonical bytes of each; FormatError names the record without any."""
    entries: list[bytes] = []
    for record in records:
        try:
            entries.append(encode_entry(record))
        except FormatError as error:
            raise FormatError(f"entry {len(entries)}: {error}") from None
    return entries


def encode_body(entries: Sequence[bytes]) -> bytes:
    """Return the body of a request that submits `entries`."""
    return _HEAD + b",".join(entries) + _TAIL


def envelope_members(envelope: Envelope) -> dict[str, object]:
    """Return an envelope's values for JSON; no signature names its key."""
    signatures = [{"sig": encode_base64(it.sig)} for it in envelope.signatures]
    return {
        "payload": encode_base64(envelope.payload),
        "payloadType": envelope.payload_type,
        "signatures": signatures,
    }


def encode_rekor_request(entry: RekorEntry, envelope: Envelope | None = None) -> bytes:
    """Return the body by which Sigstore's clients submit a signature.

    entry: of one signature.  envelope: goes in the place of its hash.
    """
    signature = entry.signatures[0]
    member = "x509Certificate" if signature.is_certificate else "publicKey"
    verifier = {
        "keyDetails": signature.details,
        member: {"rawBytes": encode_base64(signature.der)},
    }
    if envelope is not None:
        sent = {"envelope": envelope_members(envelope), "verifiers": [verifier]}
        return json.dumps({"dsseRequestV002": sent}).encode("ascii")
    request = {
        "digest": encode_base64(entry.digest),
        "signature": {
            "content": encode_base64(signature.content),
            "verifier": verifier,
        },
    }
    return json.dumps({"hashedRekordRequestV002": request}).encode("ascii")


def count_fitting(entries: Iterable[bytes], most: int = MAX_ENTRIES) -> int:
    """Return how many of the first `entries` fit in one request of at most `most`."""
    count, body_bytes = 0, len(_HEAD) + len(_TAIL) - 1
    for entry in entries:
        body_bytes += len(entry) + 1
        if count == most or body_bytes > MAX_BODY_BYTES:
            break
        count += 1
    return count


def split_entries(
    entries: Sequence[bytes], most: int = MAX_ENTRIES
) -> Iterator[Sequence[bytes]]:
    """Return `entries` in order, in as few requests of at most `most` as hold them."""
    at = 0
    while at < len(entries):
        # A slice for each batch, not for each look: the list may be long.
        count = count_fitting(entries[at : at + most], most)
        yield entries[at : at + count]
        at += count
