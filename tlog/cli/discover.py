"""Discover what is attached to an image, from every place that tools keep it.

Each manifest is read: its type is its own word, and not the registry's list's.
"""

import argparse
import asyncio
import json

from tlog.cli.network import add_registry_arguments
from tlog.cli.output import Output, telling_errors, warn
from tlog.cli.registries import open_repository
from tlog.registry import Attachment, Discovery, discover, find_image, parse_reference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("image", metavar="oci://IMAGE", help="whose attachments")
    parser.add_argument(
        "--type", metavar="MEDIA/TYPE", help="show those of this artifactType alone"
    )
    add_registry_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object each")


def run(options: argparse.Namespace) -> int:
    """Print what is attached; the exit status is 1 for nothing."""
    with telling_errors(options):
        found = asyncio.run(_discover(options))
    shown = [it for it in found.attachments if _is_asked(it, options.type)]
    output = Output(is_answer=True)
    for it in shown:
        output.tell(json.dumps(_describe(found, it)) if options.json else _line(it))
    if not options.json:
        count = len(shown)
        api = "" if found.has_api else ", which has no referrers API"
        output.tell(
            f"{found.image.reference.text}: {count} attached in this registry{api}"
        )
    if unusable := sum(not it.manifest for it in found.attachments):
        warn(options, f"not what they are listed as: {unusable}")
    output.require()
    return 0 if shown else 1


async def _discover(options: argparse.Namespace) -> Discovery:
    reference = parse_reference(options.image)
    async with open_repository(options, reference) as repository:
        return await discover(repository, await find_image(repository, reference))


def _is_asked(attachment: Attachment, kind: str | None) -> bool:
    # What cannot be read is of no type: it is shown, since it may be what was meant.
    return kind is None or attachment.artifact_type == kind or not attachment.manifest


def _line(attachment: Attachment) -> str:
    where = ", ".join(attachment.sources)
    if attachment.manifest is None:
        return f"{attachment.digest} ({where}): unusable: {attachment.why}"
    layers = attachment.manifest.layers
    kinds = ", ".join(f"{it.media_type} {it.size:,} bytes" for it in layers[:3])
    kind = attachment.artifact_type or "no artifactType"
    return f"{attachment.digest} ({where}): {kind}: {kinds or 'no layers'}"


def _describe(found: Discovery, attachment: Attachment) -> dict[str, object]:
    manifest = attachment.manifest
    told: dict[str, object] = {
        "image": found.image.reference.text,
        "attached": attachment.digest,
        "sources": list(attachment.sources),
        "listed_type": attachment.listed_type or None,
    }
    if manifest is None:
        return {**told, "why": attachment.why}
    return {
        **told,
        "artifact_type": manifest.artifact_type or None,
        "annotations": dict(manifest.annotations),
        "layers": [it.members() for it in manifest.layers],
    }
