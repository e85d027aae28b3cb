"""The endpoints of C2SP tlog-witness, and the witness's own health and metrics."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import hdrs, web

from tlog.errors import StaleError
from tlog.http.body import read_body, require_form
from tlog.http.exchange import Reply, asked_of
from tlog.http.listener import Listener, metrics_response, new_app
from tlog.http.problems import (
    NEVER,
    SHARED_ROWS,
    ErrorAnswer,
    Problem,
    Rows,
    problem_document,
)
from tlog.http.respond import SECONDS, bytes_response, json_response, text_response
from tlog.witness.budget import BudgetError
from tlog.witness.cosigner import NeverCosignedError
from tlog.witness.opening import OpenWitness
from tlog.witness.roster import UnknownOriginError
from tlogclient.cosigning import SIZE_TYPE
from tlogverify.errors import ProofError, SignatureError

MAX_REQUEST_BYTES: Final = 128 << 10
"""Room for 16 ML-DSA-44 lines (52 KB) and a proof, twice over."""

WITNESS_ROWS: Final[Rows] = {
    **SHARED_ROWS,
    SignatureError: Problem(403, "unproven-signature", "No trusted key signed"),
    UnknownOriginError: Problem(404, "unknown-origin", "An unknown log"),
    NeverCosignedError: Problem(404, "never-cosigned", "No head of that log"),
    StaleError: Problem(409, "stale", "Another size was cosigned last"),
    ProofError: Problem(422, "unproven", "The Merkle proof fails"),
    BudgetError: Problem(429, "budget", "Too many requests of this log"),
}
"""How a witness's door tells errors."""

_TEXT: Final = "text/plain; charset=utf-8"


class WitnessEndpoints:
    """Answers for one witness."""

    def __init__(self, witness: OpenWitness) -> None:
        self._witness = witness

    async def add_checkpoint(self, request: web.Request) -> web.Response:
        """POST /add-checkpoint."""
        body = await _read(request)
        return text_response(await self._witness.cosigner.add_checkpoint(body))

    async def sign_subtree(self, request: web.Request) -> web.Response:
        """POST /sign-subtree."""
        body = await _read(request)
        return text_response(self._witness.cosigner.sign_subtree(body))

    async def checkpoint(self, request: web.Request) -> web.Response:
        """GET /<origin hash>/checkpoint."""
        note = self._witness.cosigner.checkpoint(request.match_info["origin_hash"])
        return bytes_response(request, note, _TEXT, SECONDS)

    async def health(self, _: web.Request) -> web.Response:
        """GET /healthz: the process answers."""
        return json_response({"alive": True})

    async def readiness(self, _: web.Request) -> web.Response:
        """GET /readyz: heads can be cosigned; 503 says which claim does not hold."""
        claims = self._witness.claims()
        return json_response(claims, status=200 if all(claims.values()) else 503)

    async def metrics(self, _: web.Request) -> web.Response:
        """GET /metrics."""
        return metrics_response(self._witness.metrics)


def witness_answer(answer: ErrorAnswer) -> Reply:
    """Return an error as C2SP tlog-witness has it; a dialect.

    A stale size is the one error that is no problem document: the body of a 409 is the
    size that was cosigned last.
    """
    if not isinstance(answer.error, StaleError):
        return problem_document(answer)
    return Reply(
        answer.problem.status,
        ((hdrs.CONTENT_TYPE, SIZE_TYPE), (hdrs.CACHE_CONTROL, NEVER)),
        b"%d\n" % answer.error.known_size,
    )


def witness_routes(witness: OpenWitness, prefix: str) -> list[web.RouteDef]:
    """Return the specification's endpoints, below `prefix`."""
    endpoints = WitnessEndpoints(witness)
    return [
        web.post(f"{prefix}/add-checkpoint", endpoints.add_checkpoint),
        web.post(f"{prefix}/sign-subtree", endpoints.sign_subtree),
        web.get(
            f"{prefix}/{{origin_hash:[0-9a-f]{{64}}}}/checkpoint", endpoints.checkpoint
        ),
    ]


def build_witness_app(witness: OpenWitness) -> web.Application:
    """Return the application that serves `witness` below its prefix."""
    prefix, endpoints = witness.settings.prefix, WitnessEndpoints(witness)
    routes = [
        *witness_routes(witness, prefix),
        web.get(f"{prefix}/healthz", endpoints.health),
        web.get(f"{prefix}/readyz", endpoints.readiness),
        web.get(f"{prefix}/metrics", endpoints.metrics),
    ]
    dialects = {"": witness_answer}
    return new_app(routes, witness.metrics, rows=WITNESS_ROWS, dialects=dialects)


async def serve_witness(
    witness: OpenWitness, stop: asyncio.Event, ready: Callable[[str], None]
) -> None:
    """Serve `witness` until `stop` is set or it stops by itself; then close it.

    ready: called with the URL when the first request can be answered.
    Raises the FatalError that stopped it, if one did.
    """
    settings = witness.settings
    listener = Listener(build_witness_app(witness), settings.listen, settings.prefix)
    try:
        await witness.start(on_stop=stop.set)
        await listener.start()
        ready(listener.url)
        await stop.wait()
    finally:
        await listener.stop()
        await witness.close()
    if witness.failure is not None:
        raise witness.failure


async def _read(request: web.Request) -> bytes:
    # The specification names no media type for a request: any is taken.
    require_form(asked_of(request), "text")
    return await read_body(request, MAX_REQUEST_BYTES)
