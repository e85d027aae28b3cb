"""Backfill records of artifacts whose builds nobody watched, and say that in each.

Signs one statement an artifact, of type urn:tlog:backfill:v1: since when it is known to
exist, and from where.  The same command again does what is missing.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tlog.attest import (
    AttestationSigner,
    Backfill,
    Known,
    join_known,
    known_of_csv,
    known_of_folder,
    secret_values,
    utc_time,
)
from tlog.cli.credentials import KEY_HELP, bearer_token
from tlog.cli.document_flags import add_document_arguments
from tlog.cli.keys import open_signer
from tlog.cli.output import Output, telling_errors, warn
from tlog.cli.policies import (
    add_network_arguments,
    add_policy_argument,
    find_network,
    load_policy,
    open_client,
)
from tlog.cli.progress import StatusLine
from tlog.cli.registries import open_repository
from tlog.clock import SystemClock
from tlog.errors import RejectedError
from tlog.registry import find_image, parse_reference
from tlogverify.errors import FormatError

_IMAGE = "oci://"
_CREATED = "org.opencontainers.image.created"
_MAX_TOLD = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "--from",
        dest="sources",
        action="append",
        required=True,
        metavar="FOLDER|CSV|oci://IMAGE",
        help="what is known: files of a folder, rows of a CSV file, an image; "
        "repeatable",
    )
    parser.add_argument(
        "--known-since",
        default="",
        metavar="RFC3339",
        help="since when; else the time of each file, or what an image says",
    )
    parser.add_argument(
        "-O",
        "--out-dir",
        type=Path,
        metavar="DIR",
        help="where envelopes, proofs and the state of the work are kept",
    )
    parser.add_argument("--log", metavar="URL")
    parser.add_argument("--key", help=KEY_HELP)
    parser.add_argument(
        "--dry-run", action="store_true", help="say what is missing, sign nothing"
    )
    parser.add_argument(
        "--plain-http", action="store_true", help="ask the registry without TLS"
    )
    parser.add_argument(
        "--token-file", type=Path, help="a bearer token; else TLOG_TOKEN is used"
    )
    add_document_arguments(parser)
    add_policy_argument(parser)
    add_network_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object each")


def run(options: argparse.Namespace) -> int:
    """Log what is missing; the exit status is 1 if the log refuses it."""
    with telling_errors(options):
        _require_whole(options)
        since = utc_time(options.known_since) if options.known_since else ""
        known = join_known(_known(options, since))
        work = Backfill(options.out_dir, secret_values(os.environ))
        missing = work.missing(known, with_documents=options.documents)
        output = Output()
        _tell_omissions(options, work, missing)
        if options.dry_run:
            for it in missing:
                output.tell(_planned(options, it))
        else:
            signer = open_signer(options.key)
            asyncio.run(_send(options, work, missing, (signer, output)))
    if not options.json:
        verb = "missing" if options.dry_run else "logged"
        done = len(known) - len(missing)
        output.tell(f"{len(missing):,} {verb}, {done:,} done before")
    output.require()
    return 0


def _require_whole(options: argparse.Namespace) -> None:
    if options.out_dir is None:
        raise FormatError("--out-dir is needed: it says what is done already")
    if not options.dry_run and (options.log is None or options.key is None):
        raise FormatError("--log and --key are needed, without --dry-run")


def _known(options: argparse.Namespace, since: str) -> list[Known]:
    found: list[Known] = []
    for source in options.sources:
        if source.startswith(_IMAGE):
            found.append(asyncio.run(_image(options, source, since)))
        elif Path(source).is_dir():
            found += known_of_folder(Path(source), since)
        else:
            found += known_of_csv(Path(source))
    return found


async def _image(options: argparse.Namespace, source: str, since: str) -> Known:
    reference = parse_reference(source)
    async with open_repository(options, reference) as repository:
        image = await find_image(repository, reference)
        stored = await repository.find_manifest(image.digest)
        created = "" if stored is None else stored.parse().annotations.get(_CREATED, "")
    if not (since or created):
        raise RejectedError(
            f"{source} does not say when it was created: --known-since says it"
        )
    name = image.reference.text.removeprefix(_IMAGE)
    return Known(
        bytes.fromhex(image.digest.removeprefix("sha256:")),
        since or utc_time(created),
        (f"{_IMAGE}{name}",),
        "registry",
        name.partition("@")[0],
    )


async def _send(
    options: argparse.Namespace,
    work: Backfill,
    missing: Sequence[Known],
    by: tuple[AttestationSigner, Output],
) -> None:
    (signer, output), line = by, StatusLine(sys.stderr, SystemClock())
    network = find_network(options)
    policy = await load_policy(options, network)
    token = bearer_token(options)
    done = 0
    async with open_client(
        options.log, policy, token, network=network, timeout_s=options.timeout
    ) as log:
        async for it in work.send(missing, signer, log):
            if options.documents:
                await log.put_document(
                    it.envelope, entry=it.proof.index, environment=options.environment
                )
            work.note(it, has_document=options.documents)
            done += 1
            line.clear()
            if options.json:
                told = {"artifact": _digest(it.known), "index": it.proof.index}
                output.tell(json.dumps(told))
            line.tell(f"tlog backfill: {done:,} of {len(missing):,} are logged")
    line.clear()


def _planned(options: argparse.Namespace, it: Known) -> str:
    if options.json:
        return json.dumps({"artifact": _digest(it), "name": it.name, **it.predicate})
    return f"{_digest(it)} {it.name}: known since {it.known_since}"


def _digest(it: Known) -> str:
    return f"sha256:{it.sha256.hex()}"


def _tell_omissions(
    options: argparse.Namespace, work: Backfill, missing: Sequence[Known]
) -> None:
    left_out = [
        f"left out of {_digest(it)}: {omission.what}: {omission.why}"
        for it in missing
        for omission in work.claim(it)[1]
    ]
    for line in left_out[:_MAX_TOLD]:
        warn(options, line)
    if (more := len(left_out) - _MAX_TOLD) > 0:
        warn(options, f"left out: {more:,} more values that look like secrets")
