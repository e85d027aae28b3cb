"""A witness's connection that waits or breaks at one statement of a commit."""

import shutil
import sqlite3
from pathlib import Path
from threading import Event

from tests.faults.faulty import Fault, FaultyConnection
from tlog.durable.database import Connection
from tlog.witness.opening import OpenWitness
from tlog.witness.state import WitnessState

# A wait that ends a test which would hang; nothing is measured by it.
PATIENCE_S = 240


def state_of(witness: OpenWitness) -> WitnessState:
    """Return where a witness's heads are committed."""
    return witness._state


def breaks(witness: OpenWitness, fault: Fault) -> None:
    """Let the witness's statements fail once."""
    state = state_of(witness)
    state.writing = FaultyConnection(state.writing, fault)


class WaitingConnection:
    """Waits before each COMMIT until it is let go; entered: set while it waits."""

    def __init__(self, real: Connection) -> None:
        self._real = real
        self.entered = Event()
        self.let_go = Event()

    def execute(self, sql: str, parameters: tuple[object, ...] = (), /) -> object:
        if sql == "COMMIT":
            self.entered.set()
            assert self.let_go.wait(PATIENCE_S)
        return self._real.execute(sql, parameters)


class CrashingConnection:
    """Copies the folder as it stands before or after a COMMIT; that is the crash.

    What the process does afterwards is not in the copy.
    """

    def __init__(
        self, real: Connection, folder: Path, copy: Path, *, persists: bool
    ) -> None:
        self._real = real
        self._folder = folder
        self._copy = copy
        self._persists = persists

    def execute(self, sql: str, parameters: tuple[object, ...] = (), /) -> object:
        if sql != "COMMIT":
            return self._real.execute(sql, parameters)
        if self._persists:
            self._real.execute(sql, parameters)
        copy_folder(self._folder, self._copy)
        raise sqlite3.OperationalError("the machine stopped")


def copy_folder(folder: Path, copy: Path) -> None:
    """Copy all that another process would find."""
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("lock"))
