"""Judging a bundle that was made with a certificate: the `sigstore` library is asked.

The library judges the chain at the time of signing, the promise of the certificate's
log, whom the certificate names, the timestamps, the log's proof, and that the entry is
of the signature.  The last two and the signature are judged by this project's code too,
and a verdict takes both.  The library is handed the values that were parsed here,
encoded again: so both judge the same.

It knows no entries of kind dsse 0.0.2, and looks at the kind after the certificate, the
timestamps and the log's proof.  Beside such an entry it is asked for these alone; the
signature, and that the entry is of it, are judged by this project's code.

Source: sigstore client-spec, 4; sigstore-python 4.5, `sigstore.verify`.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from cryptography.x509 import load_der_x509_certificate
from sigstore.hashes import Hashed
from sigstore.models import Bundle as JudgedBundle
from sigstore.models import TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity
from sigstore_models.common.v1 import HashAlgorithm
from sigstore_models.trustroot.v1 import TrustedRoot as Root

from tlog.bundles.judging import (
    Artifact,
    CertifiedJudgement,
    Judgement,
    judge_logged,
)
from tlogverify.attestation.dsse import Envelope
from tlogverify.certificates import certificate_names
from tlogverify.errors import FormatError, VerificationError
from tlogverify.policy import Policy
from tlogverify.sigstore import Bundle
from tlogverify.sigstore.verify import Signed, open_signed

# Ends of periods count in the specification, and the library stops short of them.
_INSTANT: Final = timedelta(microseconds=1)

MAX_STAMPS_ASKED: Final = 4
"""Timestamps of a bundle whose times are told; verifying one takes milliseconds."""


class _Judge(Verifier):
    """The library's verifier, which can also be asked without the entry's kind."""

    def verify_certificate(self, bundle: JudgedBundle, identity: Identity) -> None:
        """Judge all but the envelope's signature and the entry's body.

        The step is the library's own, and no part of its API: the extra pins 4.5.
        """
        self._verify_common_signing_cert(bundle, identity)


@dataclass(frozen=True, slots=True)
class Who:
    """Whom a certificate must name, and by whose word: both as they are spelled."""

    identity: str
    issuer: str


def judge_certified(
    artifact: Artifact,
    bundle: Bundle,
    who: Who,
    root: bytes,
    policy: Policy | None = None,
) -> Judgement:
    """Prove that `who` signed an artifact, as a trusted root and its logs show.

    root: a trusted root's bytes.  policy: must hold too, if it is given.

    Raises FormatError, VerificationError, or OSError if the artifact is not readable.
    """
    if not bundle.certificates:
        raise FormatError(
            "the bundle is signed with a key: it is verified by --key, without "
            "--identity and --issuer"
        )
    signed = open_signed(artifact, bundle)
    judgement = judge_logged(bundle, signed, root, policy)
    _require_no_root(bundle)
    try:
        _ask_library(bundle, signed, who, root)
    # What the library and its parsers raise of strangers' bytes is of a dozen kinds.
    except Exception as error:  # noqa: BLE001 - turned into our own on the spot
        why = " ".join(str(error).split())[:300]
        raise VerificationError(
            f"the certificate or its time is not proven: {why}"
        ) from None
    # All that a bundle can hold is judged now; timestamps are told where there are any.
    judged = (*judgement.judged, "certificate", "identity", *judgement.unjudged)
    return replace(judgement, judged=judged, unjudged=())


def judge_named(
    artifact: Artifact, bundle: Bundle, root: bytes, policy: Policy | None = None
) -> CertifiedJudgement:
    """Prove that whom a certificate names signed an artifact, and tell who that is.

    Who it must be is the caller's to judge.  Raises as `judge_certified` does, and
    VerificationError for a certificate that names nobody or several.
    """
    if not bundle.certificates:
        raise FormatError("the bundle has no certificate")
    names = certificate_names(bundle.certificates[0])
    if len(names.identities) != 1 or not names.issuer:
        raise VerificationError("the certificate does not name one identity by a word")
    who = Who(names.identities[0], names.issuer)
    judgement = judge_certified(artifact, bundle, who, root, policy)
    times = _stamp_times(bundle, judgement.signed, who, root)
    return CertifiedJudgement(judgement, who.identity, who.issuer, times)


def _stamp_times(
    bundle: Bundle, signed: Signed, who: Who, root: bytes
) -> tuple[int, ...]:
    """Return the times of those timestamps that the library takes without the others.

    The promises of logs are left out too: their times would stand in for a wrong one.
    """
    times = []
    # A bundle of version 0.1 is none without the promise.
    stamps = () if bundle.version == "0.1" else bundle.timestamps[:MAX_STAMPS_ASKED]
    entries = tuple(replace(it, promise=b"") for it in bundle.entries)
    for stamp in stamps:
        alone = replace(bundle, timestamps=(stamp,), entries=entries)
        try:
            _ask_library(alone, signed, who, root)
        except Exception:  # noqa: BLE001, S112 - it tells no time, whatever is wrong
            continue
        judged = JudgedBundle.from_json(alone.encode()).verification_material
        if (found := judged.timestamp_verification_data) is not None:
            (one,) = found.rfc3161_timestamps
            times.append(int(one.tst_info.gen_time.timestamp()))
    return tuple(times)


def _ask_library(bundle: Bundle, signed: Signed, who: Who, root: bytes) -> None:
    trusted = Root.from_json(root)
    for authority in trusted.timestamp_authorities:
        if authority.valid_for.end is not None:
            authority.valid_for.end += _INSTANT
    verifier = _Judge(trusted_root=TrustedRoot(trusted))
    judged = JudgedBundle.from_json(bundle.encode())
    identity = Identity(identity=who.identity, issuer=who.issuer)
    if [(it.kind, it.version) for it in bundle.entries] == [("dsse", "0.0.2")]:
        verifier.verify_certificate(judged, identity)
        return
    if isinstance(bundle.content, Envelope):
        verifier.verify_dsse(judged, identity)
        return
    digest = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=signed.sha256)
    verifier.verify_artifact(digest, judged, identity)


def _require_no_root(bundle: Bundle) -> None:
    """Raise VerificationError for a root among the certificates: it is no witness."""
    for der in bundle.certificates[1:]:
        try:
            certificate = load_der_x509_certificate(der)
        except ValueError:
            raise FormatError("a bundle's chain is of X.509 certificates") from None
        if certificate.issuer == certificate.subject:
            raise VerificationError("the bundle brings a root of its own")
