"""Verify a whole log folder from its bytes.

Every bundle, tile, head and signature, the journal and the index; or, with
--documents, every document that the log keeps.  Of a log that nodes share: the bucket,
the database, and the index of the node whose folder is named.  Exit status: 0 whole, 1
damaged (the first damaged place is named), 2 not a folder to verify, 3 the machine
could not read it.
"""

import argparse
import json
from pathlib import Path

from tlog.cli.hashes import warn_of_fault
from tlog.cli.output import Output
from tlog.cli.progress import show_progress
from tlog.cli.stores import add_stores, may_be_shared, needing_extra
from tlog.cli.verbs import load
from tlog.config import parse_place
from tlog.errors import telling_machine_trouble
from tlog.fsck.check import Verdict, check_folder
from tlog.fsck.damage import DamageError
from tlog.fsck.documents import DocumentFiles, check_documents, find_documents
from tlogverify.command.telling import complain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="a stopped log's --data, or that of a node; with --documents also "
        "s3://BUCKET/PREFIX of them",
    )
    add_stores(parser)
    parser.add_argument(
        "--tree-only",
        action="store_true",
        help="leave out the index and the entries' own format",
    )
    parser.add_argument(
        "--documents",
        action="store_true",
        help="verify the documents there instead, whether or not the log runs",
    )
    parser.add_argument(
        "--textfile", type=Path, metavar="FILE.prom", help="write metrics there"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Check the folder and say what was found."""
    warn_of_fault()
    output = Output(is_answer=True)
    try:
        with telling_machine_trouble():
            told = _judge(options)
    except DamageError as error:
        if options.json:
            found = {"kind": error.kind, "where": error.where, "why": str(error)}
            output.tell(json.dumps({"whole": False, **found}))
        # Line and status tell of damage, whether or not the object was written.
        complain(f"damaged: {error}")
        _write(options, error.kind)
        return 1
    _write(options, "none")
    output.tell(told)
    output.require()
    return 0


def _write(options: argparse.Namespace, kind: str) -> None:
    """Write what was found where metrics are collected, if that is asked for."""
    if options.textfile is not None:
        # Only who asks for the file loads what it is made with.
        load("fsck-metrics").write_fsck(options.textfile, kind)


def _judge(options: argparse.Namespace) -> str:
    """Verify what is asked for, and return what is told of it."""
    if not options.documents:
        options.folder = Path(options.folder)
        return _told(options, _check(options))
    files = find_documents(parse_place(options.folder), _open_bucket)
    whole, gone = check_documents(files, _open_bucket, show_progress())
    if options.json:
        return json.dumps({"whole": True, "documents": whole, "removed": gone})
    return f"{files.root}: whole: {whole} documents, {gone} removed"


def _open_bucket(url: str) -> DocumentFiles:
    with needing_extra("a store of documents in a bucket"):
        files: DocumentFiles = load("fsck_bucket").BucketFiles(url)
    return files


def _check(options: argparse.Namespace) -> Verdict:
    if may_be_shared(options):
        settings = load("shared_stores").read_stores(options)
        if settings is not None:
            with needing_extra():
                shared = load("fsck_shared")
            verdict: Verdict = shared.check(settings, options)
            return verdict
    return check_folder(options.folder, show_progress(), tree_only=options.tree_only)


def _told(options: argparse.Namespace, verdict: Verdict) -> str:
    if options.json:
        document = {
            "whole": True,
            "origin": verdict.origin,
            "published_size": verdict.published_size,
            "signed_size": verdict.signed_size,
            "indexed_size": verdict.indexed_size,
        }
        return json.dumps(document)
    indexed = verdict.indexed_size
    return (
        f"{options.folder}: whole: {verdict.origin}, {verdict.signed_size} entries, "
        f"{verdict.published_size} published, "
        f"{'index not checked' if indexed is None else f'{indexed} indexed'}"
    )
