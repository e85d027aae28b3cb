"""The way to a registry of images, and a repository that is open while it is used."""

import argparse
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tlog.cli.retries import silence_retries
from tlog.registry import Keyring, Reference, Repository, Way
from tlogclient.network import trust_authorities


@asynccontextmanager
async def open_repository(
    options: argparse.Namespace, reference: Reference
) -> AsyncIterator[Repository]:
    """Open an image's repository, with the credentials that `docker login` has kept."""
    silence_retries()
    way = Way(
        Keyring.read(os.environ),
        options.timeout,
        None if options.ca_file is None else trust_authorities(options.ca_file),
        options.plain_http,
    )
    repository = Repository(reference, way)
    try:
        yield repository
    finally:
        await repository.close()
