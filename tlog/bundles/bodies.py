"""Whether a log's entry is of a bundle's signature: entries of Rekor v2, and of v1.

    hashedrekord 0.0.1   spec.data.hash, spec.signature.content, .publicKey.content
    dsse 0.0.1           spec.payloadHash, spec.signatures[].signature, .verifier
    intoto 0.0.2         spec.content.payloadHash, .envelope.signatures[].sig and
                         .publicKey

In v1 keys and certificates are PEM within base64; hashes are {"algorithm","value"}, the
value in hex.  Other members of an entry are passed over: they are the log's own form,
and the entry's hash covers all of it.

Source: sigstore/rekor, `pkg/types/*/v0.0.*/*_schema.json`.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Final

from tlogverify.attestation.dsse import Envelope
from tlogverify.attestation.members import (
    array_member,
    object_member,
    parse_object,
    required_text,
)
from tlogverify.errors import FormatError, VerificationError
from tlogverify.lines import parse_base64
from tlogverify.sigstore import Bundle, LogEntry
from tlogverify.sigstore.verify import Signed, require_bound

_PEM: Final = re.compile(
    r"\s*-----BEGIN (?P<kind>PUBLIC KEY|CERTIFICATE)-----\s"
    r"(?P<base64>[A-Za-z0-9+/=\s]+)-----END (?P=kind)-----\s*"
)


def require_entry_of(entry: LogEntry, bundle: Bundle, signed: Signed) -> None:
    """Raise VerificationError unless an entry is of this very signature.

    FormatError if the entry is not of its kind's form.
    """
    is_of = _OLDER.get((entry.kind, entry.version))
    if is_of is None:
        # Rekor v1 has one index of an entry in its tree and another in the whole log.
        if entry.proof is not None and entry.index != entry.proof.index:
            raise VerificationError("the entry has two indexes")
        require_bound(entry, bundle, signed)
        return
    members = parse_object("an entry", entry.body)
    if (members.get("kind"), members.get("apiVersion")) != (entry.kind, entry.version):
        raise VerificationError("the log's entry is of another kind than it is said")
    if not is_of(object_member("an entry", members, "spec"), bundle, signed):
        raise VerificationError("the log's entry is of another signature")


def _is_hashedrekord(
    spec: Mapping[str, object], bundle: Bundle, signed: Signed
) -> bool:
    digest = object_member("data", object_member("spec", spec, "data"), "hash")
    signature = object_member("spec", spec, "signature")
    key = object_member("signature", signature, "publicKey")
    algorithm = required_text("hash", digest, "algorithm")
    return (
        algorithm == signed.key.algorithm.replace("SHA2_", "sha")
        and required_text("hash", digest, "value") == signed.digest.hex()
        and _bytes("signature", signature, "content") == signed.signature
        and _is_key(_bytes("publicKey", key, "content"), signed)
    )


def _is_dsse(spec: Mapping[str, object], bundle: Bundle, signed: Signed) -> bool:
    signatures = array_member("spec", spec, "signatures", 10)
    if len(signatures) != 1 or not _has_payload(spec, bundle):
        return False
    return _bytes("a signature", signatures[0], "signature") == signed.signature and (
        _is_key(_bytes("a signature", signatures[0], "verifier"), signed)
    )


def _is_intoto(spec: Mapping[str, object], bundle: Bundle, signed: Signed) -> bool:
    content = object_member("spec", spec, "content")
    envelope = object_member("content", content, "envelope")
    signatures = array_member("envelope", envelope, "signatures", 10)
    if len(signatures) != 1 or not _has_payload(content, bundle):
        return False
    # Its signatures are base64 twice: the envelope's own, and the entry's.
    twice = _bytes("a signature", signatures[0], "sig")
    return parse_base64("a signature", twice) == signed.signature and _is_key(
        _bytes("a signature", signatures[0], "publicKey"), signed
    )


_OLDER: Final[
    Mapping[tuple[str, str], Callable[[Mapping[str, object], Bundle, Signed], bool]]
] = {
    ("hashedrekord", "0.0.1"): _is_hashedrekord,
    ("dsse", "0.0.1"): _is_dsse,
    ("intoto", "0.0.2"): _is_intoto,
}


def _has_payload(members: Mapping[str, object], bundle: Bundle) -> bool:
    digest = object_member("an entry", members, "payloadHash")
    return (
        isinstance(bundle.content, Envelope)
        and required_text("payloadHash", digest, "algorithm") == "sha256"
        and required_text("payloadHash", digest, "value")
        == hashlib.sha256(bundle.content.payload).hexdigest()
    )


def _bytes(rule: str, members: Mapping[str, object], name: str) -> bytes:
    return parse_base64(f"{rule}.{name}", required_text(rule, members, name).encode())


def _is_key(pem: bytes, signed: Signed) -> bool:
    found = _PEM.fullmatch(pem.decode("latin-1"))
    if found is None:
        raise FormatError("an entry's key is a PUBLIC KEY or CERTIFICATE in PEM")
    der = parse_base64("a key", "".join(found["base64"].split()).encode())
    is_certificate = found["kind"] == "CERTIFICATE"
    return (der, is_certificate) == (signed.key.der, signed.key.is_certificate)
