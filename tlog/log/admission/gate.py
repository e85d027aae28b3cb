"""The questions asked of a submission, cheapest first; each is off until it is set."""

from collections.abc import Callable, Mapping, Sequence

from tlog.clock import Clock, SystemClock
from tlog.errors import RejectedError
from tlog.log.admission.rates import Rates
from tlog.log.admission.tokens import Scope, Token, find_token


class UnauthorizedError(RejectedError):
    """No token, or not one of ours, or one that has expired."""

    def __init__(self, detail: str = "submitting needs a known bearer token") -> None:
        super().__init__(detail)


class NotPermittedError(RejectedError):
    """A token of ours, which may not do this."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(
            f"this token may not {_DEEDS[scope]}: it needs the scope {scope.value}"
        )


_DEEDS = {
    Scope.SUBMIT: "submit entries",
    Scope.DOCUMENTS: "store documents",
    Scope.REDACT: "put on record that documents went",
}


class FrozenError(RejectedError):
    """The log takes no more entries."""

    def __init__(self) -> None:
        super().__init__("this log is frozen: submit to the one after it")


class Gate:
    """Tells clients apart, and lets them in.

    tokens: returns them by their hashes, as they are now; None lets everybody submit.
    rates: None has no limit.  is_frozen: nobody may submit.  clock: ends tokens.
    """

    def __init__(
        self,
        tokens: Callable[[], Mapping[bytes, Token]] | None,
        rates: Rates | None,
        *,
        trust_forwarded_for: bool,
        is_frozen: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._tokens = tokens
        self._rates = rates
        self._trust_forwarded_for = trust_forwarded_for
        self._is_frozen = is_frozen

    def client(
        self,
        authorization: str,
        forwarded_for: Sequence[str],
        address: str,
        scope: Scope = Scope.SUBMIT,
    ) -> str:
        """Return whose bucket a request draws from.

        authorization: the header's value, or "".  forwarded_for: all values of
        X-Forwarded-For, in order.  scope: what the request does.

        Raises FrozenError if nobody may submit, UnauthorizedError if tokens are asked
        for and this one is not known or has expired, NotPermittedError if it may not do
        this.
        """
        if self._is_frozen:
            raise FrozenError
        if self._tokens is not None:
            token = self._token(self._tokens(), authorization)
            if scope not in token.scopes:
                raise NotPermittedError(scope)
            return f"token {token.name}"
        if self._trust_forwarded_for and forwarded_for:
            # The last address of the last line is the one that our own proxy has seen;
            # the addresses before it are the client's own words.
            forwarded = forwarded_for[-1].rpartition(",")[2].strip()
            return f"address {forwarded[:64] or address}"
        return f"address {address}"

    def may_redact(self, authorization: str) -> bool:
        """Whether the entries of a request may say that documents went.

        A token without that scope has its entries looked through.  Raises as `client`.
        """
        if self._tokens is None:
            return True
        return Scope.REDACT in self._token(self._tokens(), authorization).scopes

    def _token(self, tokens: Mapping[bytes, Token], authorization: str) -> Token:
        token = find_token(tokens, authorization)
        if token is None:
            raise UnauthorizedError
        if token.until_s is not None and token.until_s <= self._clock.now_s():
            raise UnauthorizedError("this token has expired: ask for another one")
        return token

    def admit(self, client: str, entries: int) -> None:
        """Let a client submit `entries`; RateLimitedError if that is too much."""
        if self._rates is not None:
            self._rates.spend(client, entries)
