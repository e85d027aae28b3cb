"""The questions asked of a submission, cheapest first; each is off until it is set."""

from collections.abc import Mapping, Sequence

from tlog.errors import RejectedError
from tlog.log.admission.rates import Rates
from tlog.log.admission.tokens import token_name


class UnauthorizedError(RejectedError):
    """No token, or not one of ours."""

    def __init__(self) -> None:
        super().__init__("submitting needs a known bearer token")


class FrozenError(RejectedError):
    """The log takes no more entries."""

    def __init__(self) -> None:
        super().__init__("this log is frozen: submit to the one after it")


class Gate:
    """Tells clients apart, and lets them in.

    tokens: names by token hash; None lets everybody submit.  rates: None has no limit.
    is_frozen: nobody may submit.
    """

    def __init__(
        self,
        tokens: Mapping[bytes, str] | None,
        rates: Rates | None,
        *,
        trust_forwarded_for: bool,
        is_frozen: bool = False,
    ) -> None:
        self._tokens = tokens
        self._rates = rates
        self._trust_forwarded_for = trust_forwarded_for
        self._is_frozen = is_frozen

    def client(
        self, authorization: str, forwarded_for: Sequence[str], address: str
    ) -> str:
        """Return whose bucket a request draws from.

        authorization: the header's value, or "".  forwarded_for: all values of
        X-Forwarded-For, in order.

        Raises FrozenError if nobody may submit, UnauthorizedError if tokens are asked
        for and this one is not known.
        """
        if self._is_frozen:
            raise FrozenError
        if self._tokens is not None:
            name = token_name(self._tokens, authorization)
            if name is None:
                raise UnauthorizedError
            return f"token {name}"
        if self._trust_forwarded_for and forwarded_for:
            # The last address of the last line is the one that our own proxy has seen;
            # the addresses before it are the client's own words.
            forwarded = forwarded_for[-1].rpartition(",")[2].strip()
            return f"address {forwarded[:64] or address}"
        return f"address {address}"

    def admit(self, client: str, entries: int) -> None:
        """Let a client submit `entries`; RateLimitedError if that is too much."""
        if self._rates is not None:
            self._rates.spend(client, entries)
