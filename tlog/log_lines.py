"""Log lines: one JSON object each, or text on a terminal.

Events and numbers, never an entry's content, a token or a key.
"""

import logging
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from structlog.typing import EventDict

from tlog.config import SettingsGroup, setting

LOG_FORMATS: Final = ("auto", "json", "text")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")


@dataclass(frozen=True, kw_only=True)
class LogLineSettings(SettingsGroup):
    """The form of log lines, and the least level of those that are written."""

    log_format: str = setting(
        "auto",
        "json, text, or auto: text on a terminal",
        choices=LOG_FORMATS,
    )
    log_level: str = setting(
        "info", "debug, info, warning or error", choices=LOG_LEVELS
    )


def configure_logs(log_format: str, level: str, name: str = "") -> None:
    """Send log lines to standard error.

    log_format: json, text, or auto.  name: of this process, where a role has several;
    each line says it.
    """
    is_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if is_text
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _stamp,
            *([_named(name)] if name else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def log_event(event: str, *, level: str = "info", **values: object) -> None:
    """Write one line: a fixed sentence, and its values by name.

    A line that cannot be written is lost: a disk that is full of log lines must not end
    a log, or refuse what it has accepted.
    """
    with suppress(OSError):
        structlog.get_logger().log(
            logging.getLevelNamesMapping()[level.upper()], event, **values
        )


def _stamp(_logger: object, _name: str, line: EventDict) -> EventDict:
    """Add the time in RFC 3339; "unknown" where the machine's clock cannot be read."""
    try:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        now = "unknown"
    return {**line, "timestamp": now}


def _named(name: str) -> structlog.typing.Processor:
    """Return what adds the name of this process."""
    return lambda _logger, _name, line: {**line, "process": name}
