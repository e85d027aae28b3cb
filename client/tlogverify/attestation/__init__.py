"""Attestations: signed statements about artifacts, verified offline by rules.

DSSE envelopes with in-toto statements, of any predicate; SLSA provenance is read and
judged.  Sigstore is not needed, because keys are files, and the log holds a record of
the envelope's bytes.

The files, in order of dependency:

    members              JSON that others wrote
    signers  dsse        public keys, signed envelopes
    statement            what is said, of which artifacts
    builds  slsa         build types and their sources; provenance
    rules  verify        whom to believe; the one call
"""

from tlogverify.attestation.rules import Rules
from tlogverify.attestation.verify import ProvenAttestation, verify_attestation

__all__ = ["ProvenAttestation", "Rules", "verify_attestation"]
