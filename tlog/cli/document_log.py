"""The way to the log that a store belongs to: one that runs, or a stopped one."""

import argparse
import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from tlog.cli.credentials import bearer_token
from tlog.cli.keys import open_token
from tlog.cli.policies import find_network, load_policy, open_client
from tlog.cli.retries import silence_retries
from tlog.config import load_settings
from tlog.errors import RejectedError
from tlog.log.life import Log
from tlog.log.opening import OpenStores, open_log
from tlog.log.serving import serve
from tlog.log.settings import LogSettings
from tlogclient import LogClient
from tlogverify import Policy


@asynccontextmanager
async def open_way_to_log(options: argparse.Namespace) -> AsyncIterator[LogClient]:
    """Return a client of --log, or of the stopped log in the folder.

    A stopped log is opened as `tlog serve` would with the same --config and
    environment, but listens on a free port of this machine alone and asks no token.

    Raises RejectedError if the log runs and --log does not name it.
    """
    if options.log is not None:
        network = find_network(options)
        policy = await load_policy(options, network)
        client = open_client(
            options.log,
            policy,
            bearer_token(options),
            network=network,
            timeout_s=options.timeout,
        )
        async with client as log:
            yield log
        return
    silence_retries()
    async with open_stopped(settings_of(options)) as (url, log_here):
        policy = Policy.parse(log_here.standing.policy.encode())
        async with LogClient(url, policy, timeout_s=options.timeout) as log:
            yield log


@asynccontextmanager
async def open_stopped(
    settings: LogSettings,
    *,
    takes_records: bool = False,
    open_stores: OpenStores | None = None,
) -> AsyncIterator[tuple[str, Log]]:
    """Serve the stopped log in a folder to this process, and give its URL and itself.

    takes_records: whether a log whose one door is Sigstore's takes them too, as long as
    it is open here.  open_stores: of a log that nodes share; it need not be stopped,
    and the node that writes it is replaced.  Raises RejectedError if it runs, or is no
    log.
    """
    if takes_records:
        settings = replace(settings, sigstore_native=settings.sigstore)
    log = await asyncio.to_thread(
        open_log,
        settings,
        open_token=open_token,
        open_stores=open_stores,
    )
    stop = asyncio.Event()
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(log, stop, url.set_result))
    try:
        either: set[asyncio.Future[Any]] = {url, serving}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not url.done():
            await serving
        yield url.result(), log
    finally:
        stop.set()
        await serving


def settings_of(options: argparse.Namespace) -> LogSettings:
    """Return the settings of a stopped log, as `tlog serve` would read them."""
    if not (options.folder / "journal.db").exists():
        raise RejectedError(
            f"{options.folder} is no log's folder: name the log by --log URL"
        )
    flags = {"data": str(options.folder)}
    settings = load_settings(LogSettings, flags, os.environ, options.config)
    return opened_here(settings)


def opened_here(settings: LogSettings) -> LogSettings:
    """Return the settings with which this process alone may use the log's doors."""
    return replace(
        settings,
        listen="127.0.0.1:0",
        tokens_file=None,
        rate_entries_per_s=0,
        documents=False,
    )
