"""The policy that answers of a log are verified against, and the way to that log."""

import argparse
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tlog.cli.network import add_way_arguments
from tlog.cli.retries import silence_retries
from tlogclient import LogClient
from tlogclient.monitors import DEFAULT_ATTEMPTS, DEFAULT_TIMEOUT_S
from tlogclient.network import Network, find_proxy, trust_authorities
from tlogclient.told import ask_policy
from tlogclient.transport import require_url
from tlogverify import Policy
from tlogverify.command.policies import FOLDERS, VARIABLE, find_policy, policy_folders
from tlogverify.command.telling import complain
from tlogverify.errors import FormatError

_Told = TypeVar("_Told")


def add_policy_argument(parser: argparse.ArgumentParser) -> None:
    """Add --policy."""
    parser.add_argument(
        "--policy",
        metavar="FILE|NAME",
        help=f"whom to trust: a file, or a name in {FOLDERS}; else {VARIABLE}, else "
        "what the log says of itself",
    )


def add_log_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --log, --policy, --json and the flags of the way there."""
    parser.add_argument("--log", required=True, metavar="URL")
    add_policy_argument(parser)
    add_network_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_network_arguments(
    parser: argparse.ArgumentParser, timeout_s: float = DEFAULT_TIMEOUT_S
) -> None:
    """Add --ca-file and --timeout; timeout_s: its default."""
    add_way_arguments(parser, timeout_s)


def find_network(
    options: argparse.Namespace, on_wait: Callable[[float, str], None] | None = None
) -> Network:
    """Return the way to --log: --ca-file, and the proxy that the environment names.

    Raises FormatError for a wrong URL, proxy or file of authorities.
    """
    try:
        url = require_url(options.log)
    except ValueError as error:
        raise FormatError(f"--log: {error}") from None
    authorities = vars(options).get("ca_file")
    tls = None if authorities is None else trust_authorities(authorities)
    return Network(find_proxy(url), tls, on_wait)


def network_of(options: argparse.Namespace, url: str) -> Network:
    """Return the way to another server than the log; --ca-file is for both."""
    authorities = vars(options).get("ca_file")
    tls = None if authorities is None else trust_authorities(authorities)
    return Network(find_proxy(url), tls)


async def load_policy(
    options: argparse.Namespace, network: Network | None = None
) -> Policy:
    """Read --policy or TLOG_POLICY; else ask the log, and say that this proves less."""
    if given := options.policy or os.environ.get(VARIABLE):
        return read_policy(given)
    silence_retries()
    policy = await ask_policy(
        options.log,
        attempts=DEFAULT_ATTEMPTS,
        timeout_s=vars(options).get("timeout", DEFAULT_TIMEOUT_S),
        network=network or find_network(options),
    )
    complain("tlog: no --policy: the log's own word is taken for its keys")
    return policy


def read_policy(given: str) -> Policy:
    """Read the policy of a path or a name, as `tlog verify` finds it."""
    path = find_policy(given, policy_folders(os.environ))
    try:
        return Policy.read(path)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None


async def ask_log(
    options: argparse.Namespace, ask: Callable[[LogClient, Policy], Awaitable[_Told]]
) -> _Told:
    """Return what `ask` is told by the log at --log, judged by --policy."""
    network = find_network(options)
    policy = await load_policy(options, network)
    client = open_client(
        options.log, policy, network=network, timeout_s=options.timeout
    )
    async with client as log:
        return await ask(log, policy)


def open_client(
    url: str,
    policy: Policy,
    token: str | None = None,
    *,
    network: Network | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> LogClient:
    """Return a client of the log; FormatError for a wrong URL or token.

    network: without, the proxy that the environment names is taken.
    """
    silence_retries()
    try:
        return LogClient(
            url,
            policy,
            token=token,
            timeout_s=timeout_s,
            network=network or Network(find_proxy(require_url(url))),
        )
    except ValueError as error:
        raise FormatError(str(error)) from None
