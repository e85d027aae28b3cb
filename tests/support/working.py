"""Logs with two front ends: who their processes are, and what they count together."""

import os
import socket
from pathlib import Path
from typing import NamedTuple

from tests.support.http import ask
from tests.system.server import ServerProcess

FRONTS = ("--workers", "2")


class Processes(NamedTuple):
    """The processes of one log, by their ids; fronts: in the order of their forks."""

    parent: int
    leader: int
    fronts: list[int]

    @property
    def alive(self) -> set[int]:
        """Those that have not ended."""
        return {it for it in (self.parent, self.leader, *self.fronts) if runs(it)}


def processes_of(log: ServerProcess) -> Processes:
    """Return the processes of a log that serves."""
    told = Path(f"/proc/{log.pid}/task/{log.pid}/children").read_text("ascii")
    leader, *fronts = map(int, told.split())
    return Processes(log.pid, leader, fronts)


def runs(pid: int) -> bool:
    """Return whether a process has not ended; one that has has closed its sockets."""
    try:
        state = (
            Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
        )
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def until_ended(processes: Processes) -> None:
    """Wait until not one of a log's processes is left."""
    while processes.alive:
        os.sched_yield()


async def until_whole(log: ServerProcess) -> None:
    """Wait until both front ends answer the one that writes."""
    found = 0
    while found != 2:
        try:
            found = (await ask(log.url, "/readyz")).json()["front_ends"]
        except (OSError, ValueError, IndexError):
            # Of a front end that has just ended.
            found = 0


async def totals(log: ServerProcess) -> dict[str, float]:
    """Return all samples of a log's metrics, by name and labels."""
    text = (await ask(log.url, "/metrics")).body.decode()
    rows = [it.rpartition(" ") for it in text.splitlines() if not it.startswith("#")]
    return {name: float(value) for name, _, value in rows}


def free_address() -> str:
    """Return an address of this machine that nobody listens at now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"
