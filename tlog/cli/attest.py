"""Attest files: make a signed in-toto statement over them, log it, keep the proof.

Without --predicate: SLSA provenance of the build that runs here, captured from git, CI
variables, lock files and tools, with secrets left out.  Writes FILE.intoto.jsonl and
FILE.tlog-proof beside each FILE.  More than 256 files make several statements.
"""

import argparse
import asyncio
import hashlib
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, TextIO

from tlog.attest import (
    MINIMAL_TYPE,
    Allowance,
    AttestationSigner,
    Attested,
    Bundled,
    BundleSigner,
    Captured,
    Claim,
    Omission,
    PassedOver,
    Told,
    ask_timestamp,
    attest,
    attest_in_bundle,
    capture_provenance,
    find_artifacts,
    find_secrets,
    hash_artifacts,
    minimal,
    name_artifacts,
    read_predicate,
    require_room,
    require_uri,
    secret_values,
    split_artifacts,
    why_left_out,
)
from tlog.cli.credentials import bearer_token, key_password
from tlog.cli.document_flags import add_document_arguments
from tlog.cli.policies import (
    add_network_arguments,
    add_policy_argument,
    find_network,
    load_policy,
    network_of,
    open_client,
)
from tlog.cli.signers import read_certificate
from tlog.clock import SystemClock
from tlog.errors import RejectedError
from tlog.signing import read_attestation_key
from tlogverify.attestation.slsa import PROVENANCE_TYPE
from tlogverify.command.telling import complain, printable
from tlogverify.errors import FormatError
from tlogverify.files import lead_nowhere
from tlogverify.sigstore import BundleKey

# More lines of one kind than a person reads are counted instead.
_MAX_TOLD: Final = 10
_PUBLIC: Final = (b"-----BEGIN PUBLIC KEY-----", b"-----BEGIN CERTIFICATE-----")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "artifacts",
        nargs="+",
        metavar="FILE",
        help="a file; or of what is not here sha256:HEX, or NAME@sha256:HEX",
    )
    parser.add_argument("--log", metavar="URL")
    parser.add_argument("--key", type=Path, help="a private key, PKCS#8 in PEM")
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


def run(options: argparse.Namespace) -> int:
    """Make, sign and log each statement; exit status 1 if the log refuses it."""
    _require_whole(options)
    secrets = secret_values(os.environ)
    sought, passed_over = find_artifacts(
        options.artifacts, is_recursive=options.recursive
    )
    _tell_passed_over(passed_over)
    signer = None
    if not options.dry_run:
        signer = _read_key(options.key)
        require_room(sought if options.bundle is None else ())
    groups = [hash_artifacts(group) for group in split_artifacts(sought)]
    captured_type = MINIMAL_TYPE if options.minimal else PROVENANCE_TYPE
    predicate_type = options.predicate_type or captured_type
    captured = _predicate(options, predicate_type, secrets)
    claims, unnamed = [], []
    for artifacts in groups:
        subjects, without_name = name_artifacts(artifacts, secrets)
        claims.append(Claim(artifacts, subjects, predicate_type, captured.predicate))
        unnamed.append(without_name)
    if len(claims) > 1:
        _tell(f"{len(sought)} artifacts make {len(claims)} statements, in this order")
    _tell_omissions(options, captured.omissions, unnamed)
    if signer is None:
        return _print(json.dumps(json.loads(it.statement), indent=2) for it in claims)
    if options.bundle is not None:
        bundled = asyncio.run(_attest_in_bundle(options, claims, signer))
        return _print(_report_bundle(options, claims[0], bundled))
    attested = asyncio.run(_attest(options, claims, signer))
    lines: list[str] = []
    for claim, done, without_name in zip(claims, attested, unnamed, strict=True):
        omissions = (*without_name, *captured.omissions)
        lines.extend(_report(options, claim, done, omissions))
    return _print(lines)


def _require_whole(options: argparse.Namespace) -> None:
    if (options.predicate is None) != (options.predicate_type is None):
        raise FormatError("--predicate and --type go together")
    if options.predicate is not None and (options.builder_id or options.started):
        raise FormatError("--builder-id and --started are for what is captured")
    if options.predicate is not None and (options.full or options.minimal):
        raise FormatError("--full and --minimal are for what is captured")
    if not options.dry_run and (options.log is None or options.key is None):
        raise FormatError("--log and --key are needed, without --dry-run")
    if options.predicate_type is not None:
        require_uri("--type", options.predicate_type)
    if options.bundle is None and (options.certificate or options.timestamp_authority):
        raise FormatError("--certificate and --timestamp-authority go with --bundle")
    if options.bundle is not None and options.documents:
        # A log keeps what an entry names, and such an entry names a hash of it alone.
        raise FormatError("a bundle holds its statement: --documents goes without it")


def _predicate(
    options: argparse.Namespace, predicate_type: str, secrets: Sequence[str]
) -> Captured:
    allowed = Allowance(options.allow)
    if options.predicate is None:
        told = Told(SystemClock().now_s(), options.builder_id, options.started)
        captured = capture_provenance(Path.cwd(), os.environ, told, allowed)
        if options.minimal:
            return Captured(minimal(captured.predicate), captured.omissions)
        return captured
    if (why := why_left_out(predicate_type, secrets)) is not None:
        raise RejectedError(f"--type: {why}")
    predicate = read_predicate(options.predicate, predicate_type)
    found = tuple(find_secrets(predicate, secrets, allowed))
    # A document that people wrote is signed as it is, or not at all.
    refused = [f"{it.what}: {it.why}" for it in found if not it.is_allowed]
    if refused:
        shown = "; ".join(refused[:_MAX_TOLD])
        if more := len(refused) - _MAX_TOLD:
            shown += f"; and {more} more" if more > 0 else ""
        raise RejectedError(f"the predicate's {shown}; --allow PATH lets a member stay")
    return Captured(predicate, found)


def _read_key(path: Path) -> AttestationSigner:
    """Read the private key; FormatError that says so for the public half of one."""
    with path.open("rb") as file:
        start = file.read(64).lstrip()
    if start.startswith(_PUBLIC):
        shown = printable(str(path))
        raise FormatError(
            f"{shown} is a public key: --key takes the private key, which signs"
            + (
                f", perhaps {shown.removesuffix('.pub')}"
                if path.suffix == ".pub"
                else ""
            )
        )
    return read_attestation_key(path, password=key_password())


async def _attest(
    options: argparse.Namespace, claims: Sequence[Claim], signer: AttestationSigner
) -> list[Attested]:
    token = bearer_token(options)
    network = find_network(options)
    policy = await load_policy(options, network)
    async with open_client(
        options.log, policy, token, network=network, timeout_s=options.timeout
    ) as log:
        done: list[Attested] = []
        for it in claims:
            done.append(await attest(it, signer, log, replace=options.force))
            if options.documents:
                await log.put_document(
                    done[-1].envelope,
                    entry=done[-1].proof.index,
                    environment=options.environment,
                )
        return done


async def _attest_in_bundle(
    options: argparse.Namespace, claims: Sequence[Claim], signer: AttestationSigner
) -> Bundled:
    if len(claims) > 1:
        raise RejectedError("a bundle holds one statement, of at most 256 files")
    network, key = find_network(options), BundleKey(signer.public)
    if options.certificate is not None:
        key = read_certificate(options.certificate)
    by = BundleSigner(signer, key, _stamp_of(options))
    policy = await load_policy(options, network)
    async with open_client(
        options.log,
        policy,
        bearer_token(options),
        network=network,
        timeout_s=options.timeout,
    ) as log:
        return await attest_in_bundle(
            claims[0], by, (log, policy), options.bundle, replace=options.force
        )


def _stamp_of(
    options: argparse.Namespace,
) -> Callable[[bytes], Awaitable[bytes]] | None:
    url = options.timestamp_authority
    if url is None:
        return None
    return lambda signature: ask_timestamp(url, signature, network_of(options, url))


def _tell_passed_over(passed_over: Sequence[PassedOver]) -> None:
    for it in passed_over[:_MAX_TOLD]:
        _tell(f"passed over: {it.path}: {it.why}")
    if (more := len(passed_over) - _MAX_TOLD) > 0:
        _tell(f"passed over: {more} more files that are no artifacts")


def _tell_omissions(
    options: argparse.Namespace,
    captured: Sequence[Omission],
    unnamed: Iterable[Iterable[Omission]],
) -> None:
    for it in (*(one for group in unnamed for one in group), *captured):
        done = "let through by --allow" if it.is_allowed else "left out"
        _tell(f"{done}: {it.what}: {it.why}")
    for path in Allowance(options.allow).unused(captured):
        _tell(f"--allow {path}: no member there had to be let through")


def _report(
    options: argparse.Namespace,
    claim: Claim,
    attested: Attested,
    omissions: Iterable[Omission],
) -> list[str]:
    index = attested.proof.index
    if options.json:
        files = [
            {
                "file": it.given,
                "attestation": str(it.attestation),
                "proof": str(it.proof),
            }
            for it in claim.artifacts
        ]
        told = [(it.is_allowed, {"what": it.what, "why": it.why}) for it in omissions]
        document = {
            "index": index,
            "sha256": hashlib.sha256(attested.envelope).hexdigest(),
            "kept": attested.is_kept,
            "artifacts": files,
            "left_out": [it for is_allowed, it in told if not is_allowed],
            "allowed": [it for is_allowed, it in told if is_allowed],
        }
        return [json.dumps(document)]
    how = ", attested before" if attested.is_kept else ""
    return [
        printable(f"{it.given}: entry {index}{how}, in {it.attestation} and {it.proof}")
        for it in claim.artifacts
    ]


def _report_bundle(
    options: argparse.Namespace, claim: Claim, bundled: Bundled
) -> list[str]:
    if options.json:
        document = {
            "index": bundled.index,
            "bundle": str(options.bundle),
            "kept": bundled.is_kept,
            "artifacts": [it.given for it in claim.artifacts],
        }
        return [json.dumps(document)]
    how = ", attested before" if bundled.is_kept else ""
    return [
        printable(f"{it.given}: entry {bundled.index}{how}, in {options.bundle}")
        for it in claim.artifacts
    ]


def _tell(line: str) -> None:
    """Write a line to stderr; nobody's absence there costs a proof."""
    complain(f"tlog attest: {line}")


def _print(lines: Iterable[str]) -> int:
    """Print what was done, and return the exit status.

    A reader who has gone has seen enough; another failure is told, with status 2.
    """
    try:
        for line in lines:
            _write(line, sys.stdout)
    except OSError as error:
        lead_nowhere(sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            _tell(f"all is done, but the report cannot be written: {error.strerror}")
            return 2
    return 0


def _write(line: str, stream: TextIO | None) -> None:
    # A stream that is closed from the start is None; print would take another then.
    if stream is not None:
        print(line, file=stream, flush=True)
