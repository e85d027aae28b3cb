"""The command: its arguments, one answer for each thing, the worst status of all.

A verdict counts when it is told.  If a verdict cannot be written, the command ends with
status 2, whatever the verdict was.
"""

import argparse
import json
import os
from collections.abc import Callable, Sequence

from tlogverify.command.judging import judge_by
from tlogverify.command.policies import FOLDERS, VARIABLE
from tlogverify.command.proofs import passed_over
from tlogverify.command.telling import (
    Parser,
    UnwrittenError,
    complain,
    printable,
    reason,
    tell,
)
from tlogverify.command.verdicts import DisallowedError, Judged
from tlogverify.errors import FormatError, VerificationError
from tlogverify.sigstore.verify import UnjudgedError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = Parser(
        prog="python -m tlogverify",
        description="Prove offline that a transparency log holds a record of files.",
        epilog="Exit status: 0 proven, 1 not proven, 2 unusable input or an unwritten "
        "verdict; of several artifacts the worst.",
    )
    add_arguments(parser)
    try:
        options = parser.parse_args(arguments)
    except UnwrittenError as error:
        complain(f"{parser.prog}: the help could not be written: {error}")
        return 2
    try:
        return run(options)
    except KeyboardInterrupt:
        return 130


def add_arguments(
    parser: argparse.ArgumentParser, *, is_policy_optional: bool = False
) -> None:
    """Add the command's arguments, for `tlog verify` too."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "artifact", nargs="*", default=[], help="a file, or sha256:<64 hex>"
    )
    what.add_argument("--evidence", help="a file of evidence against a log")
    parser.add_argument("--proof", help="default: ARTIFACT.tlog-proof")
    trusted = os.environ.get(VARIABLE)
    parser.add_argument(
        "--policy",
        required=not trusted and not is_policy_optional,
        default=trusted,
        help=f"a tlog-policy file, or its name in {FOLDERS}; else {VARIABLE}",
    )
    parser.add_argument(
        "--attestation", action="append", help="a DSSE envelope; needs --rules"
    )
    parser.add_argument("--rules", help="whose attestations to believe, in TOML")
    parser.add_argument("--bundle", help="a Sigstore bundle, in place of --proof")
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        help="a public key, PEM, that may have signed the bundle; repeatable",
    )
    parser.add_argument(
        "--entry", action="store_true", help="the file is itself the log's entry"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object each")


def run(
    options: argparse.Namespace,
    read_judge: Callable[[argparse.Namespace], Callable[[str], Judged]] = judge_by,
) -> int:
    """Verify each thing, say so in one line each, and return the worst status.

    read_judge: reads what all verdicts rest on; see `judge_by`.
    """
    kind = "evidence" if options.evidence is not None else "artifact"
    if options.entry:
        kind = "entry"
    given = options.artifact if options.evidence is None else [options.evidence]
    passed = passed_over(given)
    if passed:
        complain(f"passed over, as they belong to other files here: {len(passed)}")
    names = [it for it in dict.fromkeys(given) if it not in passed]
    try:
        judge = read_judge(options)
    except (FormatError, OSError) as error:
        judge = _refusing(error)
    status = 0
    for name in names:
        try:
            status = max(status, _answer(name, kind, judge, options.json))
        except UnwrittenError as error:
            complain(f"{name}: the verdict could not be written: {error}")
            return 2
    return status


def _refusing(error: FormatError | OSError) -> Callable[[str], Judged]:
    def refuse(_: str) -> Judged:
        raise error

    return refuse


def _answer(name: str, kind: str, judge: Callable[[str], Judged], as_json: bool) -> int:
    more: dict[str, object] = {}
    try:
        document, line = judge(name)
    except VerificationError as error:
        judged, why, status = "not proven", str(error), 1
        if isinstance(error, UnjudgedError):
            more = {"judged": error.judged, "not_judged": error.unjudged}
        elif isinstance(error, DisallowedError):
            more = {**error.told}
    except (FormatError, OSError) as error:
        judged, why, status = "unusable input", reason(error), 2
    else:
        tell(json.dumps(document) if as_json else printable(line))
        return 0
    if as_json:
        try:
            tell(json.dumps({kind: name, "proven": False, "why": why, **more}))
        except UnwrittenError as error:
            raise UnwrittenError(f"{error}; it was {judged}: {why}") from None
    complain(f"{name}: {judged}: {why}")
    return status
