"""Valid records: as Python values, and in the spellings that a sender may choose."""

import hashlib
import json
import re
from typing import TypeAlias

import cbor2

JsonObject: TypeAlias = dict[str, object]

PREDICATE_TYPE = "https://slsa.dev/provenance/v1"

_ALGORITHMS = ("sha256", "sha384", "sha512")


def digest(label: str, algorithm: str = "sha256") -> str:
    """Return the lower-case hex digest of a label."""
    return hashlib.new(algorithm, label.encode()).hexdigest()


def subject(label: str, *algorithms: str) -> dict[str, str]:
    """Return a subject; algorithms: those beside sha256."""
    return {name: digest(label, name) for name in ("sha256", *algorithms)}


def record(label: object = 0, *, subjects: int = 1) -> JsonObject:
    """Return a valid record; the same label makes the same one."""
    found = [subject(f"artifact {label} {nth}") for nth in range(subjects)]
    return {
        "kind": "provenance",
        "version": 1,
        "subject": sorted(found, key=lambda it: it["sha256"]),
        "provenance": {"sha256": digest(f"provenance {label}")},
    }


def full_record(label: object = 0) -> JsonObject:
    """Return a valid record with every optional member and algorithm."""
    return {
        **record(label),
        "subject": [subject(f"artifact {label}", *_ALGORITHMS[1:])],
        "predicateType": PREDICATE_TYPE,
        "signer": {"sha256": digest("signer")},
    }


def records(first: int, end: int) -> list[JsonObject]:
    """Return the records of the labels first to end - 1."""
    return [record(label) for label in range(first, end)]


def canonical(value: object) -> bytes:
    """Return the canonical bytes of a record, whose texts are all ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def json_body(*entries: object) -> bytes:
    """Return a request's body in JSON."""
    return json.dumps({"entries": entries}).encode()


def binary(value: object) -> object:
    """Return a record with its digests as bytes, as CBOR spells it."""
    if isinstance(value, list):
        return [binary(item) for item in value]
    if isinstance(value, dict):
        return {
            name: _digest(item) if name in _ALGORITHMS else binary(item)
            for name, item in value.items()
        }
    return value


def _digest(value: object) -> object:
    # A broken record may have anything in a digest's place: it goes as it is.
    if isinstance(value, str) and re.fullmatch(r"(?:[0-9a-f]{2})+", value):
        return bytes.fromhex(value)
    return binary(value)


def cbor_body(*entries: object) -> bytes:
    """Return a request's body in CBOR."""
    return cbor2.dumps({"entries": [binary(entry) for entry in entries]})
