"""Sigstore bundles: read, written, and verified as far as no certificate is asked.

The files, in order of dependency:

    members           JSON of one spelling, from protobuf
    entries  bundle   log entries and bundles, parsed and encoded
"""

from tlogverify.sigstore.bundle import Bundle, MessageSignature
from tlogverify.sigstore.entries import InclusionProof, LogEntry, parse_log_entry

__all__ = [
    "Bundle",
    "InclusionProof",
    "LogEntry",
    "MessageSignature",
    "parse_log_entry",
]
