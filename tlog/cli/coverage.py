"""Tell which artifacts have provenance in a log, and which have none.

The exit status is 0 if every artifact has an entry that the log proves, else 1.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tlog.cli.network import add_registry_arguments
from tlog.cli.output import Output, telling_errors, warn
from tlog.cli.policies import (
    add_policy_argument,
    find_network,
    load_policy,
    network_of,
    open_client,
)
from tlog.cli.registries import open_repository
from tlog.documents.facts import require_environment
from tlog.errors import BusyError
from tlog.gate.clusters import list_running
from tlog.gate.coverage import (
    CoverageMetrics,
    Covered,
    ask_log,
    list_images,
    parse_images,
)
from tlog.registry import parse_reference
from tlogclient.errors import UnavailableError
from tlogclient.monitors import DEFAULT_ATTEMPTS
from tlogclient.transport import Transport, require_url
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.lines import parse_text

_MAX_IMAGES_BYTES: Final = 256 << 20
_TOKEN_BYTES: Final = 16_384


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("--log", required=True, metavar="URL", help="which log")
    add_policy_argument(parser)
    of = parser.add_mutually_exclusive_group(required=True)
    of.add_argument(
        "--images", type=Path, metavar="FILE", help="images or digests, one a line"
    )
    of.add_argument(
        "--registry", metavar="oci://NAME", help="all that its tags name now"
    )
    of.add_argument(
        "--kubernetes", metavar="URL", help="what the Pods of an API server run"
    )
    parser.add_argument(
        "--kubernetes-token-file",
        type=Path,
        metavar="FILE",
        help="a bearer token that may list Pods",
    )
    parser.add_argument(
        "--predicate-type", metavar="URI", help="count entries of this type alone"
    )
    parser.add_argument("--environment", default="default", help="for the metrics")
    parser.add_argument(
        "--textfile", type=Path, metavar="FILE.prom", help="write metrics there"
    )
    add_registry_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object each")


def run(options: argparse.Namespace) -> int:
    """Print what has no provenance, and how many have."""
    require_environment(options.environment)
    with telling_errors(options):
        try:
            found = asyncio.run(_ask(options))
        except UnavailableError as error:
            raise BusyError(f"the log does not answer: {error}") from error
    covered = [it for it in found if it.is_covered]
    output = Output(is_answer=True)
    for it in found:
        if options.json:
            output.tell(json.dumps(_describe(it)))
        elif not it.is_covered:
            output.tell(f"{it.artifact}: no provenance{it.why and f': {it.why}'}")
    if not options.json:
        output.tell(f"{len(covered)} of {len(found)} artifacts have provenance")
    if not found:
        warn(options, "no artifact was named")
    if options.textfile is not None:
        _write(options, len(covered), len(found) - len(covered))
    output.require()
    return 0 if len(covered) == len(found) else 1


async def _ask(options: argparse.Namespace) -> list[Covered]:
    artifacts = await _artifacts(options)
    network = find_network(options)
    policy = await load_policy(options, network)
    async with open_client(
        options.log, policy, network=network, timeout_s=options.timeout
    ) as log:
        return [await ask_log(log, it, options.predicate_type) for it in artifacts]


async def _artifacts(options: argparse.Namespace) -> Sequence[str]:
    if options.images is not None:
        text = read_bounded(options.images, "a list of images", _MAX_IMAGES_BYTES)
        return parse_images(parse_text("a list of images", text))
    if options.kubernetes is not None:
        return await _running(options)
    # A repository is named here, and a reference to an image has a tag.
    name = options.registry.rstrip("/")
    if "@" in name or ":" in name.rpartition("/")[2]:
        raise FormatError("--registry is oci://HOST/NAME, without tag or digest", name)
    reference = parse_reference(f"{name}:latest")
    async with open_repository(options, reference) as repository:
        return await list_images(repository, name)


async def _running(options: argparse.Namespace) -> Sequence[str]:
    token = None
    if options.kubernetes_token_file is not None:
        content = read_bounded(options.kubernetes_token_file, "a token", _TOKEN_BYTES)
        token = parse_text("a token", content).strip()
    try:
        server = Transport(
            options.kubernetes,
            token=token,
            attempts=DEFAULT_ATTEMPTS,
            timeout_s=options.timeout,
            network=network_of(options, require_url(options.kubernetes)),
        )
    except ValueError as error:
        raise FormatError(f"--kubernetes: {error}") from None
    await server.open()
    try:
        return await list_running(server)
    finally:
        await server.close()


def _describe(it: Covered) -> dict[str, object]:
    return {
        "artifact": it.artifact,
        "sha256": None if it.sha256 is None else it.sha256.hex(),
        "provenance": it.is_covered,
        "entries": list(it.indexes),
        "complete_to": it.complete_to,
        "why": it.why or None,
    }


def _write(options: argparse.Namespace, with_it: int, without: int) -> None:
    metrics = CoverageMetrics()
    metrics.artifacts.labels("yes", options.environment).set(with_it)
    metrics.artifacts.labels("no", options.environment).set(without)
    metrics.write(options.textfile)
