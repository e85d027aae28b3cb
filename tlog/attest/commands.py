"""Asking other programs: a bounded line of output, or why there is none."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog.attest.variables import is_secret

TIMEOUT_S: Final = 10
_MAX_CHARS: Final = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """How a program ended: its status, what it said, and its first complaints.

    said, complained: cut at the bound of the question; "" where nothing was said.
    """

    status: int
    said: str
    complained: str


@dataclass(frozen=True, slots=True)
class NotRun:
    """A program has given no answer: it could not be started, or took too long.

    is_missing: it is not installed, at least not on the PATH.
    """

    is_missing: bool


def call(
    command: Sequence[str],
    folder: Path,
    more: Mapping[str, str] | None = None,
    *,
    most_chars: int = _MAX_CHARS,
) -> Answer | NotRun:
    """Run a program in `folder`, for at most 10 seconds, and return how it ended.

    It inherits the environment without what looks secret there: it needs none of that
    to tell a version or a revision.  Nor is it handed git's settings (GIT_CONFIG_*),
    which may hold credentials.

    more: variables for this program alone.
    """
    plain = {
        name: it
        for name, it in os.environ.items()
        if not is_secret(name, it) and not name.startswith("GIT_CONFIG_")
    }
    try:
        ended = subprocess.run(  # noqa: S603 - the commands stand in this room
            command,
            cwd=folder,
            env={**plain, **(more or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        return NotRun(is_missing=True)
    except (OSError, subprocess.TimeoutExpired):
        return NotRun(is_missing=False)
    return Answer(
        ended.returncode,
        ended.stdout[:most_chars].decode("utf-8", "replace").strip(),
        ended.stderr[:_MAX_CHARS].decode("utf-8", "replace").strip(),
    )


def ask(
    command: Sequence[str],
    folder: Path,
    more: Mapping[str, str] | None = None,
    *,
    most_chars: int = _MAX_CHARS,
) -> str | None:
    """Return what `call` says; None if the program is not installed, fails or hangs.

    What it knows is then not told, and nothing else depends on it.
    """
    answer = call(command, folder, more, most_chars=most_chars)
    if isinstance(answer, NotRun) or answer.status != 0:
        return None
    return answer.said
