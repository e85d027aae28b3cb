"""Whose request it is, as admission asks."""

from aiohttp import hdrs

from tlog.http.exchange import Asked
from tlog.log.admission.gate import Gate


def client_of(asked: Asked, gate: Gate) -> str:
    """Return whose bucket a request draws from; raises what `gate` does."""
    return gate.client(
        asked.headers.get(hdrs.AUTHORIZATION, ""), asked.forwarded_for, asked.remote
    )
