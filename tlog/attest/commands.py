"""Asking other programs: a bounded line of output, or nothing."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tlog.attest.redaction import is_secret_name

_TIMEOUT_S: Final = 10
_MAX_CHARS: Final = 4096


def ask(command: Sequence[str], folder: Path) -> str | None:
    """Run a program in `folder` and return what it says, cut at 4,096 characters.

    None if it is not installed, fails, or takes more than 10 seconds: what it knows is
    then not told, and nothing else depends on it.  It inherits the environment without
    what looks secret there: it needs none of that to tell a version or a revision.
    """
    plain = {name: it for name, it in os.environ.items() if not is_secret_name(name)}
    try:
        ended = subprocess.run(  # noqa: S603 - the commands stand in this room
            command,
            cwd=folder,
            env=plain,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if ended.returncode != 0:
        return None
    return ended.stdout[:_MAX_CHARS].decode("utf-8", "replace").strip()
