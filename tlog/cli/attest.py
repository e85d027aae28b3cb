"""Attest files: make a signed in-toto statement over them, log it, keep the proof.

Without --predicate: SLSA provenance of the build that runs here, captured from git, CI
variables, lock files and tools, with secrets left out.  Writes FILE.intoto.jsonl and
FILE.tlog-proof beside each FILE.  More than 256 files make several statements.
"""

import argparse
import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from tlog.attest import (
    MINIMAL_TYPE,
    Allowance,
    Artifact,
    AttestationSigner,
    Attested,
    Bundled,
    BundleSigner,
    Captured,
    Claim,
    SbomFile,
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
    name_run,
    read_predicate,
    read_sbom_file,
    require_room,
    require_sbom_of,
    sbom_record,
    secret_values,
    split_artifacts,
    why_left_out,
)
from tlog.cli.attest_flags import add_attest_arguments, require_whole
from tlog.cli.attest_reports import (
    MAX_TOLD,
    print_lines,
    report,
    report_bundle,
    tell,
    tell_omissions,
    tell_passed_over,
)
from tlog.cli.credentials import bearer_token
from tlog.cli.keys import open_signer
from tlog.cli.policies import (
    find_network,
    load_policy,
    network_of,
    open_client,
)
from tlog.cli.signers import read_certificate
from tlog.clock import SystemClock
from tlog.errors import RejectedError
from tlog.signing import file_of
from tlogclient import LogClient
from tlogclient.sboms import REFERENCE_TYPE
from tlogverify.attestation.slsa import PROVENANCE_TYPE
from tlogverify.command.telling import printable
from tlogverify.errors import FormatError
from tlogverify.rekor import Kind
from tlogverify.sigstore import BundleKey

_PUBLIC: Final = (b"-----BEGIN PUBLIC KEY-----", b"-----BEGIN CERTIFICATE-----")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    add_attest_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Make, sign and log each statement; exit status 1 if the log refuses it."""
    require_whole(options)
    secrets = secret_values(os.environ)
    run = () if options.run_id is None else (name_run(options.run_id),)
    sought, passed_over = find_artifacts(
        options.artifacts, is_recursive=options.recursive
    )
    tell_passed_over(passed_over)
    signer = None
    if not options.dry_run:
        signer = _read_key(options.key)
        require_room(sought if options.bundle is None else ())
    groups = [hash_artifacts(it) for it in split_artifacts(sought, beside=len(run))]
    sbom = None if options.sbom is None else _sbom_of(options.sbom, groups)
    predicate_type, captured = _stated(options, sbom, secrets)
    claims, unnamed = [], []
    for artifacts in groups:
        subjects, without_name = name_artifacts(artifacts, secrets)
        claims.append(
            Claim(artifacts, subjects + run, predicate_type, captured.predicate)
        )
        unnamed.append(without_name)
    if len(claims) > 1:
        tell(f"{len(sought)} artifacts make {len(claims)} statements, in this order")
    tell_omissions(options, captured.omissions, unnamed)
    if signer is None:
        shown = (json.dumps(json.loads(it.statement), indent=2) for it in claims)
        return print_lines(shown)
    if options.bundle is not None:
        bundled = asyncio.run(_attest_in_bundle(options, claims, signer))
        return print_lines(report_bundle(options, claims[0], bundled))
    attested = asyncio.run(_attest(options, claims, signer, sbom))
    lines: list[str] = []
    for claim, done, without_name in zip(claims, attested, unnamed, strict=True):
        omissions = (*without_name, *captured.omissions)
        lines.extend(report(options, claim, done, omissions))
    return print_lines(lines)


def _sbom_of(path: Path, groups: Sequence[Sequence[Artifact]]) -> SbomFile:
    """Read an SBOM, and hold it against the one artifact that there is."""
    artifacts = [it for group in groups for it in group]
    if len(artifacts) != 1:
        raise FormatError("an SBOM is of one artifact", len(artifacts))
    sbom = read_sbom_file(path)
    if not require_sbom_of(artifacts[0], sbom.sbom):
        tell(
            "the SBOM states no SHA-2 digest that could be compared: that it is of "
            f"{artifacts[0].given} is your word"
        )
    return sbom


def _stated(
    options: argparse.Namespace, sbom: SbomFile | None, secrets: Sequence[str]
) -> tuple[str, Captured]:
    """Return the predicate type, and the predicate."""
    if sbom is None:
        captured_type = MINIMAL_TYPE if options.minimal else PROVENANCE_TYPE
        predicate_type = options.predicate_type or captured_type
        return predicate_type, _predicate(options, predicate_type, secrets)
    judged = _without_secrets(options, sbom.members, secrets)
    if sbom.is_statement:
        return sbom.sbom.predicate_type, judged
    if options.log is None:
        raise FormatError("a statement has no room for the SBOM: --log keeps it")
    return REFERENCE_TYPE, replace(judged, predicate=sbom.reference(options.log))


def _predicate(
    options: argparse.Namespace, predicate_type: str, secrets: Sequence[str]
) -> Captured:
    if options.predicate is None:
        allowed = Allowance(options.allow)
        told = Told(SystemClock().now_s(), options.builder_id, options.started)
        captured = capture_provenance(Path.cwd(), os.environ, told, allowed)
        if options.minimal:
            return Captured(minimal(captured.predicate), captured.omissions)
        return captured
    if (why := why_left_out(predicate_type, secrets)) is not None:
        raise RejectedError(f"--type: {why}")
    predicate = read_predicate(options.predicate, predicate_type)
    return _without_secrets(options, predicate, secrets)


def _without_secrets(
    options: argparse.Namespace,
    predicate: Mapping[str, object],
    secrets: Sequence[str],
) -> Captured:
    """Return a document of other people; RejectedError if a secret is in it."""
    found = tuple(find_secrets(predicate, secrets, Allowance(options.allow)))
    # A document that people wrote is signed as it is, or not at all.
    refused = [f"{it.what}: {it.why}" for it in found if not it.is_allowed]
    if refused:
        shown = "; ".join(refused[:MAX_TOLD])
        if more := len(refused) - MAX_TOLD:
            shown += f"; and {more} more" if more > 0 else ""
        raise RejectedError(f"the predicate's {shown}; --allow PATH lets a member stay")
    return Captured(dict(predicate), found)


def _read_key(place: str) -> AttestationSigner:
    """Open the private key; FormatError that says so for the public half of one."""
    path = file_of(place)
    if path is None:
        return open_signer(place)
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
    return open_signer(place)


async def _attest(
    options: argparse.Namespace,
    claims: Sequence[Claim],
    signer: AttestationSigner,
    sbom: SbomFile | None,
) -> list[Attested]:
    token = bearer_token(options)
    network = find_network(options)
    policy = await load_policy(options, network)
    async with open_client(
        options.log, policy, token, network=network, timeout_s=options.timeout
    ) as log:
        if sbom is not None and not sbom.is_statement:
            # First of all: a reference to what nobody can get is worth nothing.
            await _keep_sbom(options, sbom, claims[0], log)
        done: list[Attested] = []
        for it in claims:
            done.append(await attest(it, signer, log, replace=options.force))
            if options.documents or sbom is not None:
                await log.put_document(
                    done[-1].envelope,
                    entry=done[-1].proof.index,
                    environment=options.environment,
                )
        return done


async def _keep_sbom(
    options: argparse.Namespace, sbom: SbomFile, claim: Claim, log: LogClient
) -> None:
    """Log an SBOM under its own digest, and have the log keep it."""
    (proof,) = await log.submit([sbom_record(sbom, claim.artifacts)])
    await log.put_document(
        sbom.content, entry=proof.index, environment=options.environment
    )
    tell(
        f"a statement has no room for the SBOM: entry {proof.index} names it, the log "
        "keeps it, and a reference to it is signed"
    )


async def _attest_in_bundle(
    options: argparse.Namespace, claims: Sequence[Claim], signer: AttestationSigner
) -> Bundled:
    if len(claims) > 1:
        raise RejectedError("a bundle holds one statement, of at most 256 files")
    network, key = find_network(options), BundleKey(signer.public)
    if options.certificate is not None:
        key = read_certificate(options.certificate)
    kind: Kind = options.entry_kind or "hashedrekord"
    by = BundleSigner(signer, key, _stamp_of(options), kind)
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
