"""Search a log for a digest, a key, a name or a package; each hit is verified first.

A key or certificate file is in PEM or DER.
"""

import argparse
import asyncio
import json
import os
from pathlib import Path

from tlog.cli.completeness import INCOMPLETE, tell_comparison
from tlog.cli.holdings import search_component
from tlog.cli.output import Output, telling_errors
from tlog.cli.policies import (
    add_network_arguments,
    add_policy_argument,
    ask_log,
)
from tlog.cli.progress import show_progress
from tlog.cli.signers import signer_digest
from tlog.monitor.completeness import (
    Comparison,
    compare_answers,
    verified_entries,
)
from tlogclient import LogClient, SearchResult
from tlogclient.findings import parse_sought
from tlogclient.runs import run_digest
from tlogverify.artifact import artifact_sha256
from tlogverify.command.policies import VARIABLE
from tlogverify.kinds import name_signer
from tlogverify.policy import Policy
from tlogverify.record import Record
from tlogverify.rekor import RekorEntry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "what", nargs="?", metavar="DIGEST|FILE", help="sha256:<64 hex>, or a file"
    )
    what.add_argument(
        "--key",
        metavar="FILE|sha256:HEX",
        help="what this key or certificate signed; PEM or DER",
    )
    what.add_argument(
        "--identity", metavar="TEXT", help="what certificates of this identity signed"
    )
    what.add_argument(
        "--issuer", metavar="TEXT", help="what certificates with this issuer signed"
    )
    what.add_argument(
        "--run", metavar="UUID", help="what names this run, as OpenLineage does"
    )
    what.add_argument(
        "--component",
        metavar="PURL",
        help="the artifacts whose SBOMs hold it: pkg:TYPE/NAME, perhaps @VERSION",
    )
    parser.add_argument("--log", required=True, metavar="URL")
    add_policy_argument(parser)
    add_network_arguments(parser)
    parser.add_argument(
        "--prove",
        type=Path,
        metavar="FOLDER",
        help="compare the answer with all entries: of a monitor's state, or of a copy "
        "of the log's files",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a hit")


def run(options: argparse.Namespace) -> int:
    """Print the hits; the exit status is 1 without any, 4 if the log withholds some."""
    if options.component is not None:
        return search_component(options)
    with telling_errors(options):
        sought = {
            "digest": _digest(options),
            "key": None if options.key is None else _key(options.key),
            "identity": options.identity,
            "issuer": options.issuer,
        }
        result, comparison = asyncio.run(_search(options, sought))
    output = Output(is_answer=True)
    for hit in result.hits:
        if options.json:
            document = {"index": hit.index, "entry": hit.entry.encode().decode()}
            output.tell(json.dumps(document))
        else:
            output.tell(f"entry {hit.index}: {_words(hit.entry)}")
    if not options.json:
        count = len(result.hits)
        found = f"{count or 'no'} {'entry' if count == 1 else 'entries'}"
        output.tell(f"{found}; the search covers the first {result.complete_to}")
    if comparison is not None:
        for line in tell_comparison(comparison, is_json=options.json):
            output.tell(line)
    output.require()
    if comparison is not None and not comparison.is_complete:
        return INCOMPLETE
    return 0 if result.hits else 1


def _digest(options: argparse.Namespace) -> str | None:
    if options.run is not None:
        return run_digest(options.run).encode()
    what: str | None = options.what
    if what is None:
        return None
    if what.startswith(("sha384:", "sha512:")):
        return what
    try:
        return f"sha256:{artifact_sha256(what).hex()}"
    except (FileNotFoundError, IsADirectoryError) as error:
        why = f"{error.strerror}: name a file, or its digest as sha256:<64 hex>"
        raise OSError(error.errno, why, what) from None


def _key(what: str) -> str:
    if what.startswith("sha256:"):
        return what
    return f"sha256:{signer_digest(Path(what)).hex()}"


def _words(entry: Record | RekorEntry) -> str:
    if isinstance(entry, Record):
        return f"provenance sha256:{entry.provenance.hex()}"
    signers = ", ".join(name_signer(it) for it in entry.signatures)
    return f"{entry.kind} signed with {signers}"


async def _search(
    options: argparse.Namespace, sought: dict[str, str | None]
) -> tuple[SearchResult, Comparison | None]:
    if options.prove is None:
        _, result = await _ask(options, sought)
        return result, None
    given = options.policy or os.environ.get(VARIABLE)
    # Read first: what the log answers later covers at least as much.
    async with verified_entries(options.prove, given, show_progress()) as entries:
        policy, result = await _ask(options, sought)
        return result, compare_answers(entries, policy, parse_sought(**sought), result)


async def _ask(
    options: argparse.Namespace, sought: dict[str, str | None]
) -> tuple[Policy, SearchResult]:
    async def ask(log: LogClient, policy: Policy) -> tuple[Policy, SearchResult]:
        result = await log.search(
            sought["digest"],
            key=sought["key"],
            identity=sought["identity"],
            issuer=sought["issuer"],
        )
        return policy, result

    return await ask_log(options, ask)
