"""Bearer tokens, stored hashed, a line each.

    <sha256 of the token, 64 hex> <name>
    <sha256 of the token, 64 hex> <name> <what it may> <until>

what it may: some of submit,documents,redact, in that order.  until: `never`, or the
first second in which it does not let in, as 2027-01-31T00:00:00Z.  A line of the short
form may do everything for ever.

A token is random and long, so a plain hash keeps it secret.  The stored hash cannot be
sent as a token.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Final

from tlogverify.errors import FormatError

_LINE: Final = re.compile(
    r"([0-9a-f]{64}) ([\x21-\x7e]{1,64})(?: ([a-z,]+) (never|[0-9TZ:-]{20}))?"
)
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


class Scope(Enum):
    """What a token may do; the value is its spelling in a file."""

    SUBMIT = "submit"
    DOCUMENTS = "documents"
    REDACT = "redact"


EVERYTHING: Final = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Token:
    """One token's line without its hash.

    until_s: POSIX seconds of the first second in which it does not let in, or None.
    """

    name: str
    scopes: frozenset[Scope] = EVERYTHING
    until_s: int | None = None

    def encode(self, digest: bytes) -> str:
        """Return the line of this token in its long form, without LF."""
        scopes = ",".join(it.value for it in Scope if it in self.scopes)
        until = "never"
        if self.until_s is not None:
            until = datetime.fromtimestamp(self.until_s, UTC).strftime(_TIME)
        return f"{digest.hex()} {self.name} {scopes} {until}"


def read_tokens(path: Path) -> dict[bytes, Token]:
    """Return the tokens of a tokens file by their hashes.

    Blank lines and lines that start with # are passed over.  Raises FormatError naming
    the line, and never showing it.
    """
    tokens: dict[bytes, Token] = {}
    text = path.read_text("utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            digest, token = _parse_line(line.strip())
        except (FormatError, ValueError):
            raise FormatError(
                f"{path} line {number} is not '<sha256 hex> <name>', or that and "
                "'<submit,documents,redact> <time>'"
            ) from None
        tokens[digest] = token
    return tokens


def token_hash(token: str) -> bytes:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def find_token(tokens: Mapping[bytes, Token], authorization: str) -> Token | None:
    """Return the token in an Authorization header, or None.

    Hashes are compared, not tokens, and each of them in a time that says nothing of
    where they differ.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    asked, found = token_hash(token), None
    for stored, it in tokens.items():
        if hmac.compare_digest(stored, asked):
            found = it
    return found


def _parse_line(line: str) -> tuple[bytes, Token]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise FormatError("not a token's line")
    digest, name, scopes, until = match.groups()
    if scopes is None:
        return bytes.fromhex(digest), Token(name)
    until_s = None
    if until != "never":
        until_s = int(datetime.strptime(until, _TIME).replace(tzinfo=UTC).timestamp())
    token = Token(name, parse_scopes(scopes), until_s)
    if token.encode(bytes.fromhex(digest)) != line:
        raise FormatError("not the one spelling of a token's line")
    return bytes.fromhex(digest), token


def parse_scopes(text: str) -> frozenset[Scope]:
    """Parse scopes with commas between them; raises FormatError."""
    names = [it.value for it in Scope]
    found = text.split(",")
    if not set(found) <= set(names) or len(set(found)) < len(found):
        raise FormatError(f"what a token may is some of {','.join(names)}", text)
    return frozenset(map(Scope, found))
