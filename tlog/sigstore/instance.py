"""One log as Sigstore's clients know it: a URL, a key, an id, a name.

The name is the rule that self-hosters meet first: clients compare a checkpoint's origin
with the bare host name of the log's URL, so that a log of any other origin signs what
they refuse.

Source: sigstore-go, `pkg/root`; rekor-tiles, `docs`; C2SP signed-note, key ids.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tlog.config import require_bare_host
from tlog.sigstore.neighbours import Document
from tlog.sigstore.validity import parse_time
from tlogverify.errors import FormatError
from tlogverify.keys import KeyType, VerifierKey
from tlogverify.lines import encode_base64
from tlogverify.policy import PolicyLog

MAX_URL_CHARS: Final = 2048
MAX_OPERATOR_CHARS: Final = 255

_URL: Final = re.compile(r"https?://[!-~]+")


class LogKeys(NamedTuple):
    """The Ed25519 keys of one log.

    named: what the log's entries are named by.  beside: what signs each head too.
    retired: what has signed, and does no more.
    """

    named: VerifierKey
    beside: tuple[VerifierKey, ...] = ()
    retired: tuple[VerifierKey, ...] = ()


@dataclass(frozen=True, slots=True)
class LogInstance:
    """A log that clients are told of.

    base_url: as clients shall use it; a slash at its end stays.  keys: named as the
    URL's host.  start: RFC 3339, from when on it is used.  operator: who runs it.  end:
    RFC 3339, when keys retired; clients go on to believe what was signed before.

    Raises FormatError unless all of that holds.
    """

    base_url: str
    keys: LogKeys
    start: str
    operator: str
    end: str = ""

    def __post_init__(self) -> None:
        host = require_root_url(self.base_url)
        parse_time("the start", self.start)
        require_operator(self.operator)
        for key in self._all:
            if key.key_type is not KeyType.ED25519:
                raise FormatError("the log's key is Ed25519", key.encode())
            if key.name != host:
                raise _wrong_origin(host, key.name)
        if self.keys.retired:
            parse_time("the end", self.end)

    @property
    def log_id(self) -> bytes:
        """The 32 bytes by which clients look up the log of an entry that it makes."""
        return self.keys.named.key_hash

    @property
    def log_ids(self) -> frozenset[bytes]:
        """All that entries of the log were or will be named by."""
        return frozenset(key.key_hash for key in self._all)

    @property
    def _all(self) -> tuple[VerifierKey, ...]:
        return self.keys.named, *self.keys.beside, *self.keys.retired

    def trusted(self) -> tuple[Document, ...]:
        """Return what a TrustedRoot says of the log: one item for each key."""
        signing = (self.keys.named, *self.keys.beside)
        now = [self._trusted(key, {"start": self.start}) for key in signing]
        until: Document = {"start": self.start, "end": self.end}
        return *now, *(self._trusted(key, until) for key in self.keys.retired)

    def _trusted(self, key: VerifierKey, valid_for: Document) -> Document:
        public_key: Document = {
            "rawBytes": encode_base64(ed25519_spki(key.public_bytes)),
            "keyDetails": "PKIX_ED25519",
            "validFor": valid_for,
        }
        return {
            "baseUrl": self.base_url,
            "hashAlgorithm": "SHA2_256",
            "publicKey": public_key,
            "logId": {"keyId": encode_base64(key.key_hash)},
        }

    def endpoint(self) -> Document:
        """Return what a SigningConfig says of the log."""
        return endpoint(self.base_url, 2, self.start, self.operator)


def choose_log_keys(logs: Iterable[PolicyLog], base_url: str) -> LogKeys:
    """Return the Ed25519 keys of the log at `base_url`.

    logs: of a policy; of keys that sign together the first one has signed the longest,
    and a log names its entries by it.

    Raises FormatError, with the name that is expected, if none signs.
    """
    host = require_root_url(base_url)
    known = {it.key: it for it in logs if it.key.key_type is KeyType.ED25519}
    if not known:
        raise FormatError("the policy has an Ed25519 key of the log")
    ours = [it for it in known.values() if it.key.name == host]
    if not ours:
        raise _wrong_origin(host, ", ".join(sorted({key.name for key in known})))
    signing = [it.key for it in ours if it.retired is None]
    if not signing:
        raise FormatError(
            f"the policy has an Ed25519 key of {host} that did not retire"
        )
    retired = tuple(it.key for it in ours if it.retired is not None)
    return LogKeys(signing[0], tuple(signing[1:]), retired)


def endpoint(url: str, version: int, start: str, operator: str) -> Document:
    """Return a SigningConfig's item for one service."""
    return {
        "url": url,
        "majorApiVersion": version,
        "validFor": {"start": start},
        "operator": operator,
    }


def require_operator(operator: str) -> None:
    """Raise FormatError unless it is printable text of 1 to 255 characters."""
    if not 0 < len(operator) <= MAX_OPERATOR_CHARS:
        raise FormatError(
            f"an operator has 1 to {MAX_OPERATOR_CHARS} characters", operator
        )
    if not operator.isprintable():
        raise FormatError("an operator is printable text", operator)


def ed25519_spki(public_bytes: bytes) -> bytes:
    """Return the DER SubjectPublicKeyInfo of a 32-byte key (RFC 8410)."""
    key = Ed25519PublicKey.from_public_bytes(public_bytes)
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def require_url(rule: str, url: str) -> None:
    """Raise FormatError unless `url` is http or https, with a host and no password."""
    if len(url) > MAX_URL_CHARS or _URL.fullmatch(url) is None:
        raise FormatError(f"{rule} is an http or https URL", url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise FormatError(f"{rule} is an http or https URL", url) from None
    if not parts.hostname or port == 0:
        raise FormatError(f"{rule} has a host name", url)
    if "@" in parts.netloc:
        # It would be handed to everybody who gets the file.
        raise FormatError(f"{rule} has no user or password")
    if parts.netloc.endswith(":"):
        raise FormatError(f"{rule} has a port after its colon", url)


def require_root_url(url: str) -> str:
    """Return the host name of a log's URL; FormatError unless it is at its root."""
    require_url("the log's URL", url)
    parts = urlsplit(url)
    if parts.path not in {"", "/"} or "?" in url or "#" in url:
        raise FormatError("for Sigstore a log is at the root of its host", url)
    host = parts.hostname or ""
    if host not in parts.netloc:
        # The parser lowers it, clients do not: no origin would be equal to it.
        raise FormatError("the log's host name is in lower case", url)
    require_bare_host(host)
    return host


def _wrong_origin(host: str, found: str) -> FormatError:
    return FormatError(
        f"for Sigstore the origin must be {host}, the bare host name of the log's URL: "
        "an origin never changes, so that it takes a new log, in a new folder, with "
        f"--origin {host}; or say the log's public URL by --base-url",
        found,
    )
