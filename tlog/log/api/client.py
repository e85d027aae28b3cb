"""Whose request it is, as admission asks."""

from aiohttp import hdrs, web

from tlog.http.exchange import Asked, asked_of
from tlog.log.admission.gate import Gate


def client_of(asked: Asked, gate: Gate) -> str:
    """Return whose bucket a request draws from; raises what `gate` does."""
    return gate.client(
        asked.headers.get(hdrs.AUTHORIZATION, ""), asked.forwarded_for, asked.remote
    )


def admit_document(request: web.Request, gate: Gate) -> None:
    """Let a request store a document, which counts as an entry; raises as `gate`."""
    gate.admit(client_of(asked_of(request), gate), 1)
