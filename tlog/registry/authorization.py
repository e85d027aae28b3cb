"""The Authorization header that a registry asks for: a bearer token, or basic.

    401  WWW-Authenticate: Bearer realm="https://auth.example/token",service="<name>"
    GET  realm?service=<name>&scope=repository:<image>:pull      {"token":"..."}

Scopes are our own, not the challenge's: a registry cannot make its client ask for more
than this image.  Source: the Distribution project's token authentication and OAuth2
specifications.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from tlog.registry.challenges import Challenge, require_target
from tlog.registry.credentials import Credentials, Keyring, require_bearer
from tlog.registry.exchange import Exchange, Incoming, Outgoing
from tlog.registry.refusals import refusal_of
from tlogverify.attestation.members import optional_text, parse_object
from tlogverify.errors import FormatError

MAX_TOKEN_BYTES: Final = 1 << 20

_CLIENT_ID: Final = "tlog"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class Authorization:
    """What one registry was told of us; origin: its URL, whose host has credentials.

    Headers are kept by scope until they are refused.
    """

    def __init__(self, exchange: Exchange, keyring: Keyring, origin: str) -> None:
        self._exchange = exchange
        self._keyring = keyring
        self._origin = origin
        self._headers: dict[str, str] = {}

    def known(self, scope: str) -> Mapping[str, str]:
        """Return the header that was taken before, or nothing."""
        header = self._headers.get(scope)
        return {} if header is None else {"Authorization": header}

    async def renew(self, scope: str, challenges: Sequence[Challenge]) -> bool:
        """Find what answers one of the challenges; False if there is nothing to send.

        Raises what `refusal_of` makes of a token server's refusal, FormatError, and
        what `Exchange.send` raises.
        """
        self._headers.pop(scope, None)
        credentials = await self._keyring.find(self._origin.partition("://")[2])
        by_scheme = {it.scheme: it for it in reversed(challenges)}
        header = ""
        if "bearer" in by_scheme:
            token = await self._fetch_token(by_scheme["bearer"], scope, credentials)
            header = f"Bearer {token}"
        elif "basic" in by_scheme and credentials is not None:
            header = credentials.basic
        if header:
            self._headers[scope] = header
        return bool(header)

    async def _fetch_token(
        self, challenge: Challenge, scope: str, credentials: Credentials | None
    ) -> str:
        if credentials is not None and credentials.registry_token:
            return credentials.registry_token
        realm = require_target(self._origin, challenge.parameters.get("realm", ""))
        asked = {"service": challenge.parameters.get("service", ""), "scope": scope}
        if credentials is not None and credentials.identity_token:
            form = {
                **asked,
                "grant_type": "refresh_token",
                "client_id": _CLIENT_ID,
                "refresh_token": credentials.identity_token,
            }
            body = urlencode(form).encode()
            sent = Outgoing("POST", realm, _FORM, body, MAX_TOKEN_BYTES)
        else:
            basic = "" if credentials is None else credentials.basic
            joint = "&" if "?" in realm else "?"
            sent = Outgoing(
                "GET",
                f"{realm}{joint}{urlencode(asked)}",
                {"Authorization": basic} if basic else {},
                limit_bytes=MAX_TOKEN_BYTES,
            )
        return _token_of(await self._exchange.send(sent))


def _token_of(answer: Incoming) -> str:
    if answer.status != 200:
        raise refusal_of(answer, "its token server")
    rule = "a token server's answer"
    try:
        members = parse_object(rule, answer.body)
        token = optional_text(rule, members, "token")
        return require_bearer(token or optional_text(rule, members, "access_token"))
    except FormatError:
        # Its bytes are secret, and its error could show them.
        raise FormatError(f"{rule} is JSON with a token") from None
