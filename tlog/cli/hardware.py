"""Keys on tokens, as the commands open and make them; loaded where a pkcs11: URI is.

It needs python-pkcs11, an extra: `tlog.cli.keys` says so where it is missing.
"""

from tlog.signing.tokens import make_token_key, open_token_key

__all__ = ["make_token_key", "open_token_key"]
