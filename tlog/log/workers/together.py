"""What the processes of one log have together, made before they are forked."""

import secrets
import socket
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import msgspec

from tlog.errors import RejectedError
from tlog.log.admission.shared_rates import SharedBuckets
from tlog.log.settings import LogSettings
from tlog.log.storage.folder import FolderLayout
from tlog.log.workers.board import Board


class Opened(msgspec.Struct, frozen=True):
    """What the one that writes says when it is ready.

    shows_at_once: readers are shown each head as soon as it is signed.
    """

    origin: str
    size: int
    vkeys: list[str]
    shows_at_once: bool


@dataclass(frozen=True, slots=True)
class Together:
    """The settings of all, and what they share.

    buckets: of clients, where their rates are bounded.
    """

    settings: LogSettings
    buckets: SharedBuckets | None
    board: Board = field(default_factory=Board)
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    @classmethod
    def of(cls, settings: LogSettings) -> Self:
        """Make what processes with these settings share."""
        is_bounded = bool(settings.rate_entries_per_s)
        return cls(settings, SharedBuckets() if is_bounded else None)

    @property
    def sockets(self) -> Path:
        """The folder of the Unix sockets, of mode 0700; emptied when a log starts."""
        return FolderLayout(self.settings.data).temporary


def require_sharing() -> None:
    """Raise RejectedError where processes cannot listen on one port."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise RejectedError(
            "this system gives a port to one process: leave out workers"
        )


def part_of(limit: int, count: int) -> int:
    """Return what one of so many front ends has of a limit of all, rounded up."""
    return -(-limit // count)


def settings_of_front(settings: LogSettings) -> LogSettings:
    """Return the settings of one front end: its part of what all may hold."""
    count = settings.workers
    return replace(
        settings,
        max_pool_entries=part_of(settings.max_pool_entries, count),
        max_pool_bytes=part_of(settings.max_pool_bytes, count),
        tile_cache_tiles=part_of(settings.tile_cache_tiles, count),
        scratch_tiles=part_of(settings.scratch_tiles, count),
        event_listeners=part_of(settings.event_listeners, count),
    )
