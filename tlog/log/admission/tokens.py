"""Bearer tokens, stored hashed: `<sha256 of the token, 64 hex> <name>` a line.

A token is random and long, so a plain hash keeps it secret.  The stored hash cannot be
sent as a token.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tlogverify.errors import FormatError

_LINE: Final = re.compile(r"([0-9a-f]{64}) ([\x21-\x7e]{1,64})")


def read_tokens(path: Path) -> dict[bytes, str]:
    """Return the names of a tokens file by the tokens' hashes.

    Blank lines and lines that start with # are passed over.  Raises FormatError naming
    the line, and never showing it.
    """
    tokens: dict[bytes, str] = {}
    text = path.read_text("utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise FormatError(f"{path} line {number} is not '<sha256 hex> <name>'")
        tokens[bytes.fromhex(match[1])] = match[2]
    return tokens


def token_name(tokens: Mapping[bytes, str], authorization: str) -> str | None:
    """Return the name of the token in an Authorization header, or None.

    The hash is looked up, not the token, so that the time of the look-up says nothing
    about the token.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    return tokens.get(hashlib.sha256(token.encode("utf-8", "replace")).digest())
