"""Sigstore bundles: read, written, and verified as far as no certificate is asked.

The files, in order of dependency:

    members           JSON of one spelling, from protobuf
    entries  bundle   log entries and bundles, parsed and encoded
    ed25519ph         signatures of Ed25519 keys over a digest
    signers           public keys, and those of certificates
    verify            the one call
"""

from tlogverify.sigstore.bundle import Bundle, MessageSignature
from tlogverify.sigstore.entries import InclusionProof, LogEntry, parse_log_entry
from tlogverify.sigstore.signers import BundleKey
from tlogverify.sigstore.verify import ProvenBundle, UnjudgedError, verify_bundle

__all__ = [
    "Bundle",
    "BundleKey",
    "InclusionProof",
    "LogEntry",
    "MessageSignature",
    "ProvenBundle",
    "UnjudgedError",
    "parse_log_entry",
    "verify_bundle",
]
