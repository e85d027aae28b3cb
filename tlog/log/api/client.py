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
