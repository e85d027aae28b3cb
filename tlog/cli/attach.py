"""Attach a document to an image: a proof, a signed envelope, a bundle, or any file.

The image is oci://HOST/NAME:TAG or oci://HOST/NAME@sha256:HEX; a tag is resolved once.
The same file attached again changes nothing.  With --repair there is no file: what a
log knows of the image, and the registry has lost, is attached again.
"""

import argparse
import asyncio
import json
from pathlib import Path

from tlog.cli.network import add_registry_arguments
from tlog.cli.output import Output, telling_errors
from tlog.cli.policies import (
    add_policy_argument,
    find_network,
    load_policy,
    open_client,
)
from tlog.cli.registries import open_repository
from tlog.clock import BoundedClock, SystemClock
from tlog.registry import (
    Attached,
    Image,
    Kept,
    Payload,
    Repository,
    SystemPauses,
    attach,
    find_image,
    list_missing,
    parse_reference,
    recognise,
)
from tlog.registry.manifests import MAX_BLOB_BYTES, MAX_REFERRERS
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("image", metavar="oci://IMAGE", help="what it is attached to")
    parser.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="what is attached"
    )
    parser.add_argument(
        "--type", metavar="MEDIA/TYPE", help="what the file is, if of another kind"
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="attach what the log of --log keeps of the image, and is not attached",
    )
    parser.add_argument("--log", metavar="URL", help="for --repair")
    add_policy_argument(parser)
    add_registry_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object each")


def run(options: argparse.Namespace) -> int:
    """Attach the file, or what is missing, and tell the digests of the manifests."""
    if options.repair == (options.file is not None):
        raise FormatError("name the FILE to attach, or --repair and a log")
    if options.repair != (options.log is not None):
        raise FormatError("--repair and --log URL go together")
    output = Output()
    with telling_errors(options):
        image, attached = asyncio.run(_attach(options))
    for payload, it in attached:
        name = str(options.file or f"{payload.artifact_type} of the log")
        output.tell(_told(options, image, name, it))
    if options.repair and not attached and not options.json:
        output.tell(f"{image.reference.text}: nothing is missing that the log keeps")
    output.require()
    return 0


def _told(options: argparse.Namespace, image: Image, name: str, it: Attached) -> str:
    if options.json:
        told = {
            "image": image.reference.text,
            "attached": it.digest,
            "was_known": it.was_known,
        }
        return json.dumps(told)
    how = "was attached before" if it.was_known else "is attached"
    return f"{image.reference.text}: {name} {how}, as {it.digest}"


async def _attach(
    options: argparse.Namespace,
) -> tuple[Image, list[tuple[Payload, Attached]]]:
    reference = parse_reference(options.image)
    content = b""
    if options.file is not None:
        content = read_bounded(options.file, "what is attached", MAX_BLOB_BYTES)
    clock, pauses = BoundedClock(SystemClock()), SystemPauses()
    async with open_repository(options, reference) as repository:
        image = await find_image(repository, reference)
        if options.repair:
            payloads = await _find_missing(options, repository, image)
        else:
            payloads = [recognise(content, image.digest, options.type)]
        return image, [
            (it, await attach(repository, image, it, clock, pauses)) for it in payloads
        ]


async def _find_missing(
    options: argparse.Namespace, repository: Repository, image: Image
) -> list[Payload]:
    network = find_network(options)
    policy = await load_policy(options, network)
    client = open_client(
        options.log, policy, network=network, timeout_s=options.timeout
    )
    kept: list[Kept] = []
    async with client as log:
        found = await log.attestations(image.digest, limit=MAX_REFERRERS)
        for it in found.attestations:
            document, content = it.document, None
            if document is not None and document.disposition == "stored":
                content = document.content or await log.document(
                    f"sha256:{document.sha256.hex()}"
                )
            kept.append(Kept(it.proof, content))
    return await list_missing(repository, image, kept, policy)
