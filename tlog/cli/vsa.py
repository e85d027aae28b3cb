"""Verification summaries of verdicts: written, signed and logged as they are asked."""

import argparse
import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from tlog import __version__
from tlog.attest import (
    NamedDigest,
    encode_statement,
    record_of,
    require_uri,
    sign_statement,
)
from tlog.cli.credentials import bearer_token
from tlog.cli.keys import open_signer
from tlog.cli.policies import find_network, load_policy, open_client
from tlog.folders import write_whole
from tlog.rules import Verdict
from tlog.rules.folders import proof_beside
from tlog.rules.summaries import Summarized
from tlog.rules.telling import summary_of
from tlog.rules.types import VSA_TYPE
from tlogverify import Record
from tlogverify.errors import FormatError


def open_writer(options: argparse.Namespace) -> Callable[[str, Verdict], None]:
    """Return the function that writes the summary of a verdict on an artifact.

    Raises FormatError, RejectedError or OSError if it could not write one.
    """
    if options.verifier is None:
        raise FormatError("--vsa needs --verifier URI: who says so")
    require_uri("--verifier", options.verifier)
    if options.log is not None and options.sign is None:
        raise FormatError("a summary is signed before it is logged: --sign KEY")
    signer = None
    if options.sign is not None:
        signer = open_signer(options.sign)

    def write(artifact: str, verdict: Verdict) -> None:
        name = "" if artifact.startswith("sha256:") else Path(artifact).name
        subjects = (NamedDigest(name, verdict.sha256),)
        resource = options.resource or f"urn:sha256:{verdict.sha256.hex()}"
        rules = Path(options.rules).name
        whose = Summarized(options.verifier, __version__, resource, rules)
        statement = encode_statement(subjects, VSA_TYPE, summary_of(verdict, whose))
        if signer is None:
            pretty = json.dumps(json.loads(statement), indent=2).encode()
            write_whole(Path(options.vsa), pretty + b"\n")
            return
        envelope = sign_statement(statement, signer)
        write_whole(Path(options.vsa), envelope)
        if options.log is not None:
            record = record_of(envelope, subjects, VSA_TYPE, signer)
            asyncio.run(_log(options, record))

    return write


async def _log(options: argparse.Namespace, record: Record) -> None:
    token, network = bearer_token(options), find_network(options)
    policy = await load_policy(options, network)
    async with open_client(
        options.log, policy, token, network=network, timeout_s=options.timeout
    ) as log:
        (proof,) = await log.submit([record])
    write_whole(proof_beside(Path(options.vsa)), proof.encode())
