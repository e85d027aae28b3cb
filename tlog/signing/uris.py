"""Key URIs: where a private key is, in one text that shows no secret.

    PATH, file:PATH             a key file of mode 0600
    pkcs11:token=T;object=O?module-path=M&pin-source=S
                                a key on a token; S is file:PATH or credential:NAME
    ssh-agent:SHA256:DIGEST     a key that an agent at SSH_AUTH_SOCK holds

A PIN never stands in a URI, because every process of the machine can read arguments.

Source: RFC 7512 (PKCS #11 URI), section 2.3; RFC 8089 (file:).
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

from tlog.signing.keyfiles import read_key_file
from tlogverify.errors import FormatError

_MAX_CHARS: Final = 4096
_MAX_PIN_BYTES: Final = 1024
_FINGERPRINT: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_PATH_NAMES: Final = {"token", "serial", "manufacturer", "model", "object", "id"}
_QUERY_NAMES: Final = {"module-path", "pin-source"}
_SPELLED: Final = re.compile(r"(?:[A-Za-z0-9\-._~:/@!$'()*+,=\[\]]|%[0-9A-Fa-f]{2})*")
_NEXT: Final = "write pin-source=file:PATH, or credential:NAME for one of systemd's"


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A key in a file."""

    path: Path


@dataclass(frozen=True, slots=True)
class AgentPlace:
    """A key that an ssh-agent holds; fingerprint: SHA256:, as `ssh-add -l` shows it."""

    fingerprint: str


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """A key on a token; empty texts and no id match everything.

    module: the path of the library that speaks to the token.  pin_source: where its
    PIN is, or "" for a token without one.
    """

    module: str
    token: str
    object: str
    serial: str = ""
    manufacturer: str = ""
    model: str = ""
    id: bytes | None = None
    pin_source: str = ""

    @property
    def shown(self) -> str:
        """What people are told it is."""
        return f"pkcs11:token={self.token};object={self.object}"

    def read_pin(self) -> str | None:
        """Read the PIN from its source, anew each time, so that it may be changed.

        Raises RejectedError if others may read the file, FormatError if there is no PIN
        in it, or OSError.  No error shows it.
        """
        if not self.pin_source:
            return None
        scheme, _, rest = self.pin_source.partition(":")
        path = Path(rest) if scheme == "file" else _credential(rest)
        content = read_key_file(path, _MAX_PIN_BYTES + 1).rstrip(b"\r\n")
        if not 0 < len(content) <= _MAX_PIN_BYTES:
            raise FormatError(f"{path} holds no PIN of 1 to {_MAX_PIN_BYTES} bytes")
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise FormatError(f"{path} holds a PIN that is not UTF-8") from None


Place = FilePlace | AgentPlace | TokenPlace


def parse_place(text: str) -> Place:
    """Parse a key URI; a text without a known scheme is a path.

    Raises FormatError, which shows nothing of a PIN.
    """
    scheme, colon, rest = text.partition(":")
    if not text or len(text) > _MAX_CHARS or "\x00" in text:
        raise FormatError(f"a key's place has 1 to {_MAX_CHARS} characters")
    if not colon or scheme not in {"file", "pkcs11", "ssh-agent"}:
        return FilePlace(Path(text))
    if scheme == "file":
        return FilePlace(_file_path(rest))
    if scheme == "ssh-agent":
        if _FINGERPRINT.fullmatch(rest) is None:
            raise FormatError(
                "an agent's key is ssh-agent:SHA256:…, as ssh-add -l shows it", rest
            )
        return AgentPlace(rest)
    return _token_place(rest)


def _file_path(rest: str) -> Path:
    path = unquote(rest.removeprefix("//") if rest.startswith("///") else rest)
    if not path or path.startswith("//"):
        raise FormatError("a file's URI is file:PATH or file:///PATH", rest)
    return Path(path)


def _token_place(rest: str) -> TokenPlace:
    path, _, query = rest.partition("?")
    if re.search(r"(?:^|[;&?])pin-value=", rest):
        # The text is not shown: it holds the PIN.
        raise FormatError(
            f"a PIN in a URI can be read by all who can list processes: {_NEXT}"
        )
    told = _attributes(path, ";", _PATH_NAMES)
    asked = _attributes(query, "&", _QUERY_NAMES)
    for name in ("token", "object"):
        if not told.get(name):
            raise FormatError(f"a pkcs11: URI names the {name}: {name}=NAME")
    if not asked.get("module-path"):
        raise FormatError(
            "a pkcs11: URI names the library: ?module-path=/usr/lib/…/libsofthsm2.so"
        )
    source = unquote(asked.get("pin-source", ""))
    if source and not re.fullmatch(r"file:.+|credential:[A-Za-z0-9_.-]+", source):
        raise FormatError(f"this pin-source is not supported: {_NEXT}", source)
    texts = {name: unquote(value) for name, value in told.items() if name != "id"}
    return TokenPlace(
        module=unquote(asked["module-path"]),
        pin_source=source,
        id=unquote_to_bytes(told["id"]) if "id" in told else None,
        **texts,
    )


def _attributes(part: str, separator: str, known: set[str]) -> Mapping[str, str]:
    """Return the attributes of one part of a URI, still percent-encoded."""
    found: dict[str, str] = {}
    for attribute in filter(None, part.split(separator)):
        name, equals, value = attribute.partition("=")
        if name not in known or not equals:
            allowed = ", ".join(sorted(known))
            raise FormatError(f"a pkcs11: URI has {allowed} there", name)
        if name in found:
            raise FormatError("a pkcs11: URI names an attribute twice", name)
        if _SPELLED.fullmatch(value) is None:
            raise FormatError(f"{name} has a character that is not percent-encoded")
        found[name] = value
    return found


def _credential(name: str) -> Path:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise FormatError(
            "CREDENTIALS_DIRECTORY is not set: let systemd load it, by LoadCredential="
        )
    return Path(folder) / name
