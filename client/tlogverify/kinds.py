"""The kinds of entry that a log holds, and what each can be found by.

A search key is 33 bytes: what is named, and a SHA-256.

    20 || digest                     a SHA-256 that the entry names: of an artifact, a
                                     provenance document, a signer's key or certificate
    30 || SHA-256 of the digest      the same for a SHA-384
    40 || SHA-256 of the digest      the same for a SHA-512
    01 || SHA-256 of the text        an identity that a certificate names
    02 || SHA-256 of the text        the issuer of the identity
"""

import hashlib
from contextlib import suppress
from typing import Final, Literal

from tlogverify.certificates import CertificateNames, certificate_names
from tlogverify.errors import FormatError
from tlogverify.record import Record, parse_record, record_digests, require_record
from tlogverify.rekor import REKOR_START, RekorEntry, Signature, parse_rekor

Named = Literal["identity", "issuer"]
"""What a name in a certificate is of."""

_IDENTITY: Final = b"\x01"
_ISSUER: Final = b"\x02"


def parse_entry(entry: bytes) -> Record | RekorEntry:
    """Parse an entry of either kind; FormatError unless it is in canonical form."""
    if entry.startswith(REKOR_START):
        return parse_rekor(entry)
    return parse_record(entry)


def require_entry(entry: bytes) -> None:
    """Raise FormatError unless `entry` is the canonical bytes of a known kind."""
    if entry.startswith(REKOR_START):
        parse_rekor(entry)
    else:
        require_record(entry)


def search_keys(entry: bytes) -> list[bytes]:
    """Return the keys that an entry is found by; entry: as `require_entry` takes it."""
    if not entry.startswith(REKOR_START):
        return [digest_key(digest) for digest in record_digests(entry)]
    rekor = parse_rekor(entry)
    keys = [digest_key(digest) for digest in rekor_digests(rekor)]
    for signature in rekor.signatures:
        keys += name_keys(signature)
    return keys


def rekor_digests(entry: RekorEntry) -> list[bytes]:
    """Return the digest that was signed, and the SHA-256 of each key or certificate."""
    signers = [hashlib.sha256(it.der).digest() for it in entry.signatures]
    return [entry.digest, *signers]


def digest_key(digest: bytes) -> bytes:
    """Return the key of a digest of 32, 48 or 64 bytes."""
    size = len(digest)
    # The full 256 bits, as fewer could be made to collide.
    return bytes([size]) + (digest if size == 32 else hashlib.sha256(digest).digest())


def identity_key(identity: str) -> bytes:
    """Return the key of an identity, such as an e-mail address, as it is spelled."""
    return _IDENTITY + _sha256(identity)


def issuer_key(issuer: str) -> bytes:
    """Return the key of an issuer of identities, a URL, as it is spelled."""
    return _ISSUER + _sha256(issuer)


def name_key(kind: Named, text: str) -> bytes:
    """Return the key of a name of either kind."""
    return identity_key(text) if kind == "identity" else issuer_key(text)


def name_keys(signature: Signature) -> list[bytes]:
    """Return the keys of those names in a certificate that can be read."""
    names = _stated_names(signature)
    keys = [identity_key(identity) for identity in names.identities]
    return keys if names.issuer is None else [*keys, issuer_key(names.issuer)]


def describe_signer(signature: Signature) -> dict[str, object]:
    """Return the key or certificate, and whom it states, as values for JSON."""
    names = _stated_names(signature)
    kind = "certificate" if signature.is_certificate else "key"
    digest = hashlib.sha256(signature.der).hexdigest()
    return {kind: digest, "identities": [*names.identities], "issuer": names.issuer}


def name_signer(signature: Signature) -> str:
    """Return the same as words; names are as given: not yet fit for a terminal."""
    names = _stated_names(signature)
    kind = "certificate" if signature.is_certificate else "key"
    stated = f" of {', '.join(names.identities)}" if names.identities else ""
    issuer = f", issuer {names.issuer}" if names.issuer is not None else ""
    return f"{kind} sha256:{hashlib.sha256(signature.der).hexdigest()}{stated}{issuer}"


def _stated_names(signature: Signature) -> CertificateNames:
    if signature.is_certificate:
        # The log takes no certificate that cannot be read; a later release of the
        # library may read less, and must not stop a log that has one.
        with suppress(FormatError):
            return certificate_names(signature.der)
    return CertificateNames((), None)


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
