"""Spans of what a role does, for whoever collects them; nothing without `--traces`.

Attributes have OpenTelemetry's names where it has one, and begin with `tlog.` else.

Source: OpenTelemetry's semantic conventions (artifact, container, HTTP); W3C Trace
Context, `traceparent`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Protocol

from tlog.config import SettingsGroup, setting

TRACES_HELP: Final = (
    "URL of an OpenTelemetry collector that takes spans by HTTP, such as "
    "http://127.0.0.1:4318/v1/traces; it needs tlog-server[otel]"
)

Value = str | int | Sequence[str]
Attributes = Mapping[str, Value]
Noted = dict[str, Value]


@dataclass(frozen=True, kw_only=True)
class TraceSettings(SettingsGroup):
    """Who is told what a role does, and how long it took."""

    traces: str = setting("", TRACES_HELP)


class Span(Protocol):
    """Something that is being done."""

    def end(self, attributes: Attributes, error: str = "") -> None:
        """Say how it ended; error: "" if it did what was asked.  Called once."""
        ...


class Tracer(Protocol):
    """Who is told of spans; from any thread."""

    def begin(self, name: str, attributes: Attributes, parent: str) -> Span:
        """Begin a span; parent: a `traceparent`, or what is none and counts as none."""
        ...


class _Untold:
    """What is done where nobody collects spans."""

    def begin(self, _name: str, _attributes: Attributes, _parent: str) -> Span:
        return self

    def end(self, attributes: Attributes, error: str = "") -> None:
        """Say nothing."""


_tracer: Tracer = _Untold()
_parent: ContextVar[str] = ContextVar("traceparent", default="")


@contextmanager
def telling(tracer: Tracer) -> Iterator[None]:
    """Tell a tracer of what this process does within the block."""
    global _tracer  # noqa: PLW0603 - one process is one service of a trace
    before, _tracer = _tracer, tracer
    try:
        yield
    finally:
        _tracer = before


def is_told() -> bool:
    """Whether anybody is told of spans."""
    return not isinstance(_tracer, _Untold)


@contextmanager
def within(traceparent: str) -> Iterator[None]:
    """Let the spans that this task begins in the block be parts of another one."""
    token = _parent.set(traceparent)
    try:
        yield
    finally:
        _parent.reset(token)


def begin(name: str, attributes: Attributes, parent: str = "") -> Span:
    """Begin a span; parent: a `traceparent`, or "" for that of `within`."""
    return _tracer.begin(name, attributes, parent or _parent.get())


@contextmanager
def span(name: str, attributes: Attributes, parent: str = "") -> Iterator[Noted]:
    """Make what is done in the block a span; what is put into it is told at its end."""
    begun = begin(name, attributes, parent)
    noted: Noted = {}
    try:
        yield noted
    except BaseException as error:
        begun.end(noted, type(error).__name__)
        raise
    begun.end(noted)
