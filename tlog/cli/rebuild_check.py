"""Rebuild an artifact from its attested source, and compare what comes out.

The attestation is verified first.  Its source is fetched at the attested revision and
built by COMMAND in a clean folder, as the invoking user.  Exit status: 0 equal, or
equal after the stabilisers that are named; 1 different, or not built; 2 unusable input.
"""

import argparse
import asyncio
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from tlog.attest import Allowance, find_secrets, secret_values
from tlog.cli.credentials import bearer_token
from tlog.cli.keys import open_signer
from tlog.cli.network import add_way_arguments
from tlog.cli.output import Output, telling_errors
from tlog.cli.policies import find_network, load_policy, open_client, read_policy
from tlog.clock import SystemClock
from tlog.errors import RejectedError
from tlog.rebuilds.building import Built, build_again, source_of
from tlog.rebuilds.comparing import compare_files
from tlog.rebuilds.stating import (
    Rebuild,
    RebuildMetrics,
    attestation_digest,
    log_result,
)
from tlogclient.monitors import DEFAULT_TIMEOUT_S
from tlogverify import Proof
from tlogverify.attestation import Rules, verify_attestation
from tlogverify.attestation.dsse import MAX_ENVELOPE_BYTES
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded

TAKES_COMMAND = True
_MAX_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments; what follows `--` is the command."""
    parser.usage = "%(prog)s FILE --attestation A --rules R --policy P [-- COMMAND]"
    parser.add_argument("file", type=Path, metavar="FILE", help="the artifact")
    parser.add_argument(
        "--attestation",
        type=Path,
        required=True,
        metavar="A",
        help="its signed SLSA provenance; the proof lies beside FILE",
    )
    parser.add_argument("--proof", type=Path, help="default FILE.tlog-proof")
    parser.add_argument(
        "--rules", type=Path, required=True, help="whose provenance is believed"
    )
    parser.add_argument("--policy", required=True, help="whose log is believed")
    parser.add_argument(
        "--source", metavar="URL|DIR", help="what to clone, in place of the attested"
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="where COMMAND puts the artifact, below the source (default: dist/NAME)",
    )
    parser.add_argument(
        "--rebuilt", type=Path, help="compare with this file; nothing is built here"
    )
    parser.add_argument("--key", help="signs the result; needs --log")
    parser.add_argument("--log", metavar="URL", help="logs the result; needs --key")
    parser.add_argument("--token-file", type=Path, help="a bearer token of the log")
    parser.add_argument(
        "--textfile", type=Path, metavar="FILE.prom", help="write metrics there"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_way_arguments(parser, DEFAULT_TIMEOUT_S)


def run(options: argparse.Namespace) -> int:
    """Build, compare, sign, log and tell; in this order."""
    if bool(options.command) == (options.rebuilt is not None):
        raise FormatError("either `-- COMMAND` builds it, or --rebuilt FILE is it")
    if (options.key is None) != (options.log is None):
        raise FormatError("a result is signed and logged: --key with --log")
    with telling_errors(options):
        rebuild = _rebuild(options)
        index = None if options.key is None else _log(options, rebuild)
    if options.textfile is not None:
        _write(options.textfile, rebuild)
    output = Output(is_answer=True)
    if options.json:
        output.tell(json.dumps({**rebuild.predicate(), "entry": index}))
    else:
        for line in _words(options.file, rebuild, index):
            output.tell(line)
    output.require()
    return 1 if rebuild.comparison.result == "different" else 0


def _rebuild(options: argparse.Namespace) -> Rebuild:
    envelope = read_bounded(options.attestation, "an attestation", MAX_ENVELOPE_BYTES)
    proof = options.proof or options.file.with_name(f"{options.file.name}.tlog-proof")
    proven = verify_attestation(
        options.file,
        envelope,
        Proof.read(proof),
        read_policy(options.policy),
        Rules.read(options.rules),
    )
    source = source_of(proven.statement.predicate)
    built: Built | None = None
    with tempfile.TemporaryDirectory(prefix="tlog-rebuild-") as folder:
        if options.rebuilt is None:
            from_where = replace(source, uri=options.source or source.uri)
            if not from_where.uri:
                raise FormatError("the provenance does not tell where: --source")
            output = options.output or Path("dist", options.file.name)
            built = build_again(
                from_where, options.command, output, Path(folder), SystemClock()
            )
        found = compare_files(options.file, built.path if built else options.rebuilt)
    return Rebuild(
        found,
        source,
        attestation_digest(envelope),
        tuple(options.command),
        built.seconds if built else None,
        built.epoch_s if built else None,
    )


def _log(options: argparse.Namespace, rebuild: Rebuild) -> int:
    secrets = secret_values(os.environ)
    for it in find_secrets(rebuild.predicate(), secrets, Allowance(())):
        raise RejectedError(f"the result is not signed: its {it.what} is {it.why}")
    signer = open_signer(options.key)

    async def submit() -> Proof:
        network = find_network(options)
        policy = await load_policy(options, network)
        async with open_client(
            options.log,
            policy,
            bearer_token(options),
            network=network,
            timeout_s=options.timeout,
        ) as log:
            return await log_result(rebuild, options.file, signer, log)

    return asyncio.run(submit()).index


def _write(path: Path, rebuild: Rebuild) -> None:
    metrics = RebuildMetrics()
    metrics.seconds.set(rebuild.seconds or 0)
    metrics.variance.set(rebuild.comparison.variance)
    metrics.write(path)


def _words(file: Path, rebuild: Rebuild, index: int | None) -> list[str]:
    found = rebuild.comparison
    told = {
        "equal": "rebuilt, equal",
        "stabilised": f"rebuilt, equal but for {', '.join(found.stabilisers)}",
        "different": f"rebuilt, different: {found.variance:.2%} of its bytes",
    }[found.result]
    took = "" if rebuild.seconds is None else f", in {rebuild.seconds:.0f} s"
    logged = "" if index is None else f"; the result is entry {index}"
    lines = [f"{file}: {told}{took}{logged}"]
    lines += [f"  {it.name}: {it.how}" for it in found.differences[:_MAX_SHOWN]]
    if (more := len(found.differences) - _MAX_SHOWN) > 0:
        lines.append(f"  and {more} more")
    return lines
