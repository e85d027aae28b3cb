"""Judging a bundle by a trusted root: its log entries, and the key that signed it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from tlog.bundles.bodies import require_entry_of
from tlog.bundles.trusted import TrustedLogs
from tlogverify.checkpoint import Checkpoint
from tlogverify.policy import Policy, Witnessed
from tlogverify.sigstore import Bundle, BundleKey
from tlogverify.sigstore.verify import Signed, name_unjudged, open_logged, open_signed

Artifact = str | os.PathLike[str] | bytes
"""As `tlogverify.verify_artifact` takes it."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was proven of a bundle.

    index, checkpoint: where the first log entry stands in its tree.  witnessed: what a
    policy adds to that, or None.  judged, unjudged: names of what was looked at, and of
    what was not.
    """

    signed: Signed
    index: int
    checkpoint: Checkpoint
    witnessed: Witnessed | None
    judged: tuple[str, ...]
    unjudged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CertifiedJudgement:
    """What was proven of a bundle with a certificate, whomever that names.

    identity, issuer: whom it names, and by whose word.  stamp_times_s: POSIX seconds of
    timestamps, each of which was verified and suffices alone.
    """

    judgement: Judgement
    identity: str
    issuer: str
    stamp_times_s: tuple[int, ...]


def judge_keyed(
    artifact: Artifact,
    bundle: Bundle,
    keys: Sequence[BundleKey],
    root: bytes,
    policy: Policy | None = None,
) -> Judgement:
    """Prove that one of `keys` signed an artifact, and that a trusted log has it.

    root: a trusted root's bytes.  policy: must hold too, if it is given.

    Raises FormatError, VerificationError, or OSError if the artifact is not readable.
    """
    signed = open_signed(artifact, bundle, keys)
    return judge_logged(bundle, signed, root, policy)


def judge_logged(
    bundle: Bundle, signed: Signed, root: bytes, policy: Policy | None
) -> Judgement:
    """Prove that every log entry of a bundle is of its signature, and in its log.

    Raises FormatError or VerificationError.
    """
    heads = TrustedLogs.parse(root).prove(bundle.entries)
    for entry in bundle.entries:
        require_entry_of(entry, bundle, signed)
    witnessed = None
    if policy is not None:
        witnessed = open_logged(bundle, signed, policy).witnessed
    judged = ["signature", "artifact", "log"]
    judged += ["promises"] if any(it.promise for it in bundle.entries) else []
    unjudged = tuple(it for it in name_unjudged(bundle) if it not in judged)
    index = bundle.entries[0].to_proof().index
    return Judgement(signed, index, heads[0], witnessed, tuple(judged), unjudged)
