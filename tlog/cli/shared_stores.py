"""Stores that nodes share, as settings name them; loaded where something may."""

import argparse
import os

from tlog.config import load_settings
from tlog.errors import RejectedError
from tlog.log.settings import LogSettings
from tlog.log_lines import configure_logs
from tlogverify.errors import FormatError


def require_no_password(options: argparse.Namespace, settings: LogSettings) -> None:
    """Raise FormatError if a flag shows a password to all users of the machine."""
    if options.database is not None and settings.holds_password:
        raise FormatError(
            "--database shows its password to all users of this machine: give it as "
            "TLOG_DATABASE, in the file of --config, as PGPASSWORD or in ~/.pgpass"
        )


def read_stores(options: argparse.Namespace) -> LogSettings | None:
    """Return the settings of a log in shared stores; None if none are named.

    options: folder, and what `tlog.cli.stores` has added.  Log lines go to standard
    error from here on, and warnings alone.

    Raises FormatError for settings that are none, RejectedError if one of the two is
    named alone.
    """
    flags = {"data": str(options.folder)}
    for name in ("database", "objects"):
        if (value := vars(options)[name]) is not None:
            flags[name] = value
    settings = load_settings(LogSettings, flags, os.environ, options.config)
    require_no_password(options, settings)
    if not settings.database and not settings.objects:
        return None
    if not settings.database or not settings.objects:
        raise RejectedError("nodes share a database and a bucket: name both")
    configure_logs(settings.log_format, "warning")
    return settings
