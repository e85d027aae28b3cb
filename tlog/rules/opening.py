"""Documents opened: signed by somebody whom the rules name, logged, of the artifact.

An envelope comes with the proof of its record, a bundle with its own log entries.  A
document that cannot be opened is passed over, and it is said why: no document can stop
the judging of the others.  Whether a signer may sign is judged later.

What a certificate says is taken from the judge that is handed in, as it needs the
`sigstore` library; without one, no certificate counts.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from tlog.bundles.judging import Artifact, CertifiedJudgement, judge_logged
from tlog.rules.references import (
    MAX_REFERRED_BYTES,
    MAX_REFERRED_VALUES,
    referred_by,
    with_sbom,
)
from tlog.rules.ruleset import RuleSet
from tlogverify.artifact import verify_artifact
from tlogverify.attestation.dsse import MAX_ENVELOPE_BYTES, Envelope
from tlogverify.attestation.signers import SignerKey
from tlogverify.attestation.statement import Statement, parse_statement
from tlogverify.attestation.verify import (
    artifact_digests,
    verify_record,
    verify_subject,
)
from tlogverify.certificates import certificate_names
from tlogverify.errors import FormatError, VerificationError
from tlogverify.policy import Policy, Witnessed
from tlogverify.proof import Proof
from tlogverify.sigstore import Bundle, BundleKey
from tlogverify.sigstore.verify import (
    Signed,
    name_unjudged,
    open_logged,
    open_signed,
)

MAX_DOCUMENTS: Final = 256
MAX_ENVELOPE_VALUES: Final = 8_192
"""Brackets and commas of an envelope around its payload, which is base64."""
MAX_STATEMENT_VALUES: Final = 1 << 20
"""Brackets and commas of a statement; a value of JSON costs many times its bytes."""


@dataclass(frozen=True, slots=True)
class Attested:
    """An envelope and the proof of its record, as files hold them; name: for people."""

    name: str
    envelope: bytes
    proof: bytes


@dataclass(frozen=True, slots=True)
class Bundled:
    """A Sigstore bundle, as its file holds it; name: for people."""

    name: str
    bundle: bytes


@dataclass(frozen=True, slots=True)
class Referred:
    """A document without a signature of its own, as its file holds it.

    It is judged where a statement refers to it by its digest, and else counts for
    nothing; name: for people.
    """

    name: str
    content: bytes


Document = Attested | Bundled | Referred


class CertifiedJudge(Protocol):
    """Judges bundles with certificates: `tlog.bundles.certified.judge_named`."""

    def __call__(
        self, artifact: Artifact, bundle: Bundle, root: bytes, policy: Policy | None
    ) -> CertifiedJudgement:
        """Return what holds; raises FormatError or VerificationError."""
        ...


@dataclass(frozen=True, slots=True)
class Trust:
    """Which logs and authorities are believed.

    policy: of logs and witnesses; without, envelopes and their proofs do not count.
    root: a trusted root's bytes, for certificates and for bundles without a policy.
    A bundle in a log that the policy names must satisfy the policy too.
    """

    policy: Policy | None = None
    root: bytes | None = None
    certified: CertifiedJudge | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document's entry stands, and what shows when it was there.

    is_only_log: no other log is trusted.  witness_times_s: of the cosignatures of its
    checkpoint.  stamp_times_s: of authorities, verified.  unjudged: what the document
    holds that nobody looked at.
    """

    origin: str
    index: int
    is_only_log: bool = False
    witness_times_s: tuple[int, ...] = ()
    stamp_times_s: tuple[int, ...] = ()
    unjudged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """A document whose signature and log entry hold, and that is of the artifact.

    sha256: of the document's bytes.  signers: names of the rules' signers.
    """

    document: str
    sha256: bytes
    statement: Statement
    signers: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Unopened:
    """A document that counts for nothing, and why."""

    document: str
    why: str


@dataclass(frozen=True, slots=True)
class OpenedArtifact:
    """An artifact by its SHA-256, and what was found of it."""

    sha256: bytes
    opened: tuple[Opened, ...]
    unopened: tuple[Unopened, ...]


def open_documents(
    artifact: Artifact,
    documents: Sequence[Document],
    rules: RuleSet,
    trust: Trust,
    most: int = MAX_DOCUMENTS,
) -> OpenedArtifact:
    """Open all that can be opened.

    most: documents; a document is found by another one that refers to it only if both
    are among them.  Raises FormatError for more or for a malformed digest, OSError if
    the artifact is not readable.
    """
    if len(documents) > most:
        raise FormatError(f"at most {most} documents are judged", len(documents))
    opened: list[Opened] = []
    unopened: list[Unopened] = []
    bare = _Bare()
    signed = [
        it
        for document in documents
        if (it := _sorted_out(document, rules, bare, unopened)) is not None
    ]
    envelopes = [it for it in signed if isinstance(it, _Signed)]
    needed = {name for it in envelopes for name in it.statement.algorithms}
    digests = artifact_digests(artifact, needed)
    for it in signed:
        try:
            if isinstance(it, _Signed):
                opened.append(_open_attested(digests, it, rules, trust))
            else:
                opened.append(_open_bundled(artifact, digests, it, rules, trust))
        except (FormatError, VerificationError) as error:
            unopened.append(Unopened(it.name, str(error)))
    for statement in [*opened]:
        bare.follow(statement, opened, unopened)
    unopened += bare.left
    return OpenedArtifact(digests["sha256"], tuple(opened), tuple(unopened))


def _sorted_out(
    document: Document, rules: RuleSet, bare: "_Bare", unopened: list[Unopened]
) -> "_Signed | Bundled | None":
    """Return a document if it is signed; another one is kept, or told why not."""
    if isinstance(document, Bundled):
        return document
    if isinstance(document, Referred):
        why = "no statement that counts refers to it"
        bare.add(document.content, Unopened(document.name, why))
        return None
    try:
        return _verify(document, rules)
    except FormatError as error:
        # A log has an SBOM without an envelope as a document of its own.
        bare.add(document.envelope, Unopened(document.name, str(error)))
    except VerificationError as error:
        unopened.append(Unopened(document.name, str(error)))
    return None


class _Bare:
    """Documents without a signature of their own, by their SHA-256."""

    def __init__(self) -> None:
        self._contents: dict[bytes, bytes] = {}
        self._why: dict[bytes, Unopened] = {}
        self._room = MAX_REFERRED_BYTES

    @property
    def left(self) -> list[Unopened]:
        """Those that nothing refers to."""
        return [*self._why.values()]

    def add(self, content: bytes, why: Unopened) -> None:
        """Keep one; why: what is said of it if nothing refers to it."""
        sha256 = hashlib.sha256(content).digest()
        self._contents[sha256] = content
        self._why.setdefault(sha256, why)

    def follow(
        self, of: Opened, opened: list[Opened], unopened: list[Unopened]
    ) -> None:
        """Open what a document refers to, as far as it is here."""
        try:
            for sha256 in referred_by(of.statement):
                if (content := self._contents.get(sha256)) is not None:
                    self._why.pop(sha256, None)
                    opened.append(self._read(of, sha256, content))
        except FormatError as error:
            unopened.append(Unopened(of.document, str(error)))

    def _read(self, of: Opened, sha256: bytes, content: bytes) -> Opened:
        self._room -= len(content)
        if self._room < 0:
            raise FormatError(
                f"at most {MAX_REFERRED_BYTES} bytes of referred documents are judged"
            )
        require_few_values("an SBOM", content, MAX_REFERRED_VALUES)
        name = f"{of.document}, which refers to sha256:{sha256.hex()}"
        return replace(of, document=name, statement=with_sbom(of.statement, content))


def require_few_values(rule: str, text: bytes, maximum: int) -> None:
    """Raise FormatError before JSON is parsed that makes too many values."""
    if sum(map(text.count, (b"{", b"[", b","))) > maximum:
        raise FormatError(f"{rule} has at most {maximum} brackets and commas")


@dataclass(frozen=True, slots=True)
class _Signed:
    """An envelope that keys of the rules signed; its proof was not looked at."""

    document: Attested
    keys: tuple[SignerKey, ...]
    statement: Statement

    @property
    def name(self) -> str:
        return self.document.name


def _verify(document: Attested, rules: RuleSet) -> _Signed:
    if len(document.envelope) > MAX_ENVELOPE_BYTES:
        raise FormatError(f"an envelope has at most {MAX_ENVELOPE_BYTES} bytes")
    require_few_values("an envelope", document.envelope, MAX_ENVELOPE_VALUES)
    envelope = Envelope.parse(document.envelope)
    keys = envelope.verify((it.key for it in rules.keys), 1)
    require_few_values("a statement", envelope.payload, MAX_STATEMENT_VALUES)
    return _Signed(document, keys, parse_statement(envelope))


def _open_attested(
    digests: Mapping[str, bytes], signed: _Signed, rules: RuleSet, trust: Trust
) -> Opened:
    if trust.policy is None:
        raise VerificationError("no policy says which logs are trusted")
    proof = Proof.parse(signed.document.proof)
    proven = verify_artifact(digests["sha256"], proof, trust.policy)
    envelope = signed.document.envelope
    verify_record(proven.record, envelope, signed.statement, signed.keys)
    verify_subject(signed.statement, digests)
    return Opened(
        signed.name,
        hashlib.sha256(envelope).digest(),
        signed.statement,
        tuple(it.name for it in rules.keys if it.key in signed.keys),
        _place(proven.index, proven.witnessed, trust.policy),
    )


def _open_bundled(
    artifact: Artifact,
    digests: Mapping[str, bytes],
    document: Bundled,
    rules: RuleSet,
    trust: Trust,
) -> Opened:
    bundle = Bundle.parse(document.bundle)
    if not isinstance(bundle.content, Envelope):
        raise FormatError("the bundle signs the file itself: rules are for statements")
    require_few_values("a statement", bundle.content.payload, MAX_STATEMENT_VALUES)
    open_it = _open_certified if bundle.certificates else _open_keyed
    signers, signed, place = open_it(artifact, bundle, rules, trust)
    # A file that changes meanwhile must not be two artifacts.
    if signed.sha256 != digests["sha256"] or signed.statement is None:
        raise VerificationError("it is of another artifact")
    sha256 = hashlib.sha256(document.bundle).digest()
    return Opened(document.name, sha256, signed.statement, signers, place)


def _open_keyed(
    artifact: Artifact, bundle: Bundle, rules: RuleSet, trust: Trust
) -> tuple[tuple[str, ...], Signed, Place]:
    if not rules.keys:
        raise VerificationError("the bundle is signed with a key; the rules name none")
    keys = [BundleKey(it.key.spki) for it in rules.keys]
    signed = open_signed(artifact, bundle, keys)
    names = tuple(it.name for it in rules.keys if it.key.spki == signed.key.der)
    if trust.policy is not None:
        logged = open_logged(bundle, signed, trust.policy)
        place = _place(logged.index, logged.witnessed, trust.policy)
        unjudged = name_unjudged(bundle, logged)
        return names, signed, replace(place, unjudged=unjudged)
    if trust.root is None:
        raise VerificationError("no policy and no trusted root says whom to trust")
    judgement = judge_logged(bundle, signed, trust.root, None)
    origin, unjudged = judgement.checkpoint.origin, judgement.unjudged
    return names, signed, Place(origin, judgement.index, unjudged=unjudged)


def _open_certified(
    artifact: Artifact, bundle: Bundle, rules: RuleSet, trust: Trust
) -> tuple[tuple[str, ...], Signed, Place]:
    names = certificate_names(bundle.certificates[0])
    who, issuer = ", ".join(names.identities), names.issuer or ""
    # Asked first, as it costs nothing: most certificates are of strangers.
    signers = tuple(it.name for it in rules.identities if it.names(who, issuer))
    if len(names.identities) != 1 or not signers:
        raise VerificationError(
            f"the rules name no such identity: {who:.200} of {issuer:.200}"
        )
    if trust.root is None or trust.certified is None:
        raise VerificationError(
            "nobody judged its certificate: that needs a trusted root and the extra "
            "tlog-server[sigstore]"
        )
    policy = trust.policy if _is_in_policy(bundle, trust.policy) else None
    certified = trust.certified(artifact, bundle, trust.root, policy)
    judgement = certified.judgement
    witnessed = judgement.witnessed
    place = Place(
        judgement.checkpoint.origin,
        judgement.index,
        witness_times_s=() if witnessed is None else _times(witnessed),
        stamp_times_s=certified.stamp_times_s,
        unjudged=judgement.unjudged,
    )
    return signers, judgement.signed, place


def _is_in_policy(bundle: Bundle, policy: Policy | None) -> bool:
    """Tell whether an entry is said to be of a log that a policy names."""
    if policy is None:
        return False
    origins = {it.key.name.encode() for it in policy.logs}
    notes = [it.to_proof().note for it in bundle.entries if it.proof is not None]
    return any(it.partition(b"\n")[0] in origins for it in notes)


def _place(index: int, witnessed: Witnessed, policy: Policy) -> Place:
    is_only_log = len({it.key.name for it in policy.logs}) == 1
    origin = witnessed.checkpoint.origin
    return Place(origin, index, is_only_log, _times(witnessed))


def _times(witnessed: Witnessed) -> tuple[int, ...]:
    return tuple(it.time_s for it in witnessed.witnesses if it.time_s > 0)
