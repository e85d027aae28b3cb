"""Whose request it is, as admission asks."""

from aiohttp import hdrs, web

from tlog.log.admission.gate import Gate


def client_of(request: web.Request, gate: Gate) -> str:
    """Return whose bucket a request draws from; raises what `gate` does."""
    return gate.client(
        request.headers.get(hdrs.AUTHORIZATION, ""),
        request.headers.getall(hdrs.X_FORWARDED_FOR, []),
        request.remote or "",
    )


def admit_document(request: web.Request, gate: Gate) -> None:
    """Let a request store a document, which counts as an entry; raises as `gate`."""
    gate.admit(client_of(request, gate), 1)
