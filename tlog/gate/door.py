"""HTTP: reviews of the Kubernetes API server, and `POST /v1/decide` for all others."""

import asyncio
import re
from collections.abc import Callable
from typing import Final, cast

from aiohttp import web

from tlog import tracing
from tlog.errors import RejectedError
from tlog.gate.admitting import Admission
from tlog.gate.decisions import Decision
from tlog.gate.opening import OpenGate
from tlog.gate.reviews import MAX_REVIEW_BYTES, Review, parse_review
from tlog.gate.settings import MODES, Mode, require_environment
from tlog.gate.sources import Asked
from tlog.gate.status import gate_status
from tlog.http.body import read_body, require_form
from tlog.http.exchange import asked_of
from tlog.http.listener import Listener, metrics_response, new_app
from tlog.http.problems import SHARED_ROWS, Problem, Rows
from tlog.http.respond import json_response, query
from tlog.log_lines import log_event
from tlog.rules.telling import describe
from tlogclient.strictjson import parse_json, read_object, read_text
from tlogverify.errors import FormatError

MAX_QUESTION_BYTES: Final = 64 << 10
_LARGE_BYTES: Final = 256 << 10
"""Bodies above it are parsed in a thread: it takes a while."""

_TIMEOUT: Final = re.compile(r"([1-9][0-9]?)s")
_JSON: Final = frozenset({"application/json"})
_ARTIFACT: Final = re.compile(r"sha256:[0-9a-f]{64}")
_QUESTION: Final = frozenset({"artifact", "environment", "requester", "mode"})
_MAX_REQUESTER_CHARS: Final = 256


class NoSummaryError(RejectedError):
    """A summary was asked for, and this gate signs none."""


class UnknownClientError(RejectedError):
    """A client without a certificate of the authorities that are set."""

    def __init__(self) -> None:
        super().__init__(
            "this gate answers who shows a client certificate that it knows"
        )


GATE_ROWS: Final[Rows] = {
    **SHARED_ROWS,
    UnknownClientError: Problem(403, "unknown-client", "No client certificate"),
    NoSummaryError: Problem(409, "no-summary", "This gate signs no summaries"),
}
"""How a gate's door tells errors."""


class GateEndpoints:
    """Answers for one gate."""

    def __init__(self, gate: OpenGate) -> None:
        self._gate = gate
        self._admission = Admission(gate)

    async def admit(self, request: web.Request) -> web.Response:
        """POST /admit/{mode}."""
        mode = cast(Mode, request.match_info["mode"])
        self._require_known(request)
        patience_s = _patience(request)
        review = await _read_review(request)
        answer = await self._admission.admit(review, mode, patience_s)
        return json_response(answer.document())

    async def break_glass(self, request: web.Request) -> web.Response:
        """POST /break-glass."""
        self._require_known(request)
        patience_s = _patience(request)
        review = await _read_review(request)
        answer = await self._admission.break_glass(review, patience_s)
        return json_response(answer.document())

    async def decide(self, request: web.Request) -> web.Response:
        """POST /v1/decide."""
        self._require_known(request)
        asked = asked_of(request)
        wants_summary = query(asked, set(), {"vsa"}).get("vsa") == "1"
        require_form(asked, "JSON", _JSON)
        body = await read_body(request, MAX_QUESTION_BYTES)
        question = _Question(body, self._gate.settings.environment)
        if wants_summary and self._gate.summarizer is None:
            raise NoSummaryError("no summary can be signed: set vsa_key and verifier")
        if question.mode == "audit":
            return json_response(self._later(question))
        parent = request.headers.get("traceparent", "")
        with self._gate.metrics.seconds.time(), tracing.within(parent):
            decision = await self._judge(question, self._gate.decider.deadline())
        told = self._told(question, decision)
        if wants_summary and self._gate.summarizer is not None:
            envelope = self._gate.summarizer.summarize(decision, question.environment)
            told["vsa"] = None if envelope is None else envelope.decode()
        return json_response(told)

    async def health(self, _: web.Request) -> web.Response:
        """GET /healthz: the process answers."""
        return json_response({"alive": True})

    async def readiness(self, _: web.Request) -> web.Response:
        """GET /readyz: it can decide; 503 says which claim does not hold."""
        claims = self._gate.claims()
        return json_response(claims, status=200 if all(claims.values()) else 503)

    async def metrics(self, _: web.Request) -> web.Response:
        """GET /metrics."""
        return metrics_response(self._gate.metrics)

    async def status(self, _: web.Request) -> web.Response:
        """GET /status: the gate for people, in pictures."""
        return gate_status(self._gate.claims(), self._gate.metrics)

    def _require_known(self, request: web.Request) -> None:
        """Raise UnknownClientError for a client that is asked who it is, and is not."""
        if self._gate.settings.client_authorities is None:
            return
        # What is shown was verified in the handshake.
        if not request.get_extra_info("peercert"):
            raise UnknownClientError

    async def _judge(self, question: "_Question", deadline: float | None) -> Decision:
        asked = Asked(question.artifact, question.sha256)
        environment = question.environment
        decision = await self._gate.decider.decide(asked, environment, deadline)
        known = environment in self._gate.beliefs.environments
        self._gate.metrics.decisions.labels(
            decision.outcome,
            decision.reason.value,
            environment if known else "other",
            question.mode,
        ).inc()
        return decision

    def _later(self, question: "_Question") -> dict[str, object]:
        is_begun = self._gate.later(self._look_later(question))
        return {
            "artifact": question.artifact,
            "environment": question.environment,
            "allowed": True,
            "outcome": "undecided",
            "reason": "later" if is_begun else "busy",
            "reasons": ["judged later" if is_begun else "not judged: too much is"],
        }

    async def _look_later(self, question: "_Question") -> None:
        decision = await self._judge(question, None)
        log_event(
            "decided later",
            artifact=question.artifact,
            environment=question.environment,
            requester=question.requester,
            outcome=decision.outcome,
            reason=decision.reason.value,
            why=decision.words,
        )

    def _told(self, question: "_Question", decision: Decision) -> dict[str, object]:
        is_open = self._gate.settings.undecided == "allow"
        is_allowed = decision.outcome == "allowed" or (
            decision.outcome == "undecided" and is_open
        )
        verdict = decision.verdict
        place = decision.places[0] if decision.places else None
        if not is_allowed:
            log_event(
                "decided against",
                artifact=question.artifact,
                environment=question.environment,
                requester=question.requester,
                reason=decision.reason.value,
                why=decision.words,
            )
        return {
            "artifact": question.artifact,
            "environment": question.environment,
            "allowed": is_allowed,
            "outcome": decision.outcome,
            "reason": decision.reason.value,
            "reasons": [decision.words] if verdict is None else list(verdict.reasons),
            "words": decision.words,
            "expires": decision.expires_s,
            "origin": None if place is None else place.origin,
            "index": None if place is None else place.index,
            "rules": _hex(decision.rules_sha256),
            "cached": decision.is_cached,
            "verdict": None if verdict is None else describe(verdict),
        }


class _Question:
    """The body of /v1/decide; raises FormatError for what is no question.

    environment: default where none is named.
    """

    def __init__(self, body: bytes, environment: str) -> None:
        members = read_object("a question", parse_json("a question", body))
        if not {"artifact"} <= members.keys() <= _QUESTION:
            raise FormatError(
                "a question has artifact, and maybe environment, requester and mode",
                ", ".join(members),
            )
        self.artifact = read_text("artifact", members["artifact"])
        if _ARTIFACT.fullmatch(self.artifact) is None:
            raise FormatError("an artifact is sha256: and 64 hex digits", self.artifact)
        self.sha256 = bytes.fromhex(self.artifact.removeprefix("sha256:"))
        named = read_text("environment", members.get("environment", environment))
        self.environment = require_environment(named)
        self.requester = read_text("requester", members.get("requester", ""))
        if len(self.requester) > _MAX_REQUESTER_CHARS:
            raise FormatError(f"a requester has {_MAX_REQUESTER_CHARS} characters")
        self.mode = read_text("mode", members.get("mode", "enforce"))
        if self.mode not in {"enforce", "audit"}:
            raise FormatError("mode is enforce or audit", self.mode)


def build_gate_app(gate: OpenGate) -> web.Application:
    """Return the application that serves `gate` below its prefix."""
    prefix, endpoints = gate.settings.prefix, GateEndpoints(gate)
    routes = [
        web.post(f"{prefix}/admit/{{mode:{'|'.join(MODES)}}}", endpoints.admit),
        web.post(f"{prefix}/break-glass", endpoints.break_glass),
        web.post(f"{prefix}/v1/decide", endpoints.decide),
        web.get(f"{prefix}/healthz", endpoints.health),
        web.get(f"{prefix}/readyz", endpoints.readiness),
        web.get(f"{prefix}/metrics", endpoints.metrics),
        web.get(f"{prefix}/status", endpoints.status),
    ]
    return new_app(routes, gate.metrics, rows=GATE_ROWS)


async def serve_gate(
    gate: OpenGate, stop: asyncio.Event, ready: Callable[[str], None]
) -> None:
    """Serve `gate` until `stop` is set; then close it.

    ready: called with the URL when the first request can be answered.
    """
    settings = gate.settings
    listener = Listener(build_gate_app(gate), settings.listen, settings.prefix)
    if gate.certificates is not None:
        listener.encrypt(gate.certificates.context)
    async with gate:
        try:
            await listener.start()
            ready(listener.url)
            await stop.wait()
        finally:
            await listener.stop()


def _patience(request: web.Request) -> float | None:
    """Return how long the API server waits, where it says so in whole seconds."""
    told = query(asked_of(request), set(), {"timeout"}).get("timeout", "")
    found = _TIMEOUT.fullmatch(told)
    return None if found is None else float(found[1])


async def _read_review(request: web.Request) -> Review:
    asked = asked_of(request)
    require_form(asked, "JSON", _JSON)
    body = await read_body(request, MAX_REVIEW_BYTES)
    if len(body) > _LARGE_BYTES:
        return await asyncio.to_thread(parse_review, body)
    return parse_review(body)


def _hex(sha256: bytes | None) -> str | None:
    return None if sha256 is None else sha256.hex()
