"""Private keys are made, kept in files of mode 0600, and used here, and nowhere else.

    heads               keys of logs and witnesses, which sign heads
    attestation_keys    keys of people and build systems, which sign attestations
    keyfiles            how a private key's file is written and read

A key shows its secret in no repr, error or log line.
"""

from tlog.signing.attestation_keys import (
    AttestationKey,
    AttestationKeyType,
    generate_attestation_key,
    read_attestation_key,
)
from tlog.signing.heads import HeadSigner, SigningKey, generate_key, read_key

__all__ = [
    "AttestationKey",
    "AttestationKeyType",
    "HeadSigner",
    "SigningKey",
    "generate_attestation_key",
    "generate_key",
    "read_attestation_key",
    "read_key",
]
