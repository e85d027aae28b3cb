"""Rekor entries: what Sigstore's clients log, signatures over digests.

    {"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{
      "data":{"algorithm":"SHA2_256","digest":"<base64>"},
      "signature":{"content":"<base64>","verifier":{
        "keyDetails":"PKIX_ECDSA_P256_SHA_256",
        "publicKey":{"rawBytes":"<base64>"}}}}}}          or "x509Certificate"

    {"apiVersion":"0.0.2","kind":"dsse","spec":{"dsseV002":{
      "payloadHash":{"algorithm":"SHA2_256","digest":"<base64>"},
      "signatures":[{"content":"<base64>","verifier":{...}},...]}}}

without the spaces and line breaks: RFC 8785 canonical JSON.  Whether a signature holds
is not asked here: the log asks before it takes an entry.

Source: sigstore/rekor-tiles, "hashedrekord" and "dsse" 0.0.2; RFC 8785.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from tlogverify.bundles import MAX_ENTRY_BYTES
from tlogverify.errors import FormatError
from tlogverify.hashing import DIGEST_BYTES
from tlogverify.lines import encode_base64, parse_base64

REKOR_START: Final = b'{"apiVersion":"0.0.2","kind":"'
"""What every Rekor entry starts with, and no record."""

MAX_SIGNATURES: Final = 10

HASH_OF: Final[Mapping[str, str]] = {
    "PKIX_ECDSA_P256_SHA_256": "SHA2_256",
    "PKIX_ECDSA_P384_SHA_384": "SHA2_384",
    "PKIX_ECDSA_P521_SHA_512": "SHA2_512",
    "PKIX_ED25519_PH": "SHA2_512",
    "PKIX_RSA_PKCS1V15_2048_SHA256": "SHA2_256",
    "PKIX_RSA_PKCS1V15_3072_SHA256": "SHA2_256",
    "PKIX_RSA_PKCS1V15_4096_SHA256": "SHA2_256",
}
"""The hash that each key's signatures are over, by the key's details."""

SHA2_BYTES: Final[Mapping[str, int]] = {
    f"SHA2_{name.removeprefix('sha')}": size for name, size in DIGEST_BYTES.items()
}
"""The size of a digest, by the name that Rekor has for its algorithm."""

Kind = Literal["hashedrekord", "dsse"]

_BASE64: Final = rb"[A-Za-z0-9+/]+={0,2}"
_VERIFIER: Final = (
    rb'\{"keyDetails":"([A-Z0-9_]{1,64})",'
    rb'"(publicKey|x509Certificate)":\{"rawBytes":"(' + _BASE64 + rb')"\}\}'
)
_SIGNATURE: Final = (
    rb'\{"content":"(' + _BASE64 + rb')","verifier":' + _VERIFIER + rb"\}"
)
_DIGEST: Final = rb'\{"algorithm":"(SHA2_[0-9]{3})","digest":"(' + _BASE64 + rb')"\}'
_START: Final = re.escape(REKOR_START)
_HASHEDREKORD: Final = re.compile(
    _START
    + rb'hashedrekord","spec":\{"hashedRekordV002":\{"data":'
    + _DIGEST
    + rb',"signature":('
    + _SIGNATURE
    + rb")\}\}\}"
)
_ANY_SIGNATURE: Final = re.sub(rb"\((?!\?)", rb"(?:", _SIGNATURE)
_DSSE: Final = re.compile(
    _START
    + rb'dsse","spec":\{"dsseV002":\{"payloadHash":'
    + _DIGEST
    + rb',"signatures":\[('
    + _ANY_SIGNATURE
    + rb"(?:,"
    + _ANY_SIGNATURE
    + rb"){0,9})\]\}\}\}"
)
_EACH_SIGNATURE: Final = re.compile(_SIGNATURE)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature and the key that it was made with.

    content: raw bytes.  details: a key of `HASH_OF`.  der: the key's SPKI, or a
    certificate.
    """

    content: bytes
    details: str
    der: bytes
    is_certificate: bool

    def __post_init__(self) -> None:
        if self.details not in HASH_OF:
            raise FormatError("keyDetails is one of those allowed", self.details)
        if not self.content or not self.der:
            raise FormatError("a signature and its key are not empty")

    def _encode(self) -> str:
        member = "x509Certificate" if self.is_certificate else "publicKey"
        return (
            f'{{"content":"{encode_base64(self.content)}","verifier":'
            f'{{"keyDetails":"{self.details}",'
            f'"{member}":{{"rawBytes":"{encode_base64(self.der)}"}}}}}}'
        )


@dataclass(frozen=True, slots=True)
class RekorEntry:
    """What one entry says: these keys signed this digest.

    digest: of the artifact, or of a DSSE envelope's pre-authentication encoding; of
    kind dsse: SHA-256 of the envelope's payload.  algorithm: a key of `SHA2_BYTES`.
    signatures: one; of kind dsse 1 to 10, ascending by their raw bytes.

    Raises FormatError if a value breaks its bounds.
    """

    kind: Kind
    algorithm: str
    digest: bytes
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        if SHA2_BYTES.get(self.algorithm) != len(self.digest):
            raise FormatError(f"a digest of {self.algorithm}", len(self.digest))
        most = MAX_SIGNATURES if self.kind == "dsse" else 1
        if not 0 < len(self.signatures) <= most:
            raise FormatError(f"1 to {most} signatures", len(self.signatures))
        if self.kind == "dsse":
            if self.algorithm != "SHA2_256":
                raise FormatError("a payload's hash is SHA2_256", self.algorithm)
            contents = [signature.content for signature in self.signatures]
            if any(a > b for a, b in pairwise(contents)):
                raise FormatError("signatures are sorted by their bytes")
        elif HASH_OF[self.signatures[0].details] != self.algorithm:
            raise FormatError("the key signs another hash", self.algorithm)

    def encode(self) -> bytes:
        """Return the canonical bytes: the entry, whose hash is the leaf.

        FormatError if they are more than MAX_ENTRY_BYTES.
        """
        encoded = encode_base64(self.digest)
        digest = f'{{"algorithm":"{self.algorithm}","digest":"{encoded}"}}'
        signatures = ",".join(signature._encode() for signature in self.signatures)
        if self.kind == "dsse":
            spec = f'"dsseV002":{{"payloadHash":{digest},"signatures":[{signatures}]}}'
        else:
            spec = f'"hashedRekordV002":{{"data":{digest},"signature":{signatures}}}'
        text = f'{REKOR_START.decode()}{self.kind}","spec":{{{spec}}}}}'
        if len(text) > MAX_ENTRY_BYTES:
            raise FormatError(
                f"an entry has at most {MAX_ENTRY_BYTES} bytes", len(text)
            )
        return text.encode("ascii")


def parse_rekor(entry: bytes) -> RekorEntry:
    """Parse a Rekor entry; it encodes to the same bytes again.

    Raises FormatError for every other bytes.
    """
    kind: Kind = "hashedrekord"
    match = None
    if len(entry) <= MAX_ENTRY_BYTES:
        match = _HASHEDREKORD.fullmatch(entry)
        if match is None:
            kind = "dsse"
            match = _DSSE.fullmatch(entry)
    if match is None:
        raise FormatError("an entry is a Rekor entry in canonical form", entry)
    algorithm, digest, signatures = match[1], match[2], match[3]
    return RekorEntry(
        kind,
        algorithm.decode(),
        parse_base64("digest", digest),
        tuple(
            Signature(
                parse_base64("content", found[1]),
                found[2].decode(),
                parse_base64("rawBytes", found[4]),
                found[3] == b"x509Certificate",
            )
            for found in _EACH_SIGNATURE.finditer(signatures)
        ),
    )
