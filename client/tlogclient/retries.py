"""Which attempts are repeated, after which pause, and which failure is to blame.

PURE but for the spread of pauses: time and errors come in, a verdict comes out.
"""

import os
import random
from collections.abc import Callable
from typing import Final

import aiohttp

from tlogclient.errors import RefusedError, UnavailableError
from tlogclient.network import Network
from tlogverify.errors import TlogError

# A shorter pause does not count as one: the attempt that asks for it is a failed one,
# because otherwise the retries would never end.
_TOLD_PAUSE_S: Final = 1.0


class NoRoomError(TlogError):
    """The log, or what stands before it, had no room for one attempt.

    retry_after_s: what it asked for, or None.
    """

    def __init__(self, refusal: RefusedError, retry_after_s: float | None) -> None:
        self.refusal = refusal
        self.retry_after_s = retry_after_s
        super().__init__(str(refusal))


def plan_retry(error: Exception, left_s: float) -> bool | float:
    """Tell whether to try again: False; True for the next wait; or seconds to wait.

    left_s: of the time for the whole request.  The log's wish is met and spread, not
    shortened: if there is no time for it, there is no retry.
    """
    match error:
        case NoRoomError(retry_after_s=float(asked_s)):
            wait_s = asked_s * random.uniform(1, 1.25)  # noqa: S311 - spreads load, hides nothing
            return wait_s if wait_s < left_s else False
        case aiohttp.ClientConnectorCertificateError():
            return False
        case NoRoomError() | TimeoutError():
            return True
        case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError():
            return True
        case _:
            return False


class Course:
    """The attempts of one request so far, and the decision on the next.

    deadline_s: by `now_s`.  failures: what was tried again, in order.
    """

    def __init__(
        self,
        attempts: int,
        deadline_s: float,
        now_s: Callable[[], float],
        network: Network,
    ) -> None:
        self.failures: list[Exception] = []
        self._left = attempts
        self._deadline_s = deadline_s
        self._now_s = now_s
        self._on_wait = network.on_wait

    def plan(self, error: Exception) -> bool | float:
        """Tell what `plan_retry` does, and no retry when the attempts are used up."""
        verdict = plan_retry(error, self._deadline_s - self._now_s())
        is_pause = is_told_pause(error)
        if not is_pause:
            self._left -= 1
        if verdict is False or not self._left:
            return False
        self.failures.append(error)
        if is_pause and self._on_wait is not None:
            self._on_wait(float(verdict), str(error))
        return verdict


def is_accepted(error: Exception) -> bool:
    """Whether the log has what was sent, and no proof to give for it yet."""
    return isinstance(error, RefusedError) and error.status == 202


def last_failure(error: Exception, retried: list[Exception]) -> Exception:
    """Return what to blame for a request that ended with `error`.

    If the time ran out while retrying, the failure before the last retry says more.
    """
    last = retried[-1] if retried and isinstance(error, TimeoutError) else error
    return last.refusal if isinstance(last, NoRoomError) else last


def is_told_pause(error: Exception) -> bool:
    """Whether a log with no room asked for a pause that is worth the name."""
    return (
        isinstance(error, NoRoomError)
        and not is_accepted(error.refusal)
        and (error.retry_after_s or 0.0) >= _TOLD_PAUSE_S
    )


def unavailable(
    error: Exception, cause: Exception, peer: str = "log"
) -> UnavailableError:
    """Return what a request ends with that got no answer.

    error: what ended it.  cause: what is to blame, by `last_failure`.  peer: a word for
    what was asked.
    """
    what = "no proof yet" if is_accepted(cause) else f"no answer from the {peer}"
    asked_s = error.retry_after_s if isinstance(error, NoRoomError) else None
    said = f"{what}: {_words(cause, peer)}"
    if asked_s is not None and is_told_pause(error):
        said = f"{said}; the pause of {asked_s:.0f} s that it asks for is too long"
    return UnavailableError(said, retry_after_s=asked_s)


def _words(cause: Exception, peer: str) -> str:
    if isinstance(cause, aiohttp.ClientConnectorCertificateError):
        why = getattr(cause.certificate_error, "verify_message", "") or str(cause)
        return (
            f"the certificate of {cause.host} is not trusted ({why}): give the "
            "certificate of the authority that issued it (--ca-file)"
        )
    if isinstance(cause, aiohttp.ClientConnectorSSLError):
        return f"{cause}; is it an http:// {peer}?"
    if isinstance(cause, aiohttp.ClientConnectorError):
        number = cause.os_error.errno or 0
        why = os.strerror(number) if number > 0 else cause.os_error.strerror
        return (
            f"{cause.host}:{cause.port} cannot be reached ({why}): is a {peer} there?"
        )
    return str(cause) or type(cause).__name__
