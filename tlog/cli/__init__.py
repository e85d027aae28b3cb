"""The command line: one file per verb, arguments only.

    serve  witness  monitor                  the roles that run
    submit  attest  verify  search           what people ask of a log
    fsck  rebuild  keygen  sigstore_config   what operators do
    serving  settings                        what the roles that run share
    credentials  policies  progress          what the others share
    output  reports  signers                 the same

Exit status: 0 done, 1 not done (not proven, refused, damaged), 2 unusable input, 3 the
log stopped by itself and wants a restart; 4 hits, of `tlog monitor --once`.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Final

import stamina

from tlog import __version__, hashing
from tlog.cli import (
    attest,
    fsck,
    keygen,
    monitor,
    rebuild,
    search,
    serve,
    sigstore_config,
    submit,
    verify,
    witness,
)
from tlog.errors import CorruptError, FatalError, RejectedError
from tlogclient import RefusedError, UnavailableError
from tlogverify.errors import FormatError, TlogError, VerificationError

_VERBS: Final = {
    "serve": serve,
    "submit": submit,
    "attest": attest,
    "verify": verify,
    "search": search,
    "fsck": fsck,
    "rebuild": rebuild,
    "keygen": keygen,
    "witness": witness,
    "monitor": monitor,
    "sigstore-config": sigstore_config,
}

_STATUS: Final[dict[type[BaseException], int]] = {
    VerificationError: 1,
    RefusedError: 1,
    UnavailableError: 1,
    CorruptError: 1,
    FatalError: 3,
    FormatError: 2,
    RejectedError: 2,
    OSError: 2,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = build_parser().parse_args(arguments)
    # A retry that succeeds is no news, and one that does not ends in an error.
    stamina.instrumentation.set_on_retry_hooks([])
    if fault := hashing.fault():
        print(f"tlog: the {fault} kernel fails its self-test here", file=sys.stderr)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130
    except (TlogError, OSError) as error:
        print(f"tlog {options.verb}: {error}", file=sys.stderr)
        kinds = [kind for kind in type(error).__mro__ if kind in _STATUS]
        return _STATUS[kinds[0]] if kinds else 1


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs."""
    parser = argparse.ArgumentParser(
        prog="tlog", description="A transparency log of software provenance."
    )
    parser.add_argument(
        "--version", action=_ShowVersion, nargs=0, help="show it, and what hashes"
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, module in _VERBS.items():
        summary = (module.__doc__ or "").partition(".")[0]
        verb = verbs.add_parser(name, help=summary, description=module.__doc__)
        module.add_arguments(verb)
        verb.set_defaults(run=module.run)
    return parser


class _ShowVersion(argparse.Action):
    """Print the version and the hashing backend, then exit."""

    def __call__(  # type: ignore[explicit-override]  # typing: from 3.12
        self, parser: argparse.ArgumentParser, *_: object
    ) -> None:
        """Show it; a backend that cannot be had is a usage error."""
        try:
            print(f"tlog {__version__}, hashing by {hashing.backend()}")
        except RejectedError as error:
            parser.error(str(error))
        parser.exit()
