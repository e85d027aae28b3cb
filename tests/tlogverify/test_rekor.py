"""Rekor entries: one spelling, by RFC 8785's own code, and bounds."""

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import in_one_test
from tlogverify.errors import FormatError
from tlogverify.rekor import (
    HASH_OF,
    SHA2_BYTES,
    Kind,
    RekorEntry,
    Signature,
    parse_rekor,
)

P256 = "PKIX_ECDSA_P256_SHA_256"
SIGNED = Signature(b"signature", P256, b"key", False)


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def signature_of(signature: Signature) -> dict[str, Any]:
    member = "x509Certificate" if signature.is_certificate else "publicKey"
    return {
        "content": b64(signature.content),
        "verifier": {
            "keyDetails": signature.details,
            member: {"rawBytes": b64(signature.der)},
        },
    }


def document_of(entry: RekorEntry) -> dict[str, Any]:
    """Return the entry as a client would write it."""
    digest = {"algorithm": entry.algorithm, "digest": b64(entry.digest)}
    signatures = [signature_of(it) for it in entry.signatures]
    spec: dict[str, Any] = (
        {"dsseV002": {"payloadHash": digest, "signatures": signatures}}
        if entry.kind == "dsse"
        else {"hashedRekordV002": {"data": digest, "signature": signatures[0]}}
    )
    return {"apiVersion": "0.0.2", "kind": entry.kind, "spec": spec}


def hashedrekord(details: str = P256) -> RekorEntry:
    algorithm = HASH_OF[details]
    signature = Signature(b"\xff" * 64, details, b"a certificate", True)
    digest = bytes(range(SHA2_BYTES[algorithm]))
    return RekorEntry("hashedrekord", algorithm, digest, (signature,))


def dsse(count: int) -> RekorEntry:
    signatures = tuple(
        Signature(bytes([it]), P256, b"key %d" % it, it % 2 == 0) for it in range(count)
    )
    return RekorEntry("dsse", "SHA2_256", bytes(32), signatures)


ENTRIES = [*map(hashedrekord, HASH_OF), dsse(1), dsse(10)]
HASHEDREKORD = hashedrekord().encode()
DSSE = dsse(2).encode()


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_is_the_canonical_json_of_its_values(entry: RekorEntry) -> None:
    encoded = entry.encode()
    assert rfc8785.dumps(document_of(entry)) == encoded
    assert entry == parse_rekor(encoded)


@in_one_test("whole", [HASHEDREKORD, DSSE], ids=["hashedrekord", "dsse"])
@in_one_test(
    "change",
    [
        pytest.param(lambda it: it + b"\n", id="line-end"),
        pytest.param(lambda it: b" " + it, id="space-before"),
        pytest.param(lambda it: it[:-1], id="cut"),
        pytest.param(lambda it: it + b"}", id="longer"),
        pytest.param(lambda it: it.replace(b":", b": ", 1), id="space"),
        pytest.param(lambda it: it.replace(b"0.0.2", b"0.0.1"), id="version"),
        pytest.param(lambda it: it.replace(b'"kind":"', b'"kind":"x', 1), id="kind"),
        pytest.param(lambda it: it.replace(b"SHA2_256", b"SHA2_384", 1), id="hash"),
        pytest.param(lambda it: it.replace(b"SHA2_256", b"SHA2_224", 1), id="no-hash"),
        pytest.param(lambda it: it.replace(b"P256", b"P257", 1), id="key"),
        pytest.param(lambda it: it.replace(b'"}},', b'=" }},', 1)[:-1], id="base64"),
        pytest.param(
            lambda it: re.sub(rb'"content":"[^"]*"', b'"content":""', it, count=1),
            id="no-signature",
        ),
        pytest.param(
            lambda it: re.sub(rb'"rawBytes":"[^"]*"', b'"rawBytes":""', it, count=1),
            id="no-key",
        ),
        pytest.param(
            lambda it: re.sub(rb'"content":"[^"]*"', b'"content":"AB=="', it, count=1),
            id="unused-bits",
        ),
        pytest.param(
            lambda it: re.sub(rb'"content":"[^"]*"', b'"content":"AAA"', it, count=1),
            id="no-padding",
        ),
        pytest.param(
            lambda it: it.replace(b'"digest":"', b'"digest":"AAAA', 1), id="digest"
        ),
    ],
)
def test_other_bytes_are_refused(
    whole: bytes, change: Callable[[bytes], bytes]
) -> None:
    changed = change(whole)
    assert whole != changed
    with pytest.raises(FormatError):
        parse_rekor(changed)


def test_no_entry_is_larger_than_a_leaf_may_be() -> None:
    room = 65_535 - len(
        RekorEntry("hashedrekord", "SHA2_256", bytes(32), (SIGNED,)).encode()
    )
    longer = Signature(b"s" * (9 + room // 4 * 3), P256, b"key", False)
    whole = RekorEntry("hashedrekord", "SHA2_256", bytes(32), (longer,)).encode()
    assert whole == parse_rekor(whole).encode()
    longer = Signature(longer.content + b"sss", P256, b"key", False)
    with pytest.raises(FormatError, match="65535"):
        RekorEntry("hashedrekord", "SHA2_256", bytes(32), (longer,)).encode()
    with pytest.raises(FormatError):
        parse_rekor(b" " * 65_536)


@pytest.mark.parametrize(
    ("kind", "algorithm", "size", "signatures"),
    [
        pytest.param("hashedrekord", "SHA2_256", 31, (SIGNED,), id="short-digest"),
        pytest.param("hashedrekord", "SHA2_224", 28, (SIGNED,), id="no-algorithm"),
        pytest.param("hashedrekord", "SHA2_384", 48, (SIGNED,), id="another-hash"),
        pytest.param("hashedrekord", "SHA2_256", 32, (), id="unsigned"),
        pytest.param("hashedrekord", "SHA2_256", 32, (SIGNED,) * 2, id="two"),
        pytest.param("dsse", "SHA2_256", 32, (), id="dsse-unsigned"),
        pytest.param("dsse", "SHA2_256", 32, (SIGNED,) * 11, id="dsse-eleven"),
        pytest.param("dsse", "SHA2_512", 64, (SIGNED,), id="dsse-long-hash"),
        pytest.param("dsse", "SHA2_256", 32, dsse(2).signatures[::-1], id="unsorted"),
    ],
)
def test_values_out_of_bounds_are_refused(
    kind: Kind, algorithm: str, size: int, signatures: tuple[Signature, ...]
) -> None:
    with pytest.raises(FormatError):
        RekorEntry(kind, algorithm, bytes(size), signatures)


def test_ten_signatures_of_the_same_bytes_are_sorted() -> None:
    entry = RekorEntry("dsse", "SHA2_256", bytes(32), (SIGNED,) * 10)
    assert entry == parse_rekor(entry.encode())


@given(st.sampled_from([HASHEDREKORD, DSSE]), st.data())
def test_one_changed_byte_gives_another_entry_or_none(
    whole: bytes, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] = data.draw(st.integers(0, 255))
    try:
        parsed = parse_rekor(bytes(changed))
    except FormatError:
        return
    assert bytes(changed) == parsed.encode()
    assert rfc8785.dumps(document_of(parsed)) == parsed.encode()


@pytest.mark.parametrize(("content", "der"), [(b"", b"key"), (b"signature", b"")])
def test_a_signature_and_its_key_are_not_empty(content: bytes, der: bytes) -> None:
    with pytest.raises(FormatError, match="not empty"):
        Signature(content, P256, der, False)
