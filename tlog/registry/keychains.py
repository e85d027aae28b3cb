"""Asking a credential helper: a program that keeps passwords, run within bounds.

    docker-credential-NAME get      stdin: the server, stdout: {"Username","Secret"}

The server is told on standard input, and the secret comes on standard output: neither
stands in an argument, and neither is shown.  Source: docker/docker-credential-helpers.
"""

import asyncio
import contextlib
import os
import selectors
import signal
import subprocess
import time
from typing import IO, Final

from tlog.errors import RejectedError

TIMEOUT_S: Final = 30.0
MAX_ANSWER_BYTES: Final = 1 << 16

_NOT_FOUND: Final = b"credentials not found in native keychain"


async def ask_keychain(
    program: str, server: str, timeout_s: float = TIMEOUT_S
) -> bytes | None:
    """Return what a helper says of a server; None if it has nothing of it.

    Raises RejectedError if it is not there, fails, says too much or takes too long.
    """
    try:
        status, said = await asyncio.to_thread(_converse, program, server, timeout_s)
    except TimeoutError:
        raise RejectedError(f"{program} gave no answer in {timeout_s:.0f} s") from None
    except OSError as error:
        raise RejectedError(f"{program} cannot be run: {error.strerror}") from None
    if len(said) > MAX_ANSWER_BYTES:
        raise RejectedError(f"{program} said more than {MAX_ANSWER_BYTES} bytes")
    if status == 0:
        return said
    if said.strip() == _NOT_FOUND:
        return None
    raise RejectedError(f"{program} failed with status {status}")


def _converse(program: str, server: str, timeout_s: float) -> tuple[int, bytes]:
    """Return a helper's status and its words, of which one byte may be too many."""
    deadline_s = time.monotonic() + timeout_s
    with subprocess.Popen(  # noqa: S603 - the user's configuration names it
        [program, "get"],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as child:
        try:
            # A helper that does not read what it is asked has left: its status tells.
            if child.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    child.stdin.write(server.encode())
                child.stdin.close()
            said = b"" if child.stdout is None else _read(child.stdout, deadline_s)
            if len(said) <= MAX_ANSWER_BYTES:
                child.wait(max(deadline_s - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        finally:
            # The helper that we started, and what it has started.
            if child.poll() is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, signal.SIGKILL)
        return child.wait(), said


def _read(stream: IO[bytes], deadline_s: float) -> bytes:
    said = b""
    with selectors.DefaultSelector() as ready:
        ready.register(stream, selectors.EVENT_READ)
        while len(said) <= MAX_ANSWER_BYTES:
            if not ready.select(max(deadline_s - time.monotonic(), 0)):
                raise TimeoutError
            chunk = os.read(stream.fileno(), MAX_ANSWER_BYTES + 1 - len(said))
            if not chunk:
                break
            said += chunk
    return said
