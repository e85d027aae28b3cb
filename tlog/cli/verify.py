"""Verify an artifact offline, by its proof file and a policy.

Or by its Sigstore bundle: by keys and a policy, or with --trusted-root also by whom a
certificate names.

Exit status: 0 proven, 1 not proven, 2 unusable input.
"""

import argparse
from collections.abc import Callable

from tlog.cli.verbs import load
from tlogverify.command import judging, running
from tlogverify.command.verdicts import Judged
from tlogverify.errors import FormatError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    running.add_arguments(parser, is_policy_optional=True)
    parser.add_argument(
        "--trusted-root",
        metavar="FILE",
        help="whom Sigstore trusts, trusted_root.json: judges a bundle in place of "
        "--policy, or beside it",
    )
    parser.add_argument("--identity", help="whom the bundle's certificate must name")
    parser.add_argument("--issuer", metavar="URL", help="by whose word it names them")


def run(options: argparse.Namespace) -> int:
    """Verify each thing, say so in one line each, and return the worst status."""
    return running.run(options, _read_judge)


def _read_judge(options: argparse.Namespace) -> Callable[[str], Judged]:
    if options.trusted_root is not None:
        judge: Callable[[str], Judged] = load("bundles").judge_by_root(options)
        return judge
    if options.identity is not None or options.issuer is not None:
        raise FormatError("--identity and --issuer go with --trusted-root FILE")
    if options.policy is None:
        raise FormatError(
            "--policy FILE is needed: whom to trust; or, for a bundle, --trusted-root"
        )
    return judging.judge_by(options)
