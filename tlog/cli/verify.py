"""Verify an artifact offline, by its proof file and a policy.

Or by its Sigstore bundle: by keys and a policy, or with --trusted-root also by whom a
certificate names.  An image of a registry, oci://HOST/NAME:TAG, is verified by what is
attached to it; for that the registry is asked, and nobody else.

Exit status: 0 proven, 1 not proven, 2 unusable input; of an image, 3 no answer.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from tlog.cli.network import add_registry_arguments
from tlog.cli.verbs import load
from tlogverify.attestation.rules import MAX_RULES_BYTES, server_names
from tlogverify.command import judging, running
from tlogverify.command.verdicts import Judged
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.toml import parse_toml

_IMAGE = "oci://"


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
    _add_rules_arguments(parser)
    add_registry_arguments(parser)


def _add_rules_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--explain",
        action="store_true",
        help="say of every rule what was found, and why it did not do",
    )
    parser.add_argument(
        "--vsa", metavar="FILE", help="write the verdict as a verification summary"
    )
    parser.add_argument(
        "--verifier", metavar="URI", help="whose summary it is; with --vsa"
    )
    parser.add_argument(
        "--resource",
        metavar="URI",
        help="what the summary is of (default: urn:sha256:HEX)",
    )
    parser.add_argument(
        "--sign", metavar="KEY", help="sign the summary; a key as tlog attest has it"
    )
    parser.add_argument("--log", metavar="URL", help="log the signed summary")
    parser.add_argument(
        "--token-file", type=Path, help="a bearer token for it; else TLOG_TOKEN is used"
    )


def run(options: argparse.Namespace) -> int:
    """Verify each thing, say so in one line each, and return the worst status."""
    images = [it for it in options.artifact if it.startswith(_IMAGE)]
    if not images:
        return running.run(options, _read_judge)
    if len(images) < len(options.artifact):
        raise FormatError("files and images are verified by two commands")
    if options.rules is not None and _is_ruled(options):
        raise FormatError(
            "rules of several requirements are for files and digests: name the image "
            "by sha256:HEX, and what is attached to it by --attestation"
        )
    return int(load("images").run(options))


def _read_judge(options: argparse.Namespace) -> Callable[[str], Judged]:
    if options.rules is not None and _is_ruled(options):
        by_rules: Callable[[str], Judged] = load("ruled").judge_by_rules(options)
        return by_rules
    if options.explain or options.vsa is not None:
        raise FormatError("--explain and --vsa are about rules: --rules FILE")
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


def _is_ruled(options: argparse.Namespace) -> bool:
    """Tell whether arguments or rules ask for more than one attestation by keys."""
    if options.explain or options.vsa is not None or len(options.attestation or ()) > 1:
        return True
    text = read_bounded(Path(options.rules), "rules", MAX_RULES_BYTES)
    return bool(server_names(parse_toml("a file of rules", text, MAX_RULES_BYTES)))
