"""Documents as they lie in folders: envelopes beside their proofs, and bundles.

    NAME.intoto.jsonl   NAME.tlog-proof     an envelope, and the proof of its record
    NAME.sigstore.json                      a bundle
    any name                                an SBOM that an envelope refers to

Any other name is read too where it is given: a bundle is told by what it says.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from tlog.rules.opening import MAX_DOCUMENTS, Attested, Bundled, Document, Referred
from tlog.rules.references import MAX_REFERRED_BYTES, claimed_references
from tlogverify.attestation.dsse import MAX_ENVELOPE_BYTES
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.proof import MAX_PROOF_BYTES
from tlogverify.sigstore.bundle import MAX_BUNDLE_BYTES

ENVELOPE: Final = ".intoto.jsonl"
BUNDLE: Final = ".sigstore.json"
PROOF: Final = ".tlog-proof"
_BUNDLE_TYPE: Final = b"application/vnd.dev.sigstore.bundle"


def proof_beside(envelope: Path) -> Path:
    """Return where the proof of an envelope lies, if nobody says where."""
    return envelope.with_name(envelope.name.removesuffix(ENVELOPE) + PROOF)


def read_document(path: Path, proof: bytes | None = None) -> Document:
    """Read a bundle, or an envelope and its proof; proof: else the one beside it.

    Raises FormatError, which says what to do, or OSError.
    """
    limit = MAX_REFERRED_BYTES
    if path.name.endswith((ENVELOPE, BUNDLE)):
        limit = max(MAX_BUNDLE_BYTES, MAX_ENVELOPE_BYTES)
    content = read_bounded(path, "a document", limit)
    if _BUNDLE_TYPE in content[:4096] or path.name.endswith(BUNDLE):
        return Bundled(path.name, content)
    if not path.name.endswith(ENVELOPE) and _is_bare_sbom(content):
        return Referred(path.name, content)
    if proof is None:
        beside = proof_beside(path)
        try:
            proof = read_bounded(beside, "a proof", MAX_PROOF_BYTES)
        except FileNotFoundError:
            raise FormatError(
                f"No such file: the proof {beside}, which lies beside {path.name}"
            ) from None
    return Attested(path.name, content, proof)


def _is_bare_sbom(content: bytes) -> bool:
    return b'"payloadType"' not in content and (
        b'"bomFormat"' in content or b'"spdxVersion"' in content
    )


def find_referred(folder: Path, documents: Iterable[Document]) -> tuple[Referred, ...]:
    """Read what envelopes refer to, where a file of the folder is named by its SHA-256.

    So `tlog documents find -O` names what it fetches.  Raises FormatError or OSError.
    """
    asked = dict.fromkeys(
        sha256
        for it in documents
        if isinstance(it, Attested)
        for sha256 in claimed_references(it.envelope)
    )
    found: list[Referred] = []
    for sha256 in asked:
        path = folder / sha256.hex()
        with suppress(FileNotFoundError):
            content = read_bounded(path, "an SBOM", MAX_REFERRED_BYTES)
            found.append(Referred(path.name, content))
    return tuple(found)


def read_documents(folder: Path) -> tuple[Document, ...]:
    """Read all envelopes and bundles of a folder, by name; FormatError, or OSError."""
    paths = sorted(
        it for it in folder.iterdir() if it.name.endswith((ENVELOPE, BUNDLE))
    )
    if len(paths) > MAX_DOCUMENTS:
        raise FormatError(f"a folder has at most {MAX_DOCUMENTS} documents", len(paths))
    found = tuple(map(read_document, paths))
    return (*found, *find_referred(folder, found))
