"""Verifying by a Sigstore bundle and a trusted root; loaded where one is given."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from tlog.bundles.judging import Judgement, judge_keyed
from tlog.bundles.trusted import MAX_ROOT_BYTES, TrustedLogs
from tlog.cli.verbs import load
from tlog.errors import RejectedError
from tlogverify.attestation.rules import Rules
from tlogverify.command import verdicts
from tlogverify.command.bundles import build_of, read_keys
from tlogverify.command.judging import require_bundle_alone
from tlogverify.command.policies import policy_folders, read_policy
from tlogverify.command.proofs import require_file
from tlogverify.command.verdicts import Judged
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.policy import Policy
from tlogverify.sigstore import Bundle


def judge_by_root(options: argparse.Namespace) -> Callable[[str], Judged]:
    """Read a bundle and all that judges it, and return the function that judges.

    Raises FormatError or OSError for input that cannot be used, RejectedError if the
    library that judges certificates is not installed.
    """
    if options.bundle is None:
        raise FormatError("--trusted-root is for a bundle: --bundle FILE")
    require_bundle_alone(options)
    root = read_bounded(Path(options.trusted_root), "a trusted root", MAX_ROOT_BYTES)
    TrustedLogs.parse(root)
    policy = None
    if options.policy is not None:
        policy = read_policy(options.policy, policy_folders(os.environ))
    bundle = Bundle.read(options.bundle)
    rules = None if options.rules is None else Rules.read(options.rules)
    judge = _judge_of(options, bundle, rules, root, policy)

    def answer(artifact: str) -> Judged:
        require_file(artifact)
        return tell_judgement(artifact, judge(artifact), rules)

    return answer


def tell_judgement(artifact: str, judgement: Judgement, rules: Rules | None) -> Judged:
    """Return the verdict on a bundle, once its statement is as `rules` ask, if they do.

    artifact: what it is called.

    Raises FormatError or VerificationError if it is not as they ask.
    """
    build = build_of(judgement.signed, rules)
    told = _describe(artifact, judgement) | verdicts.describe_build(build)
    line = f"{artifact}: proven, {_standing(judgement)}"
    line += verdicts.signed_summary(judgement.signed, build)
    return told, line + verdicts.beside(judgement.unjudged)


def _judge_of(
    options: argparse.Namespace,
    bundle: Bundle,
    rules: Rules | None,
    root: bytes,
    policy: Policy | None,
) -> Callable[[str], Judgement]:
    keys = read_keys(options.key, rules)
    named = (options.identity, options.issuer)
    if keys or not bundle.certificates:
        if named != (None, None):
            raise FormatError(
                "--identity and --issuer are for a certificate: they go without --key "
                "and --rules, and the bundle must have one"
            )
        return lambda artifact: judge_keyed(artifact, bundle, keys, root, policy)
    if None in named:
        raise FormatError(
            "the bundle is signed with a certificate: say whom it must name, by "
            "--identity NAME and --issuer URL"
        )
    certified = load_certified()
    who = certified.Who(options.identity, options.issuer)
    return lambda artifact: certified.judge(artifact, bundle, who, root, policy)


def load_certified() -> ModuleType:
    """Load what judges certificates; RejectedError if its library is not installed."""
    try:
        return load("certified")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("tlog.", "tlogverify", "tlogclient")):
            raise
        raise RejectedError(
            "a certificate is judged by sigstore-python: pip install "
            "'tlog-server[sigstore]'"
        ) from error


def _describe(artifact: str, judgement: Judgement) -> dict[str, object]:
    told = verdicts.describe_signed(artifact, judgement.signed, judgement.judged)
    checkpoint, witnessed = judgement.checkpoint, judgement.witnessed
    place = {
        "origin": checkpoint.origin,
        "index": judgement.index,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "witnesses": [],
    }
    if witnessed is not None:
        place = verdicts.placed(judgement.index, witnessed)
    return told | place | {"not_judged": list(judgement.unjudged)}


def _standing(judgement: Judgement) -> str:
    if judgement.witnessed is not None:
        return verdicts.standing(judgement.index, judgement.witnessed)
    checkpoint = judgement.checkpoint
    return f"entry {judgement.index} of {checkpoint.size} in {checkpoint.origin}"
