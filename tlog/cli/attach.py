"""Attach a document to an image: a proof, a signed envelope, a bundle, or any file.

The image is oci://HOST/NAME:TAG or oci://HOST/NAME@sha256:HEX; a tag is resolved once.
The same file attached again changes nothing.
"""

import argparse
import asyncio
import json
from pathlib import Path

from tlog.cli.network import add_registry_arguments
from tlog.cli.output import Output, telling_errors
from tlog.cli.registries import open_repository
from tlog.clock import BoundedClock, SystemClock
from tlog.registry import (
    Attached,
    Image,
    SystemPauses,
    attach,
    find_image,
    parse_reference,
    recognise,
)
from tlog.registry.manifests import MAX_BLOB_BYTES
from tlogverify.files import read_bounded


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("image", metavar="oci://IMAGE", help="what it is attached to")
    parser.add_argument("file", type=Path, metavar="FILE", help="what is attached")
    parser.add_argument(
        "--type",
        metavar="MEDIA/TYPE",
        help="what the file is, if it is of another kind",
    )
    add_registry_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(options: argparse.Namespace) -> int:
    """Attach the file and tell the digest of its manifest."""
    with telling_errors(options):
        image, attached = asyncio.run(_attach(options))
    output = Output()
    if options.json:
        told = {
            "image": image.reference.text,
            "attached": attached.digest,
            "was_known": attached.was_known,
        }
        output.tell(json.dumps(told))
    else:
        how = "was attached before" if attached.was_known else "is attached"
        output.tell(
            f"{image.reference.text}: {options.file} {how}, as {attached.digest}"
        )
    output.require()
    return 0


async def _attach(options: argparse.Namespace) -> tuple[Image, Attached]:
    reference = parse_reference(options.image)
    content = read_bounded(options.file, "what is attached", MAX_BLOB_BYTES)
    async with open_repository(options, reference) as repository:
        image = await find_image(repository, reference)
        payload = recognise(content, image.digest, options.type)
        clock = BoundedClock(SystemClock())
        return image, await attach(repository, image, payload, clock, SystemPauses())
