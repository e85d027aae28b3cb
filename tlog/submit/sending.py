"""Sending entries request by request, and keeping each proof as it comes.

A request's proofs are written before the next request is sent.  A stop in between loses
the answer of one request at most, and the log gives the same answer when it is asked
again.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

from tlog.folders import write_whole
from tlog.submit.destinations import Planned
from tlogclient import LogClient, RefusedError
from tlogclient.batches import MAX_ENTRIES, count_fitting
from tlogverify import Proof

# Each file is synced by itself: several at once cost a disk hardly more than one.
_WRITERS: Final = 8
_GROUP: Final = 128
_TOO_LARGE: Final = 413


class Report(Protocol):
    """Takes note of how far the submission is."""

    def asks(self, count: int) -> None:
        """Take note of a request of `count` entries that is about to be sent."""
        ...

    def wrote(self, planned: Planned, proof: Proof) -> None:
        """Take note of a proof file that is there, whole."""
        ...


@dataclass(frozen=True, slots=True)
class Sender:
    """Submits to one log.

    most: entries in one request.  wait: for cosignatures.
    """

    log: LogClient
    report: Report
    most: int = MAX_ENTRIES
    wait: bool = True

    async def send(self, missing: Sequence[Planned]) -> None:
        """Submit `missing` and write all proofs.

        A request that is too large for a proxy before the log is sent in halves.

        Raises what `LogClient.submit` does, with the refused artifact's name; OSError
        for the first proof that cannot be written, after the rest of its request.
        """
        at, most = 0, self.most
        while at < len(missing):
            entries = [it.entry for it in missing[at : at + most]]
            count = count_fitting(entries, most)
            self.report.asks(count)
            try:
                proofs = await self.log.submit(entries[:count], wait=self.wait)
            except RefusedError as error:
                self.report.asks(0)  # a request is all or nothing: no entry of it is in
                if error.status == _TOO_LARGE and count > 1:
                    most = count // 2
                    continue
                raise _named(error, missing[at:]) from None
            await self._keep(missing[at : at + count], proofs)
            at += count

    async def _keep(self, sent: Sequence[Planned], proofs: Sequence[Proof]) -> None:
        failed: list[BaseException] = []
        with ThreadPoolExecutor(_WRITERS) as writers:
            pairs = list(zip(sent, proofs, strict=True))
            for start in range(0, len(pairs), _GROUP):
                group = pairs[start : start + _GROUP]
                written: list[Future[None]] = [
                    writers.submit(write_whole, it.destination.path, proof.encode())
                    for it, proof in group
                ]
                for (it, proof), future in zip(group, written, strict=True):
                    error = future.exception()
                    if error is None:
                        self.report.wrote(it, proof)
                    else:
                        failed.append(error)
                # An interruption is heard here, between whole files.
                await asyncio.sleep(0)
        if failed:
            raise failed[0]


def _named(error: RefusedError, sent: Sequence[Planned]) -> RefusedError:
    if error.position is None or error.position >= len(sent):
        return error
    name = sent[error.position].destination.artifact.name
    return RefusedError(error.type, f"{name!a}: {error.detail}", status=error.status)
