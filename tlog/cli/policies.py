"""The policy that answers of a log are verified against."""

import argparse
import json
import os
import sys
from pathlib import Path

import aiohttp

from tlog.cli.retries import silence_retries
from tlogclient import LogClient, UnavailableError
from tlogverify import Policy
from tlogverify.errors import FormatError
from tlogverify.policy import MAX_POLICY_BYTES


def add_policy_argument(parser: argparse.ArgumentParser) -> None:
    """Add --policy."""
    parser.add_argument(
        "--policy",
        type=Path,
        help="whom to trust; else TLOG_POLICY, else what the log says of itself",
    )


async def load_policy(options: argparse.Namespace) -> Policy:
    """Read --policy or TLOG_POLICY; else ask the log, and say that this proves less."""
    path = options.policy or os.environ.get("TLOG_POLICY")
    if path:
        return Policy.read(path)
    text = await _ask(options.log.rstrip("/"))
    print(
        "tlog: no --policy: the log's own word is taken for its keys",
        file=sys.stderr,
    )
    return Policy.parse(text)


def open_client(url: str, policy: Policy, token: str | None = None) -> LogClient:
    """Return a client of the log; FormatError for a URL or a token that is none."""
    silence_retries()
    try:
        return LogClient(url, policy, token=token)
    except ValueError as error:
        raise FormatError(str(error)) from None


async def _ask(url: str) -> bytes:
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{url}/api/v1/log", allow_redirects=False) as answer,
        ):
            text = await answer.content.read(2 * MAX_POLICY_BYTES)
            document = json.loads(text)
    except aiohttp.ClientError as error:
        raise UnavailableError(f"{url} does not answer: {error}") from error
    except ValueError:
        raise FormatError(f"{url} is not a log of this kind") from None
    policy = document.get("policy") if isinstance(document, dict) else None
    if not isinstance(policy, str):
        raise FormatError(f"{url} is not a log of this kind")
    return policy.encode()
