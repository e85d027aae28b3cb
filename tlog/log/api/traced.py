"""A hot route whose every request is a span; made where somebody collects them."""

from dataclasses import replace

from aiohttp import web

from tlog import tracing
from tlog.http.exchange import Asked, HotRoute, Reply, Respond
from tlog.tracing import Span

PARENT = "Traceparent"


def traced(route: HotRoute) -> HotRoute:
    """Return a route that tells of the submissions that come by it."""

    def begin(parent: str) -> Span:
        return tracing.begin("submit", {"http.route": route.path}, parent)

    async def slow(request: web.Request) -> web.StreamResponse:
        span = begin(request.headers.get(PARENT, ""))
        try:
            response = await route.slow(request)
        except BaseException as error:
            span.end({}, type(error).__name__)
            raise
        _end(span, response.status)
        return response

    def answer(asked: Asked, body: bytes, respond: Respond) -> None:
        span = begin(asked.headers.get(PARENT, ""))

        def told(reply: Reply | Exception) -> None:
            if isinstance(reply, Reply):
                _end(span, reply.status)
            else:
                span.end({}, type(reply).__name__)
            respond(reply)

        try:
            route.answer(asked, body, told)
        except BaseException as error:
            span.end({}, type(error).__name__)
            raise

    return replace(route, slow=slow, answer=answer)


def _end(span: Span, status: int) -> None:
    error = f"HTTP {status}" if status >= 500 else ""
    span.end({"http.response.status_code": status}, error)
