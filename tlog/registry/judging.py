"""What is attached to an image, judged by whom its user trusts.

Where the policy alone is given: which proofs prove that a log of it holds an entry that
names the image.  Where signers are named too: which bundles and envelopes are signed by
one and logged; a proof alone says nothing of who signed.  An envelope counts with an
attached proof whose entry names it.  What nobody has judged is never called proven.

The verdicts are `tlogverify`'s.  Here is only fetched, paired and told apart.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

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
from tlogverify.command.verdicts import Judged
from tlogverify.errors import FormatError, VerificationError
from tlogverify.policy import Policy
from tlogverify.proof import MAX_PROOF_BYTES, Proof
from tlogverify.record import Record, parse_record
from tlogverify.rekor import REKOR_START
from tlogverify.sigstore import Bundle, UnjudgedError
from tlogverify.sigstore.bundle import MAX_BUNDLE_BYTES, VERSIONS

MAX_ALL_BYTES: Final = 256 << 20
"""Of all documents of one image that are fetched: they are in memory together."""

_LIMITS: Final[Mapping[str, int]] = {
    PROOF_TYPE: MAX_PROOF_BYTES,
    ENVELOPE_TYPE: MAX_ENVELOPE_BYTES,
    **dict.fromkeys(VERSIONS, MAX_BUNDLE_BYTES),
}
DOCUMENT_TYPES: Final = frozenset(_LIMITS)
"""The media types of documents that anybody here can judge."""


class State(Enum):
    """How a document was judged."""

    PROVEN = "proven"
    NOT_PROVEN = "not proven"
    UNUSABLE = "unusable"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom the user trusts; policy: None where a trusted root stands in its place.

    rules: of envelopes.  judge_bundle: returns the verdict on a bundle that is said to
    be of a digest, or raises VerificationError; None where no signer of any is named.
    """

    policy: Policy | None
    rules: Rules | None = None
    judge_bundle: Callable[[Digest, Bundle], Judged] | None = None

    def why_not(self, media_type: str) -> str:
        """Return why a kind of document cannot be judged; "" if it can."""
        names_signers = self.rules is not None or self.judge_bundle is not None
        if media_type == PROOF_TYPE:
            is_needed = not names_signers or self.rules is not None
            if self.policy is not None and is_needed:
                return ""
            return "a proof alone says nothing of who signed"
        if media_type == ENVELOPE_TYPE:
            is_judged = self.policy is not None and self.rules is not None
            return "" if is_judged else "an envelope is judged by --policy and --rules"
        if media_type in VERSIONS:
            if self.judge_bundle is not None:
                return ""
            return "who may sign bundles is told by --rules, --key or --trusted-root"
        return "nothing here judges this kind of document"


@dataclass(frozen=True, slots=True)
class Document:
    """One layer of an attached manifest; attached: that manifest's digest.

    content: None if it was not fetched; why tells then, and what it is made to be.
    is_missing: it may be one that counts, and its bytes did not come.
    """

    attached: str
    media_type: str
    content: bytes | None = field(default=None, repr=False)
    why: str = ""
    state: State = State.NOT_JUDGED
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """A document, judged; why: "" if it is proven.

    artifact: of the log's entry.  attestation: of an envelope.  bundle: as
    `Trust.judge_bundle` says.
    """

    document: Document
    state: State
    why: str = ""
    artifact: ProvenArtifact | None = None
    attestation: ProvenAttestation | None = None
    bundle: Judged | None = None


class Wanted(Protocol):
    """Who is to judge documents: `Trust`, or another judge."""

    def why_not(self, media_type: str) -> str:
        """Return why a kind is not fetched; "" only for one of DOCUMENT_TYPES."""
        ...


async def fetch_documents(
    repository: Repository, discovery: Discovery, trust: Wanted
) -> list[Document]:
    """Return all attached documents; the content is of those that can be judged."""
    room, documents = MAX_ALL_BYTES, list[Document]()
    for it in discovery.attachments:
        if it.manifest is None:
            documents.append(
                _unusable(it.digest, it.listed_type, it.why, is_missing=it.is_missing)
            )
            continue
        for layer in it.manifest.layers:
            if why := trust.why_not(layer.media_type):
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
        return _unusable(attached, kind, why, is_missing=True)
    try:
        content = await repository.get_blob(layer, _LIMITS[kind])
    except FormatError as error:
        return _unusable(attached, kind, str(error), is_missing=False)
    except (VerificationError, AbsentError) as error:
        return _unusable(attached, kind, str(error), is_missing=True)
    return Document(attached, kind, content)


def _unusable(attached: str, kind: str, why: str, *, is_missing: bool) -> Document:
    return Document(attached, kind, None, why, State.UNUSABLE, is_missing)


def judge(digest: Digest, documents: Sequence[Document], trust: Trust) -> list[Verdict]:
    """Return a verdict on each document, in their order."""
    policy, rules = trust.policy, trust.rules
    proofs = proofs_by_provenance(documents)

    def prove(it: Document, content: bytes) -> Verdict:
        if trust.judge_bundle is not None and it.media_type in VERSIONS:
            told = trust.judge_bundle(digest, Bundle.parse(content))
            return Verdict(it, State.PROVEN, bundle=told)
        if policy is None:
            raise FormatError("a proof and an envelope are judged by a policy")
        if rules is None:
            proven = verify_artifact(sha256_of(digest), Proof.parse(content), policy)
            return Verdict(it, State.PROVEN, artifact=proven)
        if it.media_type == PROOF_TYPE:
            why = "it counts with the envelope that its entry names"
            return Verdict(it, State.NOT_JUDGED, why)
        paired = proofs.get(hashlib.sha256(content).digest(), [])
        return _judge_envelope(digest, it, paired, policy, rules)

    return [_judged(it, prove) for it in documents]


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
    except UnjudgedError as error:
        return Verdict(document, State.NOT_JUDGED, str(error))
    except VerificationError as error:
        return Verdict(document, State.NOT_PROVEN, str(error))
    except FormatError as error:
        return Verdict(document, State.UNUSABLE, str(error))


def proofs_by_provenance(documents: Sequence[Document]) -> dict[bytes, list[Proof]]:
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
