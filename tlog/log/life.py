"""One open log: its faces for the doors, and how it starts and ends."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tlog.documents.opening import OpenDocuments
from tlog.lifeline import Lifeline
from tlog.log.metrics import LogMetrics
from tlog.log.publishing.backlog import Backlog
from tlog.log.publishing.heads import Heads
from tlog.log.publishing.publisher import Publisher
from tlog.log.reading import Reading
from tlog.log.sequencer.pool import Settled, settle
from tlog.log.sequencer.sequencer import Sequencer
from tlog.log.settings import LogSettings
from tlog.log.standing import Standing
from tlog.log.storage.stores import Stores
from tlog.log.submitting import Submitting
from tlogverify.keys import VerifierKey


class Served(Protocol):
    """The faces of a log for the doors, of whichever process it is."""

    @property
    def settings(self) -> LogSettings:
        """Return what it was set to."""
        ...

    @property
    def submitting(self) -> Submitting:
        """Return the face for those that submit."""
        ...

    @property
    def reading(self) -> Reading:
        """Return the face for those that read."""
        ...

    @property
    def standing(self) -> Standing:
        """Return the face for those that run it."""
        ...

    @property
    def metrics(self) -> LogMetrics:
        """Return what it counts."""
        ...

    @property
    def documents(self) -> OpenDocuments | None:
        """Return the store beside it, if there is one."""
        ...

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """Return the keys that verify its heads."""
        ...


@dataclass(frozen=True, slots=True)
class Log:
    """One open log.

    submitting, reading, standing: what doors are given.  lifeline: on which the
    sequencer, the publisher and the heads hang.  documents: the store beside it, if
    there is to be one.
    """

    settings: LogSettings
    submitting: Submitting
    reading: Reading
    standing: Standing
    stores: Stores
    heads: Heads
    sequencer: Sequencer
    backlog: Backlog
    publisher: Publisher
    lifeline: Lifeline
    metrics: LogMetrics
    documents: OpenDocuments | None = None

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The keys that verify its heads."""
        return tuple(self.standing.keys)

    def start(
        self,
        on_stop: Callable[[], object],
        deliver: Callable[[Settled], object] = settle,
    ) -> None:
        """Start the two threads.

        on_stop: called, on one of them, when one fails.  deliver: called on the
        sequencer's with the outcomes of a batch.
        """
        self.lifeline.on_stop = on_stop
        self.sequencer.deliver = deliver
        self.stores.tenure.start(self.lifeline)
        self.publisher.start(self.lifeline)
        self.sequencer.start(self.lifeline)

    def close(self) -> None:
        """Answer and publish the accepted entries, and let go of the folder."""
        self.submitting.checks.close()
        self.submitting.pool.close()
        self.sequencer.end_waiting()
        self.backlog.lift_bound()
        self.sequencer.join()
        self.backlog.close()
        self.publisher.join()
        if self.lifeline.failure is None:
            self.stores.journal.trim(self.publisher.stored_size)
        self.stores.close()
        if self.documents is not None:
            self.documents.close()
