"""Threads and tasks that a role cannot live without: if one fails, the process stops.

The first failure is kept and logged in one line, and whoever runs the role is woken to
drain and end.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

from tlog.errors import FatalError
from tlog.log_lines import log_event


class Lifeline:
    """The one thing that all vital threads and tasks of a role hang on.

    failure: why the first of them failed, or None.  on_stop: called on the thread of
    each failure, after its task has answered those that wait for it.
    """

    def __init__(self) -> None:
        self.failure: FatalError | None = None
        self.on_stop: Callable[[], object] = lambda: None

    @contextmanager
    def guarding(
        self, task: str, give_up: Callable[[FatalError], object] = lambda error: None
    ) -> Iterator[None]:
        """Run the body of a vital task; an error that leaves it is a failure.

        The error goes no further: the body ends.  give_up: called with the failure, so
        that nobody waits for this task any more.
        """
        try:
            yield
        except FatalError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - the top of a vital task: it ends here
            failure = FatalError(f"{task} failed: {error!r}")
        else:
            return
        if self.failure is None:
            self.failure = failure
        log_event("stopped by itself", level="error", task=task, error=str(failure))
        give_up(failure)
        self.on_stop()

    def start_thread(
        self,
        task: str,
        body: Callable[[], object],
        give_up: Callable[[FatalError], object] = lambda error: None,
    ) -> Thread:
        """Start a thread with a vital body, and return it; `give_up` as above."""

        def run() -> None:
            with self.guarding(task, give_up):
                body()

        thread = Thread(target=run, name=task)
        thread.start()
        return thread
