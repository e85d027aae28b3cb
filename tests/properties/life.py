"""A log in a process of its own, which can end at any moment without a word.

The process comes from a fork server that has imported the log already, so that a life
costs milliseconds.  A crash is `os._exit`: nothing is flushed, closed or told.
"""

import asyncio
import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from tlog.log.life import Log
from tlog.log.opening import open_log
from tlog.log.sequencer.pool import Receipt
from tlog.log.settings import LogSettings
from tlogverify.hashing import Hash

ORIGIN: Final = "log.example/properties"
_PATIENCE_S: Final = 240
_CONTEXT: Final = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.properties.life"])


class Life:
    """One process's life; the folder is what is left of it."""

    def __init__(self, folder: Path) -> None:
        self._pipe, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_live, args=(folder, theirs))
        self._process.start()
        theirs.close()
        self.size: int = self._receive()

    def submit(self, requests: Sequence[Sequence[bytes]]) -> list[Receipt]:
        """Submit all requests at once, in this order."""
        receipts: list[Receipt] = self._ask("submit", requests)
        return receipts

    def inclusion(self, index: int, size: int) -> list[Hash]:
        """Return the path of `index` in the tree of `size`."""
        path: list[Hash] = self._ask("inclusion", index, size)
        return path

    def consistency(self, old: int, new: int) -> list[Hash]:
        """Return the proof from `old` to `new`."""
        path: list[Hash] = self._ask("consistency", old, new)
        return path

    def close(self) -> None:
        """Close the log."""
        self._ask("close")
        self._end(0)

    def crash(self, requests: Sequence[Sequence[bytes]]) -> None:
        """Submit all requests, and end the process without waiting for an answer."""
        self._pipe.send(("crash", requests))
        self._end(9)

    def _ask(self, *question: object) -> Any:
        self._pipe.send(question)
        return self._receive()

    def _receive(self) -> Any:
        assert self._pipe.poll(_PATIENCE_S)
        return self._pipe.recv()

    def _end(self, status: int) -> None:
        self._process.join(_PATIENCE_S)
        assert status == self._process.exitcode
        self._process.close()
        self._pipe.close()


def _live(folder: Path, pipe: "Connection[Any, Any]") -> None:
    """Answer one question after the other: the life of the process."""
    settings = LogSettings(data=folder, origin=ORIGIN, publish_interval_ms=0)
    log = open_log(settings)
    log.start(lambda: None)
    pipe.send(log.heads.signed.size)
    while True:
        verb, *arguments = pipe.recv()
        if verb == "crash":
            for request in arguments[0]:
                log.submitting.pool.put(request)
            os._exit(9)
        if verb == "close":
            log.close()
            pipe.send(None)
            return
        pipe.send(_answer(log, verb, arguments))


def _answer(log: Log, verb: str, arguments: list[Any]) -> object:
    if verb == "submit":
        waiting = [log.submitting.pool.put(request) for request in arguments[0]]
        return [receipt.result(_PATIENCE_S) for receipt in waiting]
    prove = (
        log.reading.prover.inclusion
        if verb == "inclusion"
        else log.reading.prover.consistency
    )
    return asyncio.run(prove(log.heads.signed, *arguments))
