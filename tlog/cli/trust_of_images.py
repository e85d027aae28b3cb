"""Whom `tlog verify oci://IMAGE` trusts: policy, rules, keys, a trusted root."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from tlog.bundles.judging import judge_keyed
from tlog.bundles.trusted import MAX_ROOT_BYTES, TrustedLogs
from tlog.cli.bundles import load_certified, tell_judgement
from tlog.registry import Digest, Trust
from tlogverify.attestation.rules import Rules
from tlogverify.command.bundles import read_keys, tell_bundle
from tlogverify.command.policies import policy_folders, read_policy
from tlogverify.command.verdicts import Judged
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.policy import Policy
from tlogverify.sigstore import Bundle, BundleKey, UnjudgedError, verify_bundle


def read_trust(options: argparse.Namespace) -> Trust:
    """Read all that images are judged by: FormatError, OSError, or RejectedError."""
    _require_sense(options)
    policy = None
    if options.policy is not None:
        policy = read_policy(options.policy, policy_folders(os.environ))
    rules = None if options.rules is None else Rules.read(options.rules)
    keys = read_keys(options.key, rules)
    root, certified = None, None
    if options.trusted_root is not None:
        path = Path(options.trusted_root)
        root = read_bounded(path, "a trusted root", MAX_ROOT_BYTES)
        TrustedLogs.parse(root)
    if options.identity is not None:
        certified = load_certified()
    if not keys and certified is None:
        return Trust(policy, rules)
    judge_certified = None
    if certified is not None and root is not None:
        judge_certified = _certified_judge(options, certified, root, policy)

    def judge(digest: Digest, bundle: Bundle) -> Judged:
        if not bundle.certificates:
            return _judge_keyed(digest, bundle, (keys, rules), root, policy)
        if judge_certified is None:
            raise UnjudgedError(
                "whom its certificate names is judged with --trusted-root FILE "
                "--identity NAME --issuer URL, without --rules and --key",
                judged=(),
                unjudged=("certificate", "identity"),
            )
        return judge_certified(digest, bundle)

    return Trust(policy, rules, judge)


def _certified_judge(
    options: argparse.Namespace,
    certified: ModuleType,
    root: bytes,
    policy: Policy | None,
) -> Callable[[Digest, Bundle], Judged]:
    who = certified.Who(options.identity, options.issuer)

    def judge(digest: Digest, bundle: Bundle) -> Judged:
        judgement = certified.judge(digest, bundle, who, root, policy)
        return tell_judgement(digest, judgement, None)

    return judge


def _judge_keyed(
    digest: Digest,
    bundle: Bundle,
    signers: tuple[tuple[BundleKey, ...], Rules | None],
    root: bytes | None,
    policy: Policy | None,
) -> Judged:
    keys, rules = signers
    if not keys:
        raise UnjudgedError(
            "whose key may have signed it is told by --rules or --key",
            judged=(),
            unjudged=("signature",),
        )
    if root is not None:
        judgement = judge_keyed(digest, bundle, keys, root, policy)
        return tell_judgement(digest, judgement, rules)
    if policy is None:
        raise FormatError("a bundle is judged by a policy or a trusted root")
    return tell_bundle(digest, verify_bundle(digest, bundle, policy, keys), rules)


def _require_sense(options: argparse.Namespace) -> None:
    alone = (options.proof, options.attestation, options.evidence, options.bundle)
    if options.entry or any(it is not None for it in alone):
        raise FormatError(
            "of an image all that is attached is judged: --policy, --rules, --key, "
            "--trusted-root and --json go with it, and no file of its own"
        )
    named = [it is not None for it in (options.identity, options.issuer)]
    signers = options.key or options.rules is not None
    if any(named) and (options.trusted_root is None or not all(named) or signers):
        raise FormatError(
            "--identity NAME and --issuer URL go together, with --trusted-root FILE, "
            "and without --key and --rules"
        )
    if options.trusted_root is not None and not (any(named) or signers):
        raise FormatError(
            "--trusted-root FILE goes with --identity and --issuer, --key or --rules: "
            "who may sign"
        )
    if options.policy is None and options.trusted_root is None:
        raise FormatError("--policy FILE is needed, or --trusted-root: whom to trust")
