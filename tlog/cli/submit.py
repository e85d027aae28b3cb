"""Submit files: hash, submit, verify the answer, write FILE.tlog-proof.

Each file gets a record of its own: its digest, and the digest of its provenance
document.  That is --provenance, or FILE.intoto.jsonl where that lies beside the file;
without either, the file stands for itself.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tlog.cli.credentials import bearer_token
from tlog.cli.policies import add_policy_argument, load_policy, open_client
from tlogclient.signers import signer_sha256
from tlogverify import Proof, Record
from tlogverify.files import sha256_file
from tlogverify.record import Subject

_STATEMENT = ".intoto.jsonl"
_PROGRESS_FILES = 20
_MAX_SIGNER_BYTES = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path)
    parser.add_argument("--log", required=True, metavar="URL")
    parser.add_argument("--provenance", type=Path, help="the provenance document")
    parser.add_argument("--predicate-type", metavar="URI", help="what it is")
    parser.add_argument(
        "--signer", type=Path, help="the signer's public key or certificate, DER or PEM"
    )
    parser.add_argument(
        "--token-file", type=Path, help="a bearer token; else TLOG_TOKEN is used"
    )
    add_policy_argument(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a file")


def run(options: argparse.Namespace) -> int:
    """Submit all files in as few requests as they fit in."""
    records = list(_records(options))
    proofs = asyncio.run(_submit(options, records, bearer_token(options)))
    for file, proof in zip(options.files, proofs, strict=True):
        path = file.with_name(f"{file.name}.tlog-proof")
        path.write_bytes(proof.encode())
        if options.json:
            document = {"file": str(file), "index": proof.index, "proof": str(path)}
            print(json.dumps(document))
        else:
            print(f"{file}: entry {proof.index}, proof in {path}")
    return 0


def _records(options: argparse.Namespace) -> Iterator[Record]:
    given = None if options.provenance is None else sha256_file(options.provenance)
    signer = None if options.signer is None else signer_sha256(options.signer)
    total = len(options.files)
    for count, file in enumerate(options.files, 1):
        if total >= _PROGRESS_FILES and sys.stderr.isatty():
            end = "\n" if count == total else "\r"
            print(f"hashing {count} of {total}", end=end, file=sys.stderr)
        digest = sha256_file(file)
        statement = file.with_name(file.name + _STATEMENT)
        provenance = given
        if provenance is None:
            provenance = sha256_file(statement) if statement.exists() else digest
        yield Record((Subject(digest),), provenance, options.predicate_type, signer)


async def _submit(
    options: argparse.Namespace, records: list[Record], token: str | None
) -> list[Proof]:
    policy = await load_policy(options)
    async with open_client(options.log, policy, token) as log:
        return await log.submit(records)
