"""Whether a command is about a folder, or about stores that nodes share, and which.

Nothing of a log is loaded here: most commands are about a folder.
"""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tlog.errors import RejectedError

_NAMED = ("TLOG_DATABASE", "TLOG_OBJECTS")


def add_stores(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name a database and a bucket, and the file of settings."""
    parser.add_argument(
        "--database", metavar="URL", help="of a log that nodes share, as of tlog serve"
    )
    parser.add_argument(
        "--objects", metavar="URL", help="of a log that nodes share, as of tlog serve"
    )
    parser.add_argument(
        "--config", type=Path, help="the settings of tlog serve, which may name both"
    )


def may_be_shared(options: argparse.Namespace) -> bool:
    """Return whether flags, environment or a file may name stores that nodes share."""
    given = (options.database, options.objects, options.config)
    return any(it is not None for it in given) or any(map(os.environ.get, _NAMED))


@contextmanager
def needing_extra(what: str = "a log that nodes share") -> Iterator[None]:
    """Let the want of a library that only buckets and databases need be told as such.

    what: needs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("tlog.", "tlogverify", "tlogclient")):
            raise
        raise RejectedError(
            f"{what} needs an extra: pip install 'tlog-server[shared]'"
        ) from error
