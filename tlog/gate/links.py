"""The client of a log, by the policy and the token that are there now.

A new one is made when either has changed; those before it are closed with the gate, as
somebody may still wait for them.
"""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from tlog.gate.beliefs import Beliefs, Stamp, stamp_of
from tlog.gate.settings import GateSettings
from tlogclient import LogClient
from tlogclient.network import Network, find_proxy, trust_authorities
from tlogclient.transport import require_url
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.lines import parse_text
from tlogverify.policy import Policy

_MAX_TOKEN_BYTES: Final = 16_384


class LogLink:
    """The way to the log of some settings; an async context manager, used once.

    Raises FormatError or OSError for settings that cannot work.
    """

    def __init__(self, settings: GateSettings, beliefs: Beliefs) -> None:
        tls = None if settings.ca_file is None else trust_authorities(settings.ca_file)
        self._settings = settings
        self._beliefs = beliefs
        try:
            url = require_url(settings.log)
        except ValueError as error:
            raise FormatError(f"--log: {error}") from None
        self.network = Network(find_proxy(url), tls)
        self._made_of: tuple[Policy | None, Stamp | None] = (None, None)
        self._current: LogClient | None = None
        self._clients = AsyncExitStack()
        self._make(self._now())

    async def __aenter__(self) -> "LogLink":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._clients.aclose()

    async def client(self) -> LogClient:
        """Return the client to ask now.

        Raises FormatError or OSError for a token that cannot be used.
        """
        now = self._now()
        if self._current is None or now != self._made_of:
            client = self._make(now)
            await self._clients.enter_async_context(client)
            self._current, self._made_of = client, now
        return self._current

    def _now(self) -> tuple[Policy | None, Stamp | None]:
        file = self._settings.log_token_file
        return self._beliefs.policy, None if file is None else stamp_of(file)

    def _make(self, now: tuple[Policy | None, Stamp | None]) -> LogClient:
        policy, _ = now
        if policy is None:
            raise FormatError("--log needs --policy: its answers are verified")
        try:
            return LogClient(
                self._settings.log,
                policy,
                token=_token(self._settings.log_token_file),
                timeout_s=self._settings.log_wait_ms / 1_000,
                network=self.network,
            )
        except ValueError as error:
            raise FormatError(f"--log: {error}") from None


def _token(file: Path | None) -> str | None:
    if file is None:
        return None
    content = read_bounded(file, "a token", _MAX_TOKEN_BYTES)
    return parse_text("a token", content).strip()
