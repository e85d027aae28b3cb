"""Bundles verified: the signature, the artifact, the log's entry of both.

    1  a key signed the artifact's digest, or a statement     SignatureError
    2  the artifact is the signed one, or the statement's     VerificationError
    3  the log's entry is of this signature by this key       VerificationError
    4  the entry is in a tree that satisfies the policy       ProofError, QuorumError

Nothing that an envelope says is looked at before its signature holds.  A certificate is
not judged here, nor a timestamp, nor a log's promise: what holds by a certificate alone
ends in an UnjudgedError.

Source: sigstore client-spec 4.4, 4.4.1; rekor-v2-spec, 6.1.4.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from tlogverify.attestation.dsse import Envelope, pae
from tlogverify.attestation.statement import Statement, parse_statement
from tlogverify.attestation.verify import artifact_digests, verify_subject
from tlogverify.errors import FormatError, SignatureError, VerificationError
from tlogverify.policy import Policy, Witnessed
from tlogverify.rekor import RekorEntry, parse_rekor
from tlogverify.sigstore.bundle import Bundle, MessageSignature
from tlogverify.sigstore.entries import LogEntry
from tlogverify.sigstore.signers import BundleKey


class UnjudgedError(VerificationError):
    """Not proven, because nobody judged something; what was judged held.

    judged, unjudged: the names of both.
    """

    def __init__(
        self, why: str, *, judged: Sequence[str], unjudged: Sequence[str]
    ) -> None:
        self.judged = tuple(judged)
        self.unjudged = tuple(unjudged)
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that holds.

    sha256: of the artifact.  digest: what the signature is over, by the key's hash.
    signature: the one that holds.  statement: None if the artifact itself is signed.
    """

    sha256: bytes
    key: BundleKey
    digest: bytes
    signature: bytes
    statement: Statement | None


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry that a policy proves; others: entries of logs that it does not name."""

    index: int
    witnessed: Witnessed
    others: int


@dataclass(frozen=True, slots=True)
class ProvenBundle:
    """What `verify_bundle` has proven; unjudged: what it holds beside that."""

    bundle: Bundle
    signed: Signed
    logged: Logged
    unjudged: tuple[str, ...]


JUDGED = ("signature", "artifact", "log")
"""What is judged here."""


def verify_bundle(
    artifact: str | os.PathLike[str] | bytes,
    bundle: Bundle,
    policy: Policy,
    keys: Sequence[BundleKey],
) -> ProvenBundle:
    """Prove, offline, that one of `keys` signed an artifact and a log says so.

    artifact: as `tlogverify.verify_artifact` takes it.

    Raises FormatError for malformed input, VerificationError for what is not proven,
    UnjudgedError if all of it holds by a certificate, OSError if the artifact is not
    readable.
    """
    signed = open_signed(artifact, bundle, keys)
    logged = open_logged(bundle, signed, policy)
    unjudged = name_unjudged(bundle, logged)
    if signed.key.is_certificate:
        raise UnjudgedError(
            "nobody judged the certificate, though the signature holds by its key and "
            "the log has it; `tlog verify --trusted-root FILE --identity NAME --issuer "
            "URL` judges it",
            judged=JUDGED,
            unjudged=("certificate", "identity", *unjudged),
        )
    return ProvenBundle(bundle, signed, logged, unjudged)


def open_signed(
    artifact: str | os.PathLike[str] | bytes,
    bundle: Bundle,
    keys: Sequence[BundleKey] = (),
) -> Signed:
    """Return the bundle's signature, once it holds and is of the artifact.

    keys: those that count, of a bundle without a certificate.

    Raises FormatError, VerificationError, or OSError.
    """
    if bundle.certificates:
        if keys:
            raise FormatError(
                "the bundle is signed with a certificate: it is verified without --key "
                "and without --rules"
            )
        keys = (BundleKey(bundle.certificates[0], is_certificate=True),)
    elif not keys:
        raise FormatError(
            "the bundle is signed with a key: name it by --key FILE, or by --rules FILE"
        )
    if isinstance(bundle.content, Envelope):
        return _open_statement(artifact, bundle.content, keys)
    return _open_message(artifact, bundle.content, keys)


def open_logged(bundle: Bundle, signed: Signed, policy: Policy) -> Logged:
    """Return the first entry that `policy` proves to be of the signature.

    Each entry of a log that the policy names must be so; others are counted.

    Raises FormatError or VerificationError.
    """
    if not bundle.entries:
        raise VerificationError("the bundle has no log entry: no log knows of it")
    trusted = {log.key.name.encode() for log in policy.logs}
    proofs = [(entry, entry.to_proof()) for entry in bundle.entries]
    known = [it for it in proofs if it[1].note.partition(b"\n")[0] in trusted]
    proven = []
    # Without any of a known log, the first one's error says which logs are trusted.
    for entry, proof in known or proofs[:1]:
        witnessed = policy.open_checkpoint(proof.note)
        entry.require_in(witnessed.checkpoint)
        if entry.index != proof.index:
            raise VerificationError("the entry has two indexes")
        if entry.log_id not in {key.key_hash for key in witnessed.log}:
            raise VerificationError("the entry's logId is another log's")
        require_bound(entry, bundle, signed)
        proven.append(Logged(entry.index, witnessed, len(proofs) - len(known)))
    return proven[0]


def require_bound(entry: LogEntry, bundle: Bundle, signed: Signed) -> None:
    """Raise VerificationError unless a log's entry is of this very signature.

    Else somebody else's entry would pass for the log's knowledge of it
    (CVE-2022-36056).  FormatError if the entry is not in canonical form.
    """
    if entry.version != "0.0.2" or entry.kind not in {"hashedrekord", "dsse"}:
        raise VerificationError(
            f"a log entry of kind {entry.kind} {entry.version} is not judged by a "
            "policy; `tlog verify --trusted-root FILE` may judge it"
        )
    logged = parse_rekor(entry.body)
    if logged.kind != entry.kind:
        raise VerificationError(f"the log's entry is of kind {logged.kind}")
    if not _is_of(logged, bundle, signed):
        raise VerificationError("the log's entry is of another signature")


def name_unjudged(bundle: Bundle, logged: Logged | None = None) -> tuple[str, ...]:
    """Return what a bundle holds that neither keys nor a policy judge."""
    found = {
        "timestamps": bool(bundle.timestamps),
        "promises": any(it.promise for it in bundle.entries),
        "other logs": logged is not None and logged.others > 0,
    }
    return tuple(name for name, is_there in found.items() if is_there)


def _open_message(
    artifact: str | os.PathLike[str] | bytes,
    content: MessageSignature,
    keys: Sequence[BundleKey],
) -> Signed:
    stated = _hashlib(content.algorithm) or "sha256"
    names = {stated, *(_hashlib(key.algorithm) for key in keys)}
    digests = artifact_digests(artifact, names)
    # Of an artifact that is named by its digest, this one is all that is known.
    able = [key for key in keys if _hashlib(key.algorithm) in digests]
    if stated not in digests or not able:
        raise VerificationError("the bundle is over a longer hash: only a file has it")
    if content.digest and digests[stated] != content.digest:
        raise VerificationError("the bundle is of another artifact, as its digest says")
    candidates = [(key, digests[_hashlib(key.algorithm)]) for key in able]
    key, digest = _first_signer(candidates, content.signature)
    return Signed(digests["sha256"], key, digest, content.signature, None)


def _open_statement(
    artifact: str | os.PathLike[str] | bytes,
    envelope: Envelope,
    keys: Sequence[BundleKey],
) -> Signed:
    if len(envelope.signatures) != 1:
        # Sigstore's clients take one alone, and an entry is of one.
        raise FormatError(
            "a bundle's envelope has one signature", len(envelope.signatures)
        )
    message = pae(envelope.payload_type, envelope.payload)
    signature = envelope.signatures[0].sig
    key, digest = _first_signer([(it, it.digest(message)) for it in keys], signature)
    statement = parse_statement(envelope)
    digests = artifact_digests(artifact, statement.algorithms)
    verify_subject(statement, digests)
    return Signed(digests["sha256"], key, digest, signature, statement)


def _first_signer(
    candidates: Sequence[tuple[BundleKey, bytes]], signature: bytes
) -> tuple[BundleKey, bytes]:
    why = SignatureError("no key is trusted")
    for key, digest in candidates:
        try:
            key.verify(digest, signature)
        except SignatureError as error:
            why = error
        else:
            return key, digest
    raise why


def _is_of(logged: RekorEntry, bundle: Bundle, signed: Signed) -> bool:
    (made, *more) = logged.signatures
    if more or made.content != signed.signature or not signed.key.made(made):
        return False
    if logged.kind == "dsse":
        content = bundle.content
        return isinstance(content, Envelope) and (
            logged.digest == hashlib.sha256(content.payload).digest()
        )
    return (logged.algorithm, logged.digest) == (signed.key.algorithm, signed.digest)


def _hashlib(algorithm: str) -> str:
    return algorithm.replace("SHA2_", "sha")
