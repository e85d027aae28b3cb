"""Search a log for a digest or a file; each hit is verified before it is shown."""

import argparse
import asyncio
import json

from tlog.cli.policies import add_policy_argument, load_policy, open_client
from tlogclient import SearchResult
from tlogverify.artifact import artifact_sha256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "what", metavar="DIGEST|FILE", help="sha256:<64 hex>, or a file"
    )
    parser.add_argument("--log", required=True, metavar="URL")
    add_policy_argument(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a hit")


def run(options: argparse.Namespace) -> int:
    """Print the hits; exit status 1 if there is none."""
    if options.what.startswith(("sha384:", "sha512:")):
        digest = options.what
    else:
        digest = f"sha256:{artifact_sha256(options.what).hex()}"
    result = asyncio.run(_search(options, digest))
    for hit in result.hits:
        if options.json:
            document = {"index": hit.index, "entry": hit.entry.encode().decode()}
            print(json.dumps(document))
        else:
            print(f"entry {hit.index}: provenance sha256:{hit.entry.provenance.hex()}")
    if not options.json:
        count = len(result.hits)
        found = f"{count or 'no'} {'entry' if count == 1 else 'entries'}"
        print(f"{found}; the search covers the first {result.complete_to}")
    return 0 if result.hits else 1


async def _search(options: argparse.Namespace, digest: str) -> SearchResult:
    policy = await load_policy(options)
    async with open_client(options.log, policy) as log:
        return await log.search(digest)
