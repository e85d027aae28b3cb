"""References to images: `oci://HOST[:PORT]/NAME[:TAG][@sha256:HEX]`.

Each image has one spelling: hosts are in lower case, no tag stands for an absent one,
and a digest beside a tag is what counts.  The host is the one that serves the API.

Source: OCI distribution-spec v1.1, "Pulling manifests"; distribution/reference.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address
from typing import Final, NewType

from tlogclient.network import is_loopback
from tlogverify.errors import FormatError

SCHEME: Final = "oci://"
MAX_NAME_CHARS: Final = 255

Digest = NewType("Digest", str)
"""`sha256:` and 64 lower-case hex digits: no other names an image in a log."""

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME: Final = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HAS_USER: Final = re.compile(r"[a-z]+://[^/]*@")
_AUTHORITY: Final = re.compile(
    rf"(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{{0,4}}))?"
)


def parse_digest(rule: str, text: object) -> Digest:
    """Parse a SHA-256 as registries spell it; raises FormatError for all others."""
    if not isinstance(text, str) or _DIGEST.fullmatch(text) is None:
        raise FormatError(f"{rule} is sha256: and 64 lower-case hex digits", text)
    return Digest(text)


def digest_of(content: bytes) -> Digest:
    """Return the digest of some bytes."""
    return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")


def sha256_of(digest: Digest) -> bytes:
    """Return the 32 bytes of a digest."""
    return bytes.fromhex(digest.removeprefix("sha256:"))


@dataclass(frozen=True, slots=True)
class Reference:
    """An image in a registry.

    authority: host and port, as they stand in a URL.  tag, digest: "" and None where
    they are not told; one of them is.
    """

    authority: str
    name: str
    tag: str
    digest: Digest | None

    @property
    def text(self) -> str:
        """Its one spelling; the tag is left out where a digest says more."""
        tag = f":{self.tag}" if self.tag and self.digest is None else ""
        digest = "" if self.digest is None else f"@{self.digest}"
        return f"{SCHEME}{self.authority}/{self.name}{tag}{digest}"

    def pinned(self, digest: Digest) -> "Reference":
        """Return the reference by which nobody can mean another image."""
        return replace(self, tag="", digest=digest)

    def origin(self, *, plain_http: bool) -> str:
        """Return the URL of its registry: plain HTTP on loopback, or if that is asked.

        plain_http: speak it to any host.
        """
        is_plain = plain_http or is_loopback(_host_of(self.authority))
        return f"{'http' if is_plain else 'https'}://{self.authority}"


def parse_reference(text: str) -> Reference:
    """Parse a reference; raises FormatError."""
    # An @ in front of the name stands behind a user, and perhaps a password.
    if _HAS_USER.match(text):
        raise FormatError("a reference names no user: log in as docker login does")
    rest = text.removeprefix(SCHEME)
    authority, slash, path = rest.partition("/")
    if rest == text or not slash:
        raise FormatError(
            "an image is oci://HOST/NAME:TAG or oci://HOST/NAME@DIGEST", text
        )
    _require_authority(authority)
    named, at, digits = path.partition("@")
    name, colon, tag = named.partition(":")
    if len(name) > MAX_NAME_CHARS or _NAME.fullmatch(name) is None:
        raise FormatError(
            f"an image's name has at most {MAX_NAME_CHARS} characters, parts of a-z "
            "and 0-9, joined by / and single separators",
            name,
        )
    if colon and _TAG.fullmatch(tag) is None:
        raise FormatError("a tag has 1 to 128 of A-Z, a-z, 0-9, _ . and -", tag)
    if not colon and not at:
        raise FormatError(
            "an image is named by a tag or a digest: add :TAG or @DIGEST", text
        )
    digest = parse_digest("an image's digest", digits) if at else None
    return Reference(authority, name, tag, digest)


def _require_authority(authority: str) -> None:
    match = _AUTHORITY.fullmatch(authority)
    if match is None or int(match["port"] or "1") > 65_535:
        raise FormatError(
            "a registry is a host in lower case, and maybe :PORT", authority
        )
    if match["host"].startswith("["):
        try:
            address = ip_address(match["host"][1:-1])
        except ValueError:
            address = None
        if not isinstance(address, IPv6Address) or f"[{address}]" != match["host"]:
            raise FormatError("an IPv6 address stands in its shortest form", authority)


def _host_of(authority: str) -> str:
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]
