"""What is attached to an image, judged: by a policy, and by rules if they are given.

Without rules: which proofs prove that a log of the policy holds an entry that names the
image.  With rules: which envelopes are signed, logged and as the rules ask; each with
an attached proof whose entry names it.  What nobody has judged is never called proven.

The verdicts are `tlogverify`'s.  Here is only fetched, paired and told apart.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from tlog.registry.discovery import Discovery
from tlog.registry.errors import AbsentError
from tlog.registry.manifests import Descriptor
from tlog.registry.payloads import ENVELOPE_TYPE, PROOF_TYPE
from tlog.registry.references import Digest, sha256_of
from tlog.registry.repository import Repository
from tlogverify.artifact import ProvenArtifact, verify_artifact
from tlogverify.attestation.dsse import MAX_ENVELOPE_BYTES
from tlogverify.attestation.rules import Rules
from tlogverify.attestation.verify import ProvenAttestation, verify_attestation
from tlogverify.errors import FormatError, VerificationError
from tlogverify.policy import Policy
from tlogverify.proof import MAX_PROOF_BYTES, Proof
from tlogverify.record import Record, parse_record
from tlogverify.rekor import REKOR_START

MAX_ALL_BYTES: Final = 256 << 20
"""Of all documents of one image that are fetched: they are in memory together."""

_LIMITS: Final[Mapping[str, int]] = {
    PROOF_TYPE: MAX_PROOF_BYTES,
    ENVELOPE_TYPE: MAX_ENVELOPE_BYTES,
}


class State(Enum):
    """How a document was judged."""

    PROVEN = "proven"
    NOT_PROVEN = "not proven"
    UNUSABLE = "unusable"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Document:
    """One layer of an attached manifest; attached: that manifest's digest.

    content: None if it was not fetched; why tells then, and what it is made to be.
    """

    attached: str
    media_type: str
    content: bytes | None = field(default=None, repr=False)
    why: str = ""
    state: State = State.NOT_JUDGED


@dataclass(frozen=True, slots=True)
class Verdict:
    """A document, judged; why: "" if it is proven.

    artifact: of the log's entry.  attestation: with rules alone.
    """

    document: Document
    state: State
    why: str = ""
    artifact: ProvenArtifact | None = None
    attestation: ProvenAttestation | None = None


async def fetch_documents(
    repository: Repository, discovery: Discovery, *, by_rules: bool
) -> list[Document]:
    """Return all attached documents; the content is of those that can be judged.

    by_rules: envelopes too.
    """
    judged = {PROOF_TYPE, ENVELOPE_TYPE} if by_rules else {PROOF_TYPE}
    room, documents = MAX_ALL_BYTES, list[Document]()
    for it in discovery.attachments:
        if it.manifest is None:
            unusable = Document(it.digest, it.listed_type, None, it.why, State.UNUSABLE)
            documents.append(unusable)
            continue
        for layer in it.manifest.layers:
            if layer.media_type not in judged:
                why = _why_not_judged(layer.media_type)
                documents.append(Document(it.digest, layer.media_type, None, why))
                continue
            found = await _fetch(repository, it.digest, layer, room)
            room -= len(found.content or b"")
            documents.append(found)
    return documents


async def _fetch(
    repository: Repository, attached: str, layer: Descriptor, room: int
) -> Document:
    kind = layer.media_type
    if room < layer.size <= _LIMITS[kind]:
        why = f"too much is attached: at most {MAX_ALL_BYTES >> 20} MiB are fetched"
        return Document(attached, kind, None, why, State.UNUSABLE)
    try:
        content = await repository.get_blob(layer, _LIMITS[kind])
    except (FormatError, VerificationError, AbsentError) as error:
        return Document(attached, kind, None, str(error), State.UNUSABLE)
    return Document(attached, kind, content)


def judge(
    digest: Digest, documents: Sequence[Document], policy: Policy, rules: Rules | None
) -> list[Verdict]:
    """Return a verdict on each document, in their order."""
    if rules is None:
        return [_judge_by_policy(digest, it, policy) for it in documents]
    proofs = _proofs_by_provenance(documents)

    def prove(it: Document, content: bytes) -> Verdict:
        if it.media_type == PROOF_TYPE:
            why = "it counts with the envelope that its entry names"
            return Verdict(it, State.NOT_JUDGED, why)
        paired = proofs.get(hashlib.sha256(content).digest(), [])
        return _judge_envelope(digest, it, paired, policy, rules)

    return [_judged(it, prove) for it in documents]


def _judge_by_policy(digest: Digest, document: Document, policy: Policy) -> Verdict:
    def prove(it: Document, content: bytes) -> Verdict:
        proven = verify_artifact(sha256_of(digest), Proof.parse(content), policy)
        return Verdict(it, State.PROVEN, artifact=proven)

    return _judged(document, prove)


def _judge_envelope(
    digest: Digest,
    document: Document,
    proofs: Sequence[Proof],
    policy: Policy,
    rules: Rules,
) -> Verdict:
    """Judge an envelope with each proof of it, until one holds."""
    if not proofs:
        why = "no attached proof is of this envelope: attach its .tlog-proof too"
        return Verdict(document, State.NOT_PROVEN, why)
    whys: list[str] = []
    for proof in proofs:
        try:
            proven = verify_attestation(
                sha256_of(digest), document.content or b"", proof, policy, rules
            )
        except VerificationError as error:
            whys.append(str(error))
            continue
        return Verdict(document, State.PROVEN, "", proven.artifact, proven)
    return Verdict(document, State.NOT_PROVEN, "; ".join(dict.fromkeys(whys)))


def _judged(document: Document, prove: Callable[[Document, bytes], Verdict]) -> Verdict:
    if document.content is None:
        return Verdict(document, document.state, document.why)
    try:
        return prove(document, document.content)
    except VerificationError as error:
        return Verdict(document, State.NOT_PROVEN, str(error))
    except FormatError as error:
        return Verdict(document, State.UNUSABLE, str(error))


def _proofs_by_provenance(documents: Sequence[Document]) -> dict[bytes, list[Proof]]:
    """Return the proofs by the digest of the document that their entry is of."""
    found: dict[bytes, list[Proof]] = {}
    for it in documents:
        if it.media_type != PROOF_TYPE or it.content is None:
            continue
        try:
            proof = Proof.parse(it.content)
            record = _record_of(proof)
        except FormatError:
            continue
        if record is not None:
            found.setdefault(record.provenance, []).append(proof)
    return found


def _record_of(proof: Proof) -> Record | None:
    if proof.extra is None or proof.extra.startswith(REKOR_START):
        return None
    return parse_record(proof.extra)


def _why_not_judged(media_type: str) -> str:
    if media_type == ENVELOPE_TYPE:
        return "whose signatures to believe is told by --rules"
    return "nothing here judges this kind of document"
