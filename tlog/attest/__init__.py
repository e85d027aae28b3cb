"""Attestations made: captured, signed, logged.

urls                         PURE: credentials in URLs, and URLs without them
forms                        PURE: the forms of secrets
redaction                    PURE: what must not leave this machine
variables                    PURE: which variables are read, which are secret
ci                           PURE: what a CI system says of a build
commands                     other people's programs, run within bounds
git                          what a checkout says of itself, or why git does not
materials                    lock files that lie in the folder
toolchain                    what is installed
capture                      all of that as SLSA provenance
predicates                   what others say, read within bounds
artifacts                    which files are meant, and where their outputs lie
sboms                        of one artifact: read, held against it, referred to
timestamps                   asked of an authority, over a signature
document                     PURE: statement, envelope, record
bundling                     the same as a Sigstore bundle
attesting                    the files beside the artifacts, and their order
backfill                     what is known of artifacts whose builds nobody watched
"""

from tlog.attest.artifacts import (
    Artifact,
    PassedOver,
    find_artifacts,
    hash_artifacts,
    require_room,
    split_artifacts,
)
from tlog.attest.attesting import (
    Attested,
    Claim,
    attest,
    name_artifacts,
)
from tlog.attest.backfill import (
    Backfill,
    Known,
    join_known,
    known_of_csv,
    known_of_folder,
)
from tlog.attest.bundling import (
    Bundled,
    BundleSigner,
    attest_in_bundle,
)
from tlog.attest.capture import (
    MINIMAL_TYPE,
    Captured,
    Told,
    capture_provenance,
    minimal,
    require_uri,
    utc_time,
)
from tlog.attest.document import (
    AttestationSigner,
    NamedDigest,
    encode_statement,
    name_run,
    record_of,
    sign_statement,
)
from tlog.attest.predicates import (
    read_predicate,
)
from tlog.attest.redaction import (
    Allowance,
    Omission,
    find_secrets,
    why_left_out,
)
from tlog.attest.sboms import (
    SbomFile,
    read_sbom_file,
    require_sbom_of,
    sbom_record,
)
from tlog.attest.timestamps import (
    ask_timestamp,
)
from tlog.attest.variables import (
    secret_values,
)

__all__ = [
    "MINIMAL_TYPE",
    "Allowance",
    "Artifact",
    "AttestationSigner",
    "Attested",
    "Backfill",
    "BundleSigner",
    "Bundled",
    "Captured",
    "Claim",
    "Known",
    "NamedDigest",
    "Omission",
    "PassedOver",
    "SbomFile",
    "Told",
    "ask_timestamp",
    "attest",
    "attest_in_bundle",
    "capture_provenance",
    "encode_statement",
    "find_artifacts",
    "find_secrets",
    "hash_artifacts",
    "join_known",
    "known_of_csv",
    "known_of_folder",
    "minimal",
    "name_artifacts",
    "name_run",
    "read_predicate",
    "read_sbom_file",
    "record_of",
    "require_room",
    "require_sbom_of",
    "require_uri",
    "sbom_record",
    "secret_values",
    "sign_statement",
    "split_artifacts",
    "utc_time",
    "why_left_out",
]
