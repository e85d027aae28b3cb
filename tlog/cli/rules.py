"""Check rules, or try the cases that lie beside them.

check FILE: what the rules ask, and what of it can never hold.  test FOLDER: every case
in it, against RULES.toml and policy of the folder.

Exit status: 0 all is well, 1 something can never hold or a case fails, 2 unusable
input.
"""

import argparse
import json
import os
from pathlib import Path

from tlog.cli.output import Output
from tlog.cli.ruled import read_trust
from tlog.clock import SystemClock
from tlog.rules import RuleSet, read_rules
from tlog.rules.cases import Tried, try_cases
from tlog.rules.checking import find_faults
from tlog.rules.telling import describe
from tlogverify.command.policies import policy_folders, read_policy
from tlogverify.errors import FormatError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("action", choices=("check", "test"), help="what to do")
    parser.add_argument("path", type=Path, help="a file of rules; or a folder of cases")
    parser.add_argument(
        "--rules", type=Path, help="rules of the cases (default: FOLDER/RULES.toml)"
    )
    parser.add_argument(
        "--policy",
        metavar="FILE|NAME",
        help="whom the cases trust (default: FOLDER/policy)",
    )
    parser.add_argument(
        "--trusted-root",
        metavar="FILE",
        help="whom Sigstore trusts (default: FOLDER/trusted_root.json, if it is there)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON objects")


def run(options: argparse.Namespace) -> int:
    """Check or test; return the exit status."""
    output = Output(is_answer=True)
    if options.action == "check":
        status = _check(options, output)
    else:
        status = _test(options, output)
    output.require()
    return status


def _check(options: argparse.Namespace, output: Output) -> int:
    if options.rules or options.policy or options.trusted_root:
        raise FormatError("rules are checked alone: --rules and --policy are for test")
    rules = read_rules(options.path)
    faults = find_faults(rules, SystemClock().now_s())
    if options.json:
        output.tell(json.dumps(_describe(rules) | {"faults": faults}))
        return 1 if faults else 0
    digest = f"sha256:{rules.sha256.hex()}"
    output.tell(f"{options.path}: {_counted(rules)}; digest {digest}")
    for fault in faults:
        output.tell(f"{options.path}: {fault}")
    return 1 if faults else 0


def _test(options: argparse.Namespace, output: Output) -> int:
    folder = options.path
    rules = read_rules(options.rules or folder / "RULES.toml")
    policy = None
    if options.policy is not None:
        policy = read_policy(options.policy, policy_folders(os.environ))
    elif (folder / "policy").exists():
        policy = read_policy(str(folder / "policy"), ())
    root = options.trusted_root
    if root is None and (folder / "trusted_root.json").exists():
        root = folder / "trusted_root.json"
    trust = read_trust(rules, policy, root)
    failed = count = 0
    for tried in try_cases(folder, rules, trust):
        count += 1
        failed += 1 if tried.why else 0
        output.tell(_line(tried, options))
    if not options.json:
        output.tell(f"{count - failed} of {count} cases pass")
    return 1 if failed else 0


def _line(tried: Tried, options: argparse.Namespace) -> str:
    if not options.json:
        return (
            f"pass: {tried.case}"
            if not tried.why
            else f"FAIL: {tried.case}: {tried.why}"
        )
    verdict = None if tried.verdict is None else describe(tried.verdict)
    document = {"case": tried.case, "passed": not tried.why, "why": tried.why or None}
    return json.dumps(document | {"verdict": verdict})


def _counted(rules: RuleSet) -> str:
    signers = len(rules.keys) + len(rules.identities)
    return (
        f"{len(rules.requirements)} requirements, {signers} signers, "
        f"{len(rules.exceptions)} exceptions"
    )


def _describe(rules: RuleSet) -> dict[str, object]:
    return {
        "digest": rules.sha256.hex(),
        "requirements": [it.name for it in rules.requirements],
        "signers": [*rules.signers],
        "exceptions": len(rules.exceptions),
    }
