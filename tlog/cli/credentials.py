"""Secrets that commands are given: by the environment or a file, never by an argument.

Nothing of them is shown in an error.
"""

import argparse
import os
from typing import Final

from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.lines import parse_text

KEY_HELP: Final = "a private key: a PKCS#8 file in PEM, or a pkcs11: or ssh-agent: URI"

# What OpenSSL takes of a password.
_MAX_PASSWORD_BYTES: Final = 1023
_MAX_TOKEN_BYTES: Final = 16_384


def key_password() -> bytes:
    """Return TLOG_KEY_PASSWORD, or nothing; FormatError if no key can have it."""
    # Bytes that are no UTF-8 stand there as surrogates, which have no other form.
    password = os.environb.get(b"TLOG_KEY_PASSWORD", b"")
    parse_text("TLOG_KEY_PASSWORD", password)
    if len(password) > _MAX_PASSWORD_BYTES:
        raise FormatError(f"TLOG_KEY_PASSWORD has at most {_MAX_PASSWORD_BYTES} bytes")
    return password


def bearer_token(options: argparse.Namespace) -> str | None:
    """Return the token of --token-file, else TLOG_TOKEN; None without either."""
    if options.token_file is None:
        return os.environ.get("TLOG_TOKEN")
    content = read_bounded(options.token_file, "a token", _MAX_TOKEN_BYTES)
    return parse_text("a token", content).strip()
