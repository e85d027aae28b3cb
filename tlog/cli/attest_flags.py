"""The flags of `tlog attest`, and which of them go together."""

import argparse
from pathlib import Path

from tlog.attest import require_uri
from tlog.cli.credentials import KEY_HELP
from tlog.cli.document_flags import add_document_arguments
from tlog.cli.policies import add_network_arguments, add_policy_argument
from tlogverify.errors import FormatError


def add_attest_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "artifacts",
        nargs="+",
        metavar="FILE",
        help="a file; or of what is not here sha256:HEX, or NAME@sha256:HEX",
    )
    parser.add_argument("--log", metavar="URL")
    parser.add_argument("--key", help=KEY_HELP)
    parser.add_argument(
        "--recursive", action="store_true", help="a folder means the files in it"
    )
    _add_statement_arguments(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="print the statement, sign nothing"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace another attestation"
    )
    _add_bundle_arguments(parser)
    parser.add_argument(
        "--token-file", type=Path, help="a bearer token; else TLOG_TOKEN is used"
    )
    add_document_arguments(parser)
    add_policy_argument(parser)
    add_network_arguments(parser)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object a statement"
    )


def _add_statement_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what decides what is stated."""
    parser.add_argument("--predicate", type=Path, help="JSON; else it is captured")
    parser.add_argument(
        "--sbom",
        type=Path,
        metavar="FILE",
        help="an SBOM of the one artifact, CycloneDX or SPDX 2 in JSON: it is stated, "
        "and kept by the log",
    )
    parser.add_argument("--type", dest="predicate_type", metavar="URI")
    tier = parser.add_mutually_exclusive_group()
    tier.add_argument(
        "--full", action="store_true", help="all that is captured; the default"
    )
    tier.add_argument(
        "--minimal",
        action="store_true",
        help="builder, source and times alone, of a predicate type that says so",
    )
    parser.add_argument(
        "--run-id",
        default=None,
        metavar="UUID",
        help="the run that made or read the artifacts, as OpenLineage names it",
    )
    parser.add_argument("--builder-id", default="", metavar="URI", help="who builds")
    parser.add_argument(
        "--started", default="", metavar="RFC3339", help="when the build started"
    )
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="PATH",
        help="let a member stay that looks like a secret, as a.b[0].c; repeatable",
    )


def _add_bundle_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what makes one Sigstore bundle of it."""
    parser.add_argument(
        "--bundle",
        type=Path,
        metavar="FILE",
        help="write one Sigstore bundle instead; the log must serve --sigstore",
    )
    parser.add_argument(
        "--certificate", type=Path, metavar="PEM", help="of --key, for the bundle"
    )
    parser.add_argument(
        "--timestamp-authority", metavar="URL", help="stamps the bundle's signature"
    )
    parser.add_argument(
        "--entry-kind",
        choices=("hashedrekord", "dsse"),
        help="of the bundle's log entry: hashedrekord, the default; or dsse, for "
        "sigstore-java, of a log with --sigstore-dsse legacy",
    )


def require_whole(options: argparse.Namespace) -> None:
    """Raise FormatError for flags that do not go together, or that are missing."""
    _require_one_statement(options)
    if not options.dry_run and (options.log is None or options.key is None):
        raise FormatError("--log and --key are needed, without --dry-run")
    if options.bundle is None and (options.certificate or options.timestamp_authority):
        raise FormatError("--certificate and --timestamp-authority go with --bundle")
    if options.bundle is None and options.entry_kind is not None:
        raise FormatError("--entry-kind is of a bundle's log entry: it needs --bundle")
    if options.bundle is not None and (options.documents or options.sbom):
        # A log keeps what an entry names, and such an entry names a hash of it alone.
        raise FormatError(
            "a bundle holds its statement: --documents and --sbom go without it"
        )


def _require_one_statement(options: argparse.Namespace) -> None:
    if options.sbom is not None and (options.predicate or options.predicate_type):
        raise FormatError("--sbom goes without --predicate and --type")
    if options.sbom is None and (
        (options.predicate is None) != (options.predicate_type is None)
    ):
        raise FormatError("--predicate and --type go together")
    is_given = options.predicate is not None or options.sbom is not None
    if is_given and (options.builder_id or options.started):
        raise FormatError("--builder-id and --started are for what is captured")
    if is_given and (options.full or options.minimal):
        raise FormatError("--full and --minimal are for what is captured")
    if options.predicate_type is not None:
        require_uri("--type", options.predicate_type)
