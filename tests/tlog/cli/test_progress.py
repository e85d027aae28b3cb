"""One line on how far work is: on a terminal, off it, and where nobody listens."""

import io

import pytest

from tlog.cli.progress import StatusLine


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at_s = 5.0

    def now_s(self) -> int:
        raise AssertionError

    def monotonic_s(self) -> float:
        return self.at_s


class Terminal(io.StringIO):
    def isatty(self) -> bool:  # type: ignore[explicit-override]  # typing: from 3.12
        return True


class Broken(io.StringIO):
    def write(self, text: str) -> int:  # type: ignore[explicit-override]  # from 3.12
        raise BrokenPipeError


def test_off_a_terminal_a_line_comes_each_ten_seconds() -> None:
    clock, stream = HandClock(), io.StringIO()
    line = StatusLine(stream, clock)
    for number in range(25):
        line.tell(f"{number} done")
        line.clear()
        clock.at_s += 1
    assert "10 done\n20 done\n" == stream.getvalue()


def test_on_a_terminal_one_line_is_redrawn_and_wiped_out() -> None:
    clock, stream = HandClock(), Terminal()
    line = StatusLine(stream, clock)
    line.tell("too early")
    clock.at_s += 1
    line.tell("1 done")
    line.tell("too soon")
    line.clear()
    line.clear()
    assert "\r1 done\x1b[K\r\x1b[K" == stream.getvalue()


def test_a_line_does_not_wrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    clock, stream = HandClock(), Terminal()
    line = StatusLine(stream, clock)
    clock.at_s += 1
    line.tell("x" * 50)
    assert f"\r{'x' * 19}\x1b[K" == stream.getvalue()


@pytest.mark.parametrize("stream", [None, Broken()])
def test_a_stream_that_takes_no_line_stops_nothing(stream: io.StringIO | None) -> None:
    clock = HandClock()
    line = StatusLine(stream, clock)
    clock.at_s += 11
    line.tell("1 done")
    line.clear()
