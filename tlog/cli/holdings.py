"""`tlog search --component`: which artifacts hold a package, by the SBOMs of a log."""

import argparse
import asyncio
import json
from collections.abc import Iterator

from tlog.cli.output import Output, telling_errors
from tlog.cli.policies import find_network, load_policy, open_client
from tlogclient.attested import Attestation
from tlogclient.holdings import Holding, HoldingResult
from tlogverify.command.telling import printable
from tlogverify.errors import FormatError


def search_component(options: argparse.Namespace) -> int:
    """Print what holds the package; the exit status is 1 if nothing is known to."""
    with telling_errors(options):
        if options.prove is not None:
            raise FormatError(
                "--prove compares entries, and which packages an SBOM holds stands in "
                "no entry: --component goes without it"
            )
        result = asyncio.run(_ask(options))
    output = Output(is_answer=True)
    tell = _as_json if options.json else _as_words
    for line in tell(result):
        output.tell(line)
    output.require()
    return 0 if result.holdings else 1


async def _ask(options: argparse.Namespace) -> HoldingResult:
    network = find_network(options)
    policy = await load_policy(options, network)
    async with open_client(
        options.log, policy, network=network, timeout_s=options.timeout
    ) as log:
        return await log.holdings(options.component)


def _as_json(result: HoldingResult) -> Iterator[str]:
    for it in result.holdings:
        told = {
            "artifacts": [f"sha256:{digest.hex()}" for digest in it.artifacts],
            "packages": [package.encode() for package in it.packages],
        }
        yield json.dumps({**_entry(it.attestation), **told})
    for attestation in result.withheld:
        yield json.dumps(_entry(attestation))
    yield json.dumps({"unread": result.unread, "next": result.next})


def _entry(it: Attestation) -> dict[str, object]:
    told: dict[str, object] = {"index": it.index}
    if it.document is not None:
        told["document"] = f"sha256:{it.document.sha256.hex()}"
        told["disposition"] = it.document.disposition
    return told


def _as_words(result: HoldingResult) -> Iterator[str]:
    for it in result.holdings:
        yield _held(it)
    for attestation in result.withheld:
        told = _entry(attestation)
        yield (
            f"entry {told['index']}: the log says that its SBOM {told['document']} "
            f"holds it, and does not give it ({told['disposition']})"
        )
    count = len(result.holdings)
    yield f"{count or 'no'} SBOM{'' if count == 1 else 's'}, by the log's own index"
    if result.unread:
        yield f"the index knows nothing of {result.unread} more SBOMs"
    if result.next is not None:
        yield f"there are more, from entry {result.next} on"


def _held(it: Holding) -> str:
    artifacts = ", ".join(f"sha256:{digest.hex()}" for digest in it.artifacts)
    packages = ", ".join(printable(package.encode()) for package in it.packages)
    return f"{artifacts} holds {packages}: entry {it.attestation.index}"
