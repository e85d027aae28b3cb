"""A trusted root's logs: their keys, when these count, and what they signed.

    {"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1",
     "tlogs":[{"baseUrl":"https://log.example.org","logId":{"keyId":"<base64>"},
       "publicKey":{"rawBytes":"<base64>","keyDetails":"PKIX_ED25519",
         "validFor":{"start":"<RFC 3339>","end":"<RFC 3339>"}}, ...}, ...], ...}

A checkpoint counts if the log's line holds, which is named as the host of its URL and
has the first 4 bytes of its id.  A promise is the log's signature over an entry and a
time (Rekor v1); it is verified where it stands, and proves no inclusion.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`; sigstore-go, `pkg/root`;
Rekor v1, `types.md`, "Signed Entry Timestamp".
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tlogverify.attestation.members import (
    array_member,
    object_member,
    parse_object,
    required_text,
)
from tlogverify.checkpoint import Checkpoint, parse_checkpoint
from tlogverify.errors import FormatError, SignatureError, VerificationError
from tlogverify.lines import encode_base64, parse_base64
from tlogverify.note import parse_note
from tlogverify.sigstore import LogEntry

MAX_ROOT_BYTES: Final = 4 << 20
MAX_LOGS: Final = 256
MEDIA_TYPE: Final = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"

_RULE: Final = "a trusted root"
_Key = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey


@dataclass(frozen=True, slots=True)
class TrustedLog:
    """One log; start_s, end_s: the POSIX seconds within which its word counts.

    end_s: None for no end.  Both bounds count.
    """

    host: str
    log_id: bytes
    key: _Key
    start_s: float
    end_s: float | None

    def open_checkpoint(self, note_bytes: bytes) -> Checkpoint:
        """Return the checkpoint of a note that this log signed.

        Raises FormatError, or SignatureError if it did not, or a line of it fails.
        """
        note = parse_note(note_bytes)
        lines = [
            it
            for it in note.signatures
            if (it.name, it.key_id) == (self.host, self.log_id[:4])
        ]
        if not lines:
            raise SignatureError(f"no line of the checkpoint is by {self.host}")
        for line in lines:
            self._verify(note.text, line.signature, "the checkpoint")
        return parse_checkpoint(note.text)

    def require_promise(self, entry: LogEntry) -> None:
        """Raise VerificationError if the entry's promise, where it has one, fails."""
        if not entry.promise:
            return
        if entry.integrated_time_s < self.start_s or (
            self.end_s is not None and entry.integrated_time_s > self.end_s
        ):
            raise VerificationError("the log's promise is of a time beyond its trust")
        promised = {
            "body": encode_base64(entry.body),
            "integratedTime": entry.integrated_time_s,
            "logID": entry.log_id.hex(),
            "logIndex": entry.index,
        }
        text = json.dumps(promised, sort_keys=True, separators=(",", ":")).encode()
        self._verify(text, entry.promise, "the promise")

    def _verify(self, message: bytes, signature: bytes, what: str) -> None:
        try:
            if isinstance(self.key, Ed25519PublicKey):
                self.key.verify(signature, message)
            elif isinstance(self.key, EllipticCurvePublicKey):
                self.key.verify(signature, message, ECDSA(SHA256()))
            else:
                self.key.verify(signature, message, padding.PKCS1v15(), SHA256())
        except InvalidSignature:
            raise SignatureError(f"{what} is not signed by {self.host}") from None


@dataclass(frozen=True, slots=True)
class TrustedLogs:
    """The logs of a trusted root, each by its id."""

    by_id: Mapping[bytes, TrustedLog]

    @classmethod
    def parse(cls, text: bytes) -> "TrustedLogs":
        """Parse the logs of a trusted root; members of other kinds are passed over.

        Raises FormatError.
        """
        if len(text) > MAX_ROOT_BYTES:
            raise FormatError(f"{_RULE} has at most {MAX_ROOT_BYTES} bytes")
        members = parse_object(_RULE, text)
        found = required_text(_RULE, members, "mediaType")
        if found != MEDIA_TYPE:
            raise FormatError(f"{_RULE} is {MEDIA_TYPE}", found)
        logs = [_read_log(it) for it in array_member(_RULE, members, "tlogs", MAX_LOGS)]
        by_id = {it.log_id: it for it in logs}
        if len(by_id) != len(logs):
            raise FormatError(f"{_RULE} names each log's id once")
        return cls(by_id)

    def prove(self, entries: Sequence[LogEntry]) -> tuple[Checkpoint, ...]:
        """Return the checkpoint of each entry, once its log is shown to have it.

        Raises VerificationError if there is no entry, or one is of another log.
        """
        if not entries:
            raise VerificationError("the bundle has no log entry: no log knows of it")
        return tuple(self._prove(it) for it in entries)

    def _prove(self, entry: LogEntry) -> Checkpoint:
        log = self.by_id.get(entry.log_id)
        if log is None:
            raise VerificationError(
                f"the trusted root names no log of the id {entry.log_id.hex()}"
            )
        log.require_promise(entry)
        checkpoint = log.open_checkpoint(entry.to_proof().note)
        entry.require_in(checkpoint)
        return checkpoint


def _read_log(members: Mapping[str, object]) -> TrustedLog:
    rule = "tlogs"
    url = required_text(rule, members, "baseUrl")
    try:
        host = urlsplit(url if "://" in url else f"//{url}").hostname
    except ValueError:
        host = None
    if not host:
        raise FormatError("a log's baseUrl is a URL with a host", url)
    key = object_member(rule, members, "publicKey")
    log_id = required_text("logId", object_member(rule, members, "logId"), "keyId")
    period = object_member("publicKey", key, "validFor")
    end = period.get("end")
    return TrustedLog(
        host,
        parse_base64("logId.keyId", log_id.encode()),
        _read_key(required_text("publicKey", key, "rawBytes")),
        _read_time(required_text("validFor", period, "start")),
        None if end is None else _read_time(required_text("validFor", period, "end")),
    )


def _read_key(text: str) -> _Key:
    try:
        key = load_der_public_key(parse_base64("publicKey.rawBytes", text.encode()))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise FormatError("a log's key is a public key in DER") from None
    if not isinstance(key, _Key):
        raise FormatError("a log's key is Ed25519, ECDSA or RSA")
    return key


def _read_time(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise FormatError("a time is RFC 3339", text) from None
    if found.tzinfo is None:
        raise FormatError("a time is RFC 3339, with its zone", text)
    return found.timestamp()
