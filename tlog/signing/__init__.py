"""Private keys: made, kept in files of mode 0600, and used to sign.  All of it is here.

    heads        keys of logs and witnesses, which sign heads
    documents    keys of people and build systems, which sign attestations
    keyfiles     how a private key's file is written and read

A key shows its secret in no repr, error or log line.
"""

from tlog.signing.documents import (
    DocumentKey,
    DocumentKeyType,
    generate_document_key,
    read_document_key,
)
from tlog.signing.heads import HeadSigner, SigningKey, generate_key, read_key

__all__ = [
    "DocumentKey",
    "DocumentKeyType",
    "HeadSigner",
    "SigningKey",
    "generate_document_key",
    "generate_key",
    "read_document_key",
    "read_key",
]
