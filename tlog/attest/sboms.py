"""An SBOM of one artifact: read within bounds, held against the file, ready to state.

An SBOM that fits is the predicate itself, of its own type.  A larger one is logged and
stored under its own digest, and what is signed is a reference to it:

    predicateType   https://in-toto.io/attestation/reference/v0.1
    predicate       attester.id       the log that keeps it
                    references[0]     downloadLocation, digest, mediaType

Source: in-toto attestation, `spec/predicates/reference.md`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from tlog.attest.artifacts import Artifact
from tlog.attest.predicates import MAX_PREDICATE_BYTES, require_shallow
from tlog.errors import RejectedError
from tlogclient.kept import MAX_DOCUMENT_BYTES
from tlogclient.sboms import CYCLONEDX_TYPE, STRONG, Sbom, read_sbom
from tlogverify import Record
from tlogverify.attestation.members import parse_object
from tlogverify.command.telling import printable
from tlogverify.files import hash_file, read_bounded
from tlogverify.record import Subject

_CYCLONEDX_MEDIA: Final = "application/vnd.cyclonedx+json"
_SPDX_MEDIA: Final = "application/spdx+json"


@dataclass(frozen=True, slots=True)
class SbomFile:
    """An SBOM as it lies in a file; members: of its JSON."""

    content: bytes
    members: Mapping[str, object]
    sbom: Sbom

    @property
    def is_statement(self) -> bool:
        """Whether a statement has room for it."""
        # As it is encoded there: what is no ASCII takes up to six times its bytes.
        encoded = json.dumps(self.members, separators=(",", ":"))
        return len(encoded) <= MAX_PREDICATE_BYTES

    @property
    def sha256(self) -> bytes:
        """What a reference names it by."""
        return sha256(self.content).digest()

    def reference(self, log_url: str) -> dict[str, object]:
        """Return the predicate that refers to it, where this log keeps it."""
        is_cyclonedx = self.sbom.predicate_type == CYCLONEDX_TYPE
        log, digits = log_url.rstrip("/"), self.sha256.hex()
        descriptor = {
            "downloadLocation": f"{log}/api/v1/documents/sha256:{digits}",
            "digest": {"sha256": digits},
            "mediaType": _CYCLONEDX_MEDIA if is_cyclonedx else _SPDX_MEDIA,
        }
        return {"attester": {"id": log}, "references": [descriptor]}


def read_sbom_file(path: Path) -> SbomFile:
    """Read an SBOM of at most 64 MiB and 256 levels; raises FormatError."""
    content = read_bounded(path, "an SBOM", MAX_DOCUMENT_BYTES)
    rule = f"the SBOM {path.name}"
    require_shallow(rule, content)
    members = parse_object(rule, content)
    return SbomFile(content, members, read_sbom(members))


def sbom_record(sbom: SbomFile, artifacts: Sequence[Artifact]) -> Record:
    """Return the record of an SBOM itself: nobody's signature, and so no signer."""
    digests = sorted({it.sha256 for it in artifacts})
    return Record(
        tuple(Subject(it) for it in digests), sbom.sha256, sbom.sbom.predicate_type
    )


def require_sbom_of(artifact: Artifact, sbom: Sbom) -> bool:
    """Hold an artifact against the digests that its SBOM states.

    Return whether one of them could be compared that says which file is meant: a
    SHA-256, SHA-384 or SHA-512; of an artifact that is not here, the SHA-256 alone.
    Without one, which artifact it is of is the word of whoever signs.

    Raises RejectedError unless the artifact has all digests of one that is described.
    """
    if not sbom.described:
        return False
    names = {name for digests in sbom.described for name in digests}
    found = {"sha256": artifact.sha256}
    if artifact.path.is_file():
        found = hash_file(artifact.path, names) | found
    if names.isdisjoint(found):
        return False
    for digests in sbom.described:
        compared = digests.keys() & found.keys()
        if compared and all(found[name] == digests[name] for name in compared):
            return not STRONG.isdisjoint(compared)
    stated = sorted(
        f"{name}:{digest.hex()}"
        for digests in sbom.described
        for name, digest in digests.items()
    )
    raise RejectedError(
        f"the SBOM is of another artifact than {printable(artifact.given)}, "
        f"sha256:{artifact.sha256.hex()}: it states {', '.join(stated[:4])}"
    )
