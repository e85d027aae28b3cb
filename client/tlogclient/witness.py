"""WitnessClient: the verbs of a witness, one attempt each.

Nothing that a witness says is verified here, because the caller has the keys.  The
caller also decides when to try again, because it knows what else waits.
"""

import asyncio
from collections.abc import Awaitable
from types import TracebackType
from typing import Final, NamedTuple, Self, TypeVar

import aiohttp

from tlogclient.cosigning import SIZE_TYPE, AddCheckpoint, SignSubtree, origin_hash
from tlogclient.errors import UnavailableError
from tlogclient.retries import NoRoomError
from tlogclient.transport import (
    HEADERS,
    new_session,
    read_bounded,
    read_refusal,
    require_url,
)
from tlogverify.errors import FormatError
from tlogverify.lines import parse_decimal
from tlogverify.note import MAX_NOTE_BYTES, NoteSignature, parse_signatures
from tlogverify.policy import Policy, PolicyWitness

DEFAULT_TIMEOUT_S: Final = 10.0

_MAX_LINES_BYTES: Final = 1 << 17
_MAX_SIZE_BYTES: Final = 32

_Answer = TypeVar("_Answer")


class KnownSize(NamedTuple):
    """The witness has cosigned another size than the request's old one: this."""

    size: int


class WitnessClient:
    """A connection pool to one witness, for one event loop; closed by `async with`.

    url: the submission prefix.  monitoring_url: the monitoring prefix, where the
    witness has another one than that.  timeout_s: of one call.

    Raises ValueError for a URL that is none.
    """

    def __init__(
        self,
        url: str,
        *,
        monitoring_url: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        self._url = require_url(url)
        self._monitoring_url = require_url(monitoring_url or url)
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the pool; the next call opens another.  Idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def add_checkpoint(
        self, request: AddCheckpoint
    ) -> tuple[NoteSignature, ...] | KnownSize:
        """Ask for cosignatures; the lines that came, or the size to begin from.

        Raises RefusedError (422: the head conflicts with what the witness has seen),
        UnavailableError, or FormatError for an answer of another form.
        """
        return await self._bounded(self._add_checkpoint(request))

    async def sign_subtree(self, request: SignSubtree) -> tuple[NoteSignature, ...]:
        """Ask for a subtree's cosignatures; errors as `add_checkpoint`."""
        return await self._bounded(self._sign_subtree(request))

    async def checkpoint(self, origin: str) -> bytes | None:
        """Return the newest note that the witness has cosigned; None if it has none."""
        return await self._bounded(self._checkpoint(origin))

    async def _add_checkpoint(
        self, request: AddCheckpoint
    ) -> tuple[NoteSignature, ...] | KnownSize:
        async with self._post("/add-checkpoint", request.encode()) as response:
            is_size = response.content_type == SIZE_TYPE
            if response.status == 409 and is_size:
                body = await read_bounded(response, _MAX_SIZE_BYTES)
                if not body.endswith(b"\n"):
                    raise FormatError("a witness's size ends with a newline", body)
                return KnownSize(parse_decimal("a witness's size", body[:-1]))
            return await _read_lines(response)

    async def _sign_subtree(self, request: SignSubtree) -> tuple[NoteSignature, ...]:
        async with self._post("/sign-subtree", request.encode()) as response:
            return await _read_lines(response)

    async def _checkpoint(self, origin: str) -> bytes | None:
        url = f"{self._monitoring_url}/{origin_hash(origin)}/checkpoint"
        async with self._opened().get(url, allow_redirects=False) as response:
            if response.status == 404:
                return None
            await _require_success(response)
            return await read_bounded(response, MAX_NOTE_BYTES)

    def _post(self, path: str, body: bytes) -> aiohttp.client._RequestContextManager:
        return self._opened().post(
            self._url + path,
            data=body,
            headers={"Content-Type": "text/plain; charset=utf-8"},
            allow_redirects=False,
        )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = new_session(HEADERS)
        return self._session

    async def _bounded(self, call: Awaitable[_Answer]) -> _Answer:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await call
        except NoRoomError as error:
            raise UnavailableError(
                f"the witness has no room: {error.refusal.detail}",
                retry_after_s=error.retry_after_s,
            ) from None
        except aiohttp.ClientResponseError as error:
            broken = f"the witness's HTTP cannot be read: {error.message}"
            raise FormatError(broken) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            said = str(error) or type(error).__name__
            raise UnavailableError(f"the witness does not answer: {said}") from error


def witnesses_by_url(policy: Policy) -> dict[str, list[PolicyWitness]]:
    """Return a policy's witnesses that can be asked; two keys at one URL are one."""
    found: dict[str, list[PolicyWitness]] = {}
    for witness in policy.witnesses:
        if witness.url:
            found.setdefault(witness.url.rstrip("/"), []).append(witness)
    return found


async def _read_lines(response: aiohttp.ClientResponse) -> tuple[NoteSignature, ...]:
    await _require_success(response)
    return parse_signatures(await read_bounded(response, _MAX_LINES_BYTES))


async def _require_success(response: aiohttp.ClientResponse) -> None:
    if response.status >= 400:
        raise await read_refusal(response)
    if response.status != 200:
        raise FormatError("a witness's answer has status 200", response.status)
