"""Attest files: make a signed in-toto statement over them, log it, keep the proof.

Without --predicate: SLSA provenance of the build that runs here, captured from git, CI
variables, lock files and tools, with secrets left out.  Writes FILE.intoto.jsonl and
FILE.tlog-proof beside each FILE.
"""

import argparse
import asyncio
import hashlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from tlog.attest.attesting import (
    Attested,
    Claim,
    attest,
    hash_artifacts,
    is_output,
    name_artifacts,
    read_predicate,
)
from tlog.attest.capture import Captured, Told, capture, require_uri
from tlog.attest.document import AttestationSigner
from tlog.attest.redaction import Omission, find_secrets, secret_values, why_left_out
from tlog.cli.credentials import bearer_token, key_password
from tlog.cli.policies import add_policy_argument, load_policy, open_client
from tlog.clock import SystemClock
from tlog.errors import RejectedError
from tlog.signing import read_attestation_key
from tlogverify.__main__ import printable
from tlogverify.attestation.slsa import PROVENANCE_TYPE
from tlogverify.errors import FormatError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("artifacts", nargs="+", metavar="FILE", type=Path)
    parser.add_argument("--log", metavar="URL")
    parser.add_argument("--key", type=Path, help="a private key, PKCS#8 in PEM")
    parser.add_argument("--predicate", type=Path, help="JSON; else it is captured")
    parser.add_argument("--type", dest="predicate_type", metavar="URI")
    parser.add_argument("--builder-id", default="", metavar="URI", help="who builds")
    parser.add_argument(
        "--started", default="", metavar="RFC3339", help="when the build started"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the statement, sign nothing"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace another attestation"
    )
    parser.add_argument(
        "--token-file", type=Path, help="a bearer token; else TLOG_TOKEN is used"
    )
    add_policy_argument(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Make, sign and log one attestation; exit status 1 if the log refuses it."""
    _require_whole(options)
    secrets = secret_values(os.environ)
    artifacts = hash_artifacts(_without_outputs(options.artifacts))
    subjects, unnamed = name_artifacts(artifacts, secrets)
    predicate_type = options.predicate_type or PROVENANCE_TYPE
    captured = _predicate(options, predicate_type, secrets)
    claim = Claim(artifacts, subjects, predicate_type, captured.predicate)
    omissions = (*unnamed, *captured.omissions)
    for omission in omissions:
        line = f"tlog attest: left out: {omission.what}: {omission.why}"
        print(printable(line), file=sys.stderr)
    if options.dry_run:
        print(json.dumps(json.loads(claim.statement), indent=2))
        return 0
    signer = read_attestation_key(options.key, password=key_password())
    _report(options, claim, asyncio.run(_attest(options, claim, signer)), omissions)
    return 0


def _require_whole(options: argparse.Namespace) -> None:
    if (options.predicate is None) != (options.predicate_type is None):
        raise FormatError("--predicate and --type go together")
    if options.predicate is not None and (options.builder_id or options.started):
        raise FormatError("--builder-id and --started are for what is captured")
    if not options.dry_run and (options.log is None or options.key is None):
        raise FormatError("--log and --key are needed, without --dry-run")
    if options.predicate_type is not None:
        require_uri("--type", options.predicate_type)


def _without_outputs(paths: list[Path]) -> list[Path]:
    """Return the files that are no outputs: `dist/*` names those of the last run."""
    left = [path for path in paths if not is_output(path)]
    for path in paths:
        if is_output(path):
            line = f"tlog attest: passed over: {path}: it is no artifact by its name"
            print(printable(line), file=sys.stderr)
    if not left:
        raise RejectedError("there is no artifact to attest")
    return left


def _predicate(
    options: argparse.Namespace, predicate_type: str, secrets: Iterable[str]
) -> Captured:
    if options.predicate is None:
        told = Told(SystemClock().now_s(), options.builder_id, options.started)
        return capture(Path.cwd(), os.environ, told)
    if (why := why_left_out(predicate_type, tuple(secrets))) is not None:
        raise RejectedError(f"--type: {why}")
    predicate = read_predicate(options.predicate, predicate_type)
    # A document that people wrote is signed as it is, or not at all.
    for found in find_secrets(predicate, tuple(secrets)):
        raise RejectedError(f"the predicate's {found.what}: {found.why}")
    return Captured(predicate, ())


async def _attest(
    options: argparse.Namespace, claim: Claim, signer: AttestationSigner
) -> Attested:
    token = bearer_token(options)
    policy = await load_policy(options)
    async with open_client(options.log, policy, token) as log:
        return await attest(claim, signer, log, replace=options.force)


def _report(
    options: argparse.Namespace,
    claim: Claim,
    attested: Attested,
    omissions: Iterable[Omission],
) -> None:
    index = attested.proof.index
    if options.json:
        files = [
            {
                "file": str(it.path),
                "attestation": str(it.attestation),
                "proof": str(it.proof),
            }
            for it in claim.artifacts
        ]
        document = {
            "index": index,
            "sha256": hashlib.sha256(attested.envelope).hexdigest(),
            "kept": attested.is_kept,
            "artifacts": files,
            "left_out": [{"what": it.what, "why": it.why} for it in omissions],
        }
        print(json.dumps(document))
        return
    how = ", attested before" if attested.is_kept else ""
    for it in claim.artifacts:
        line = f"{it.path}: entry {index}{how}, in {it.attestation} and {it.proof}"
        print(printable(line))
