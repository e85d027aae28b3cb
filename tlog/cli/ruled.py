"""Verifying by rules of several requirements; loaded where such rules are given."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from tlog.bundles.trusted import MAX_ROOT_BYTES, TrustedLogs
from tlog.cli.bundles import load_certified
from tlog.cli.verbs import load
from tlog.clock import SystemClock
from tlog.rules import Document, RuleSet, Trust, Verdict, decide, read_rules
from tlog.rules.folders import proof_beside, read_document
from tlog.rules.telling import describe, explain, summarize
from tlogverify.command.policies import policy_folders, read_policy
from tlogverify.command.proofs import read_proof, require_file
from tlogverify.command.telling import printable, tell
from tlogverify.command.verdicts import DisallowedError, Judged
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.policy import Policy


def judge_by_rules(options: argparse.Namespace) -> Callable[[str], Judged]:
    """Read all that verdicts rest on, and return the function that judges by it.

    Raises FormatError, RejectedError or OSError for input that cannot be used.
    """
    _require_sense(options)
    rules = read_rules(options.rules)
    policy = None
    if options.policy is not None:
        policy = read_policy(options.policy, policy_folders(os.environ))
    trust = read_trust(rules, policy, options.trusted_root)
    now_s = SystemClock().now_s()
    summaries = None if options.vsa is None else load("vsa").open_writer(options)

    def judge(artifact: str) -> Judged:
        require_file(artifact)
        documents = _documents(artifact, options)
        verdict = decide(artifact, documents, rules, trust, now_s)
        if options.explain and not options.json:
            for line in explain(verdict):
                tell(printable(line))
        if summaries is not None:
            summaries(artifact, verdict)
        return _answer(artifact, verdict)

    return judge


def read_trust(rules: RuleSet, policy: Policy | None, root: str | None) -> Trust:
    """Return whom to trust: by a policy, and by the path of a trusted root.

    Raises FormatError or OSError, or RejectedError if identities are to be judged and
    the library that does it is not installed.
    """
    if root is None:
        if policy is None:
            raise FormatError(
                "--policy FILE is needed: whom to trust; or, for bundles alone, "
                "--trusted-root FILE"
            )
        return Trust(policy)
    text = read_bounded(Path(root), "a trusted root", MAX_ROOT_BYTES)
    TrustedLogs.parse(text)
    certified = load_certified().judge_named if rules.identities else None
    return Trust(policy, text, certified)


def _answer(artifact: str, verdict: Verdict) -> Judged:
    told: dict[str, object] = {"artifact": artifact, "proven": verdict.allowed}
    told |= describe(verdict)
    if not verdict.allowed:
        raise DisallowedError(summarize(verdict), told)
    return told, f"{artifact}: proven, {summarize(verdict)}"


def _require_sense(options: argparse.Namespace) -> None:
    if options.identity is not None or options.issuer is not None or options.key:
        raise FormatError("with such --rules the rules name keys and identities alone")
    if options.evidence is not None or options.entry:
        raise FormatError("--rules go without --evidence and without --entry")
    if options.vsa is None and (options.sign, options.verifier) != (None, None):
        raise FormatError("--sign and --verifier are for a summary: --vsa FILE")
    if options.vsa is not None and len(options.artifact) > 1:
        raise FormatError("a summary is of one artifact")


def _documents(artifact: str, options: argparse.Namespace) -> tuple[Document, ...]:
    given = [*(options.attestation or ())]
    given += [] if options.bundle is None else [options.bundle]
    if len(given) == 1 and options.bundle is None:
        # Of one attestation the artifact's own proof may be that of the envelope.
        path, own = Path(given[0]), Path(f"{artifact}.tlog-proof")
        is_own = options.proof is not None or (
            own.exists() and not proof_beside(path).exists()
        )
        proof = read_proof(artifact, options.proof).encode() if is_own else None
        return (read_document(path, proof),)
    if options.proof is not None:
        raise FormatError(
            "the proofs of several attestations lie beside them: NAME.tlog-proof "
            "beside NAME.intoto.jsonl"
        )
    return tuple(read_document(Path(it)) for it in given)
