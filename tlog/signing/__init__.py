"""Private keys are made, kept in files of mode 0600, and used here, and nowhere else.

    heads               keys of logs and witnesses, which sign heads
    attestation_keys    keys of people and build systems, which sign attestations
    keyfiles            how a private key's file is written and read
    uris                where a key is: file:, pkcs11:, ssh-agent:
    places              from there to a key that signs
    remote              keys that others hold: asked anew, verified, waited for
    telling             what roles that run write of those into their logs
    times               what signatures state: none goes back without a word
    tokens              on PKCS #11 tokens, by an extra that is loaded when used
    agents              in an ssh-agent
    points              how tokens and agents spell points and signatures

A key shows its secret in no repr, error or log line.
"""

from tlog.signing.agents import open_agent_key
from tlog.signing.attestation_keys import (
    AttestationKey,
    AttestationKeyType,
    generate_attestation_key,
    read_attestation_key,
)
from tlog.signing.heads import HeadSigner, SigningKey, generate_key, read_key
from tlog.signing.places import (
    OpenToken,
    file_of,
    open_attestation_key,
    open_no_token,
    open_signing_key,
)
from tlog.signing.remote import KeyAwayError, RemoteKey
from tlog.signing.uris import AgentPlace, FilePlace, TokenPlace, parse_place

__all__ = [
    "AgentPlace",
    "AttestationKey",
    "AttestationKeyType",
    "FilePlace",
    "HeadSigner",
    "KeyAwayError",
    "OpenToken",
    "RemoteKey",
    "SigningKey",
    "TokenPlace",
    "file_of",
    "generate_attestation_key",
    "generate_key",
    "open_agent_key",
    "open_attestation_key",
    "open_no_token",
    "open_signing_key",
    "parse_place",
    "read_attestation_key",
    "read_key",
]
