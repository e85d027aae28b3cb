"""Submit files: hash, submit, verify the answers, write a proof file for each.

Each file gets a record of its own: its digest, and the digest of its provenance
document.  That is --provenance, or FILE.intoto.jsonl where that lies beside the file;
without either, the file stands for itself.  A file is also `-` for standard input, and
sha256:HEX for an artifact that is not here.
"""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tlog.cli.credentials import bearer_token
from tlog.cli.document_flags import add_document_arguments
from tlog.cli.output import (
    InterruptedBySignal,
    interruptible,
    telling_errors,
    warn,
)
from tlog.cli.policies import (
    add_network_arguments,
    add_policy_argument,
    find_network,
    load_policy,
    open_client,
)
from tlog.cli.reports import SubmitReport
from tlog.cli.signers import signer_digest
from tlog.submit import (
    Artifact,
    Finder,
    Listing,
    Planned,
    Sender,
    choose_destinations,
    list_artifacts,
    prepare_folders,
    require_free,
    store_documents,
    without_quorum,
)
from tlogclient.batches import MAX_ENTRIES
from tlogverify import Record
from tlogverify.errors import FormatError, TlogError
from tlogverify.files import sha256_file
from tlogverify.record import Subject

_PATIENCE_S: Final = 3600.0
_TICK_S: Final = 0.5
_SHOWN: Final = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a file, -, or sha256:<64 hex>"
    )
    parser.add_argument("--log", required=True, metavar="URL")
    parser.add_argument(
        "--recursive", action="store_true", help="a folder stands for its files"
    )
    parser.add_argument("--provenance", type=Path, help="the provenance document")
    parser.add_argument("--predicate-type", metavar="URI", help="what it is")
    parser.add_argument(
        "--signer", type=Path, help="the signer's public key or certificate, DER or PEM"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "-o", "--out", type=Path, metavar="PROOF", help="where the one proof goes"
    )
    where.add_argument(
        "-O", "--out-dir", type=Path, metavar="DIR", help="where all proofs go"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace what lies where a proof goes"
    )
    parser.add_argument(
        "--no-wait", action="store_true", help="take proofs that are not yet cosigned"
    )
    parser.add_argument(
        "--batch",
        type=int,
        default=MAX_ENTRIES,
        metavar="N",
        help=f"entries in one request, 1 to {MAX_ENTRIES} (default: {MAX_ENTRIES})",
    )
    parser.add_argument(
        "--token-file", type=Path, help="a bearer token; else TLOG_TOKEN is used"
    )
    add_document_arguments(parser)
    add_policy_argument(parser)
    add_network_arguments(parser, _PATIENCE_S)
    parser.add_argument("--json", action="store_true", help="one JSON object a file")


def run(options: argparse.Namespace) -> int:
    """Submit the artifacts without a proof, in as few requests as can hold them."""
    report = SubmitReport(options)
    try:
        with telling_errors(options), interruptible():
            _submit(options, report)
        report.clear()
        report.output.require()
    except InterruptedBySignal as error:
        report.end("interrupted")
        return error.status
    except (TlogError, OSError):
        report.end("")
        raise
    return 0


def _submit(options: argparse.Namespace, report: SubmitReport) -> None:
    if not 1 <= options.batch <= MAX_ENTRIES:
        raise FormatError(f"--batch is 1 to {MAX_ENTRIES}", options.batch)
    token = bearer_token(options)
    make_record = _record_maker(options)
    listing = list_artifacts(options.files, recursive=options.recursive)
    _tell_passed_over(options, listing)
    destinations = choose_destinations(listing.artifacts, options.out, options.out_dir)
    require_free(destinations)
    prepare_folders(destinations, options.out_dir)
    report.total = len(destinations)
    planned: list[Planned] = []
    for destination in destinations:
        report.phase = f"hashing {len(planned) + 1:,} of {len(destinations):,} files"
        record = make_record(destination.artifact, report.show)
        planned.append(Planned(destination, record.encode()))
    asyncio.run(_send(options, planned, token, report))


def _tell_passed_over(options: argparse.Namespace, listing: Listing) -> None:
    for why in dict.fromkeys(it.why for it in listing.passed_over):
        paths = [str(it.path) for it in listing.passed_over if it.why == why]
        shown = ", ".join(paths[:_SHOWN])
        if (more := len(paths) - _SHOWN) > 0:
            shown = f"{shown} and {more:,} more"
        warn(options, f"passed over, {why}: {shown}")


def _record_maker(
    options: argparse.Namespace,
) -> Callable[[Artifact, Callable[[], None]], Record]:
    """Return what makes the record of one artifact; what all share is read now."""
    given = None if options.provenance is None else sha256_file(options.provenance)
    signer = None if options.signer is None else signer_digest(options.signer)
    # Refused before a file is read, if it is no URI.
    Record((Subject(bytes(32)),), bytes(32), options.predicate_type, signer).encode()

    def make(artifact: Artifact, step: Callable[[], None]) -> Record:
        step()
        digest = artifact.hash(step)
        provenance = given
        if provenance is None and (statement := artifact.statement()) is not None:
            provenance = sha256_file(statement)
        return Record(
            (Subject(digest),), provenance or digest, options.predicate_type, signer
        )

    return make


async def _send(
    options: argparse.Namespace,
    planned: Sequence[Planned],
    token: str | None,
    report: SubmitReport,
) -> None:
    ticking = asyncio.create_task(_tick(report))
    try:
        network = find_network(options, report.pause)
        report.phase = "reading the policy"
        policy = await load_policy(options, network)
        taken = without_quorum(policy) if options.no_wait else policy
        report.policy = policy
        report.phase = f"looking for the proofs of {len(planned):,} files"
        kept, missing = Finder(taken).split(
            planned, replace_others=options.force, step=report.show
        )
        report.phase = ""
        for it, proof in kept:
            report.kept(it, proof)
        client = open_client(
            options.log, taken, token, network=network, timeout_s=options.timeout
        )
        async with client as log:
            sender = Sender(log, report, options.batch, not options.no_wait)
            await sender.send(missing)
            if options.documents:
                report.phase = "storing documents"
                await store_documents(
                    log, planned, options.provenance, options.environment
                )
    finally:
        ticking.cancel()


async def _tick(report: SubmitReport) -> None:
    while True:
        report.show()
        await asyncio.sleep(_TICK_S)
