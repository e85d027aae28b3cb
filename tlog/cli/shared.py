"""Nodes that share a log; loaded where settings name their stores.

They need libraries of an extra: `tlog.cli.serve` says so where one is missing.
"""

import asyncio
from collections.abc import Callable

from tlog.cli.buckets import open_shelf
from tlog.errors import telling_machine_trouble
from tlog.log.node import Node, listen_for_nodes
from tlog.log.opening import Ground, documents_of, open_ground
from tlog.log.settings import LogSettings
from tlog.log.shared import shared_stores
from tlog.signing import OpenToken


class SharedLog:
    """A node of a log, opened: `run` serves it until it ends."""

    def __init__(self, settings: LogSettings, open_token: OpenToken) -> None:
        """Open it; raises as `tlog.log.opening.open_log`."""
        self._listening, address = listen_for_nodes(settings)
        try:
            with telling_machine_trouble():
                self.ground: Ground = open_ground(
                    settings,
                    open_token=open_token,
                    open_stores=shared_stores(settings, address),
                )
                try:
                    self._documents = documents_of(self.ground, open_shelf)
                except BaseException:
                    self.ground.stores.close()
                    raise
        except BaseException:
            self._listening.close()
            raise

    async def run(self, stop: asyncio.Event, ready: Callable[[str, int], None]) -> int:
        """Serve until `stop` is set; return the size at the end."""
        return await Node(
            self.ground, self._listening, stop, ready, self._documents
        ).run()
