"""Judging an artifact by its Sigstore bundle: by keys or rules, and by a policy."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from tlogverify.attestation.rules import Rules
from tlogverify.attestation.signers import MAX_PEM_BYTES, SignerKey
from tlogverify.attestation.slsa import Provenance
from tlogverify.attestation.verify import judge_statement
from tlogverify.command import verdicts
from tlogverify.command.proofs import require_file
from tlogverify.command.verdicts import Judged
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.policy import Policy
from tlogverify.sigstore.bundle import Bundle
from tlogverify.sigstore.signers import BundleKey
from tlogverify.sigstore.verify import JUDGED, ProvenBundle, Signed, verify_bundle


def judge_by_bundle(options: Namespace, policy: Policy) -> Callable[[str], Judged]:
    """Read a bundle, keys and rules, and return the function that judges by them."""
    bundle = Bundle.read(options.bundle)
    rules = None if options.rules is None else Rules.read(options.rules)
    keys = read_keys(options.key, rules)

    def judge(artifact: str) -> Judged:
        require_file(artifact)
        return tell_bundle(
            artifact, verify_bundle(artifact, bundle, policy, keys), rules
        )

    return judge


def tell_bundle(artifact: str, proven: ProvenBundle, rules: Rules | None) -> Judged:
    """Return the verdict on a bundle, once its statement is as `rules` ask, if they do.

    artifact: what it is called.

    Raises FormatError or VerificationError if it is not as they ask.
    """
    build = build_of(proven.signed, rules)
    told = verdicts.describe_signed(artifact, proven.signed, JUDGED)
    told |= verdicts.placed(proven.logged.index, proven.logged.witnessed)
    told |= {"not_judged": list(proven.unjudged)}
    line = f"{artifact}: proven, " + verdicts.standing(
        proven.logged.index, proven.logged.witnessed
    )
    line += verdicts.signed_summary(proven.signed, build)
    return told | verdicts.describe_build(build), line + verdicts.beside(
        proven.unjudged
    )


def read_keys(paths: list[str], rules: Rules | None) -> tuple[BundleKey, ...]:
    """Return the keys that are trusted to sign: of files, or of the rules.

    Raises FormatError if both are given, or a file holds no key; OSError.
    """
    if paths and rules is not None:
        raise FormatError("--key and --rules are two ways to name the keys: give one")
    if rules is not None:
        return tuple(BundleKey(it.key.spki) for it in rules.keys)
    return tuple(
        BundleKey.of_pem(read_bounded(Path(it), "a key", MAX_PEM_BYTES)) for it in paths
    )


def build_of(signed: Signed, rules: Rules | None) -> Provenance | None:
    """Return the build that a signed statement is of, as `rules` ask, if they do.

    Raises FormatError or VerificationError if it is not as they ask.
    """
    if rules is None:
        return None
    if signed.statement is None:
        raise FormatError(
            "rules are for statements, and this bundle signs the file itself: name its "
            "key by --key FILE"
        )
    return judge_statement(signed.statement, (SignerKey(signed.key.der),), rules)
