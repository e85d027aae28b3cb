"""The first entry of a log for Sigstore's clients, which the log makes by itself.

sigstore-java takes index 0 for "not set" and loses the entry that has it, so that no
client's entry may have it.  Each client and monitor can parse this one: a hashedrekord
over a text that names the log, signed by a key that is made for it and kept nowhere.

    tlog: the first entry of <origin>                           and a newline

Source: sigstore/rekor-tiles, "hashedrekord"; sigstore-java, `RekorEntry`.
"""

from hashlib import sha256

from tlog.signing import AttestationKeyType, generate_attestation_key
from tlogverify.rekor import RekorEntry, Signature


def first_statement(origin: str) -> bytes:
    """Return the text whose SHA-256 the first entry of a log has."""
    return f"tlog: the first entry of {origin}\n".encode()


def make_first_entry(origin: str) -> bytes:
    """Make the leaf bytes of a log's first entry; they differ at each call."""
    statement = first_statement(origin)
    key = generate_attestation_key(AttestationKeyType.P256)
    signature = Signature(
        key.sign(statement), "PKIX_ECDSA_P256_SHA_256", key.public, False
    )
    return RekorEntry(
        "hashedrekord", "SHA2_256", sha256(statement).digest(), (signature,)
    ).encode()
