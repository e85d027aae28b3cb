"""The first failure of a vital task is kept, told, and wakes whoever runs the role."""

from threading import Event

import pytest

from tlog.errors import FatalError
from tlog.lifeline import Lifeline

PATIENCE_S = 60


def test_a_body_that_ends_well_stops_nothing() -> None:
    lifeline, stops = Lifeline(), list[str]()
    lifeline.on_stop = lambda: stops.append("stopped")
    lifeline.start_thread("quiet", lambda: None).join(PATIENCE_S)
    assert ([], None) == (stops, lifeline.failure)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FatalError("the head is unknown"), "the head is unknown"),
        (RuntimeError("no index"), "broken failed: RuntimeError('no index')"),
    ],
)
def test_an_error_becomes_the_failure_after_those_that_wait_are_told(
    error: Exception, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lifeline, order = Lifeline(), list[str]()
    lifeline.on_stop = lambda: order.append("stopped")

    def fail() -> None:
        raise error

    thread = lifeline.start_thread(
        "broken", fail, lambda failure: order.append(str(failure))
    )
    thread.join(PATIENCE_S)
    assert [text, "stopped"] == order
    assert text == str(lifeline.failure)
    assert "stopped by itself" in capsys.readouterr().out


def test_the_first_failure_is_kept() -> None:
    lifeline, stops = Lifeline(), list[str]()
    lifeline.on_stop = lambda: stops.append("stopped")
    for name in ("first", "second"):
        with lifeline.guarding(name):
            raise FatalError(name)
    assert ("first", 2) == (str(lifeline.failure), len(stops))


def test_what_is_no_error_goes_through() -> None:
    lifeline = Lifeline()
    with pytest.raises(KeyboardInterrupt), lifeline.guarding("task"):
        raise KeyboardInterrupt
    assert lifeline.failure is None


def test_a_thread_is_started_at_once() -> None:
    began = Event()
    Lifeline().start_thread("eager", began.set).join(PATIENCE_S)
    assert began.is_set()
