"""Spans of a log and a gate, as an OpenTelemetry collector is sent them."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support.records import json_body, record
from tests.system.server import COMMAND, ServerProcess, environment, run_tlog
from tests.system.test_gate import GateProcess, post
from tests.tlog.gate.workshop import GOOD, place, pod, review

service = pytest.importorskip(
    "opentelemetry.proto.collector.trace.v1.trace_service_pb2"
)

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


@contextmanager
def collector() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Take spans as a collector does; give its URL, and what came."""
    taken: list[dict[str, Any]] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent = service.ExportTraceServiceRequest.FromString(body)
            for resource in sent.resource_spans:
                role = _attributes(resource.resource.attributes)["service.name"]
                for scope in resource.scope_spans:
                    taken.extend(_span(role, it) for it in scope.spans)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(  # type: ignore[explicit-override]  # typing: from 3.12
            self, *_: object
        ) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/traces", taken
        finally:
            server.shutdown()


def _attributes(found: Any) -> dict[str, Any]:
    """Return attributes as Python's values."""

    def value(it: Any) -> Any:
        kind = it.WhichOneof("value")
        if kind == "array_value":
            return [value(one) for one in it.array_value.values]
        return getattr(it, kind)

    return {it.key: value(it.value) for it in found}


def _span(role: str, it: Any) -> dict[str, Any]:
    return {
        "role": role,
        "name": it.name,
        "trace": it.trace_id.hex(),
        "parent": it.parent_span_id.hex(),
        "failed": it.status.code == 2,
        "lasted": it.end_time_unix_nano >= it.start_time_unix_nano > 0,
        **_attributes(it.attributes),
    }


def submit(url: str, body: bytes, **headers: str) -> int:
    """Submit, and return the status."""
    sent = {"Content-Type": "application/json", **headers}
    request = Request(f"{url}/api/v1/entries", body, sent)  # noqa: S310 - loopback
    with urlopen(request) as answer:  # noqa: S310 - a loopback server of ours
        status: int = answer.status
    return status


def test_a_log_tells_of_submissions_and_commits_within_their_trace(
    tmp_path: Path,
) -> None:
    with collector() as (url, taken):
        log = ServerProcess(tmp_path / "log", "--traces", url).start()
        try:
            assert 201 == submit(log.url, json_body(record(1)), traceparent=PARENT)
            assert 201 == submit(log.url, json_body(record(2)), traceparent="none")
            # What the lean way does not know comes by aiohttp.
            more = {"traceparent": PARENT, "X-Of-No-Meaning": "1"}
            assert 201 == submit(log.url, json_body(record(3)), **more)
        finally:
            assert 0 == log.terminate()
    submitted = [it for it in taken if it["name"] == "submit"]
    committed = [it for it in taken if it["name"] == "commit"]
    assert {"tlog-log"} == {it["role"] for it in taken}
    assert all(it["lasted"] and not it["failed"] for it in taken)
    assert [201] * 3 == [it["http.response.status_code"] for it in submitted]
    assert {"/api/v1/entries"} == {it["http.route"] for it in submitted}
    # The first is part of the trace that asked; a header that is none begins another.
    assert [(TRACE, SPAN), ("", ""), (TRACE, SPAN)] == [
        (it["trace"] if it["parent"] else "", it["parent"]) for it in submitted
    ]
    assert [(1, 1), (1, 2), (1, 3)] == [
        (it["tlog.entries"], it["tlog.size"]) for it in committed
    ]


def test_front_ends_tell_of_submissions_and_their_leader_of_commits(
    tmp_path: Path,
) -> None:
    with collector() as (url, taken):
        log = ServerProcess(tmp_path / "log", "--traces", url, "--workers", "2").start()
        try:
            for label in range(3):
                body = json_body(record(label))
                assert 201 == submit(log.url, body, traceparent=PARENT)
        finally:
            assert 0 == log.terminate()
    submitted = [it for it in taken if it["name"] == "submit"]
    committed = [it for it in taken if it["name"] == "commit"]
    assert len(taken) == len(submitted) + len(committed)
    assert [(TRACE, SPAN)] * 3 == [(it["trace"], it["parent"]) for it in submitted]
    assert [1, 2, 3] == sorted(it["tlog.size"] for it in committed)


def test_what_is_refused_is_told_as_a_failure(tmp_path: Path) -> None:
    with collector() as (url, taken):
        log = ServerProcess(tmp_path / "log", "--traces", url).start()
        try:
            # By the lean way, and by aiohttp.
            for more in ({}, {"X-Of-No-Meaning": "1"}):
                with pytest.raises(HTTPError, match="400") as refused:
                    submit(log.url, b"{", **more)
                refused.value.close()
        finally:
            assert 0 == log.terminate()
    assert [("submit", True)] * 2 == [(it["name"], it["failed"]) for it in taken]


def test_a_gate_tells_what_it_decided_of_what(tmp_path: Path) -> None:
    made = place(tmp_path)
    rules = ("--rules", str(made.rules), "--policy", str(made.policy))
    where = ("--documents", str(made.documents))
    with collector() as (url, taken):
        gate = GateProcess(tmp_path / "gate", *rules, *where, "--traces", url).start()
        try:
            answer = post(f"{gate.url}/admit/enforce", review(pod(GOOD)))
            allowed = answer["response"]["allowed"]
            digest = f"sha256:{'ab' * 32}"
            question = json.dumps({"artifact": digest}).encode()
            headers = {"Content-Type": "application/json", "traceparent": PARENT}
            request = Request(f"{gate.url}/v1/decide", question, headers)  # noqa: S310 - loopback
            urlopen(request).close()  # noqa: S310 - a loopback server of ours
        finally:
            assert 0 == gate.terminate()
    first, second = taken
    assert {("tlog-gate", "decide")} == {(it["role"], it["name"]) for it in taken}
    named = GOOD.partition("@")
    assert ([GOOD], named[0], named[2]) == (
        first["container.image.repo_digests"],
        first["container.image.name"],
        first["artifact.hash"],
    )
    assert allowed == (first["tlog.outcome"] == "allowed")
    assert (digest, "no-entry", TRACE, SPAN) == (
        second["artifact.hash"],
        second["tlog.reason"],
        second["trace"],
        second["parent"],
    )
    assert "container.image.name" not in second


def test_a_collector_that_is_away_is_told_and_stops_nothing(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:1/v1/traces"
    log = ServerProcess(tmp_path / "log", "--traces", nobody).start()
    try:
        assert 201 == submit(log.url, json_body(record(1)))
    finally:
        assert 0 == log.terminate()
    assert "spans not sent" in log.stderr
    assert "Traceback" not in log.stderr


def test_a_url_that_is_none_is_refused(tmp_path: Path) -> None:
    done = run_tlog(
        "serve", "--data", tmp_path / "a", "--origin", "a.example", "--traces", "x"
    )
    assert (2, True) == (done.returncode, "--traces: " in done.stderr), done.stderr


def test_without_the_package_it_says_what_to_install(tmp_path: Path) -> None:
    lacking = tmp_path / "lacking" / "opentelemetry"
    lacking.mkdir(parents=True)
    (lacking / "__init__.py").write_text("raise ModuleNotFoundError(name=__name__)\n")
    known = environment()
    known["PYTHONPATH"] = f"{lacking.parent}:{known['PYTHONPATH']}"
    command = [
        *COMMAND,
        "serve",
        "--data",
        str(tmp_path / "a"),
        "--origin",
        "a.example",
    ]
    done = subprocess.run(
        [*command, "--traces", "http://127.0.0.1:1/"],
        env=known,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 2 == done.returncode
    assert "pip install 'tlog-server[otel]'" in done.stderr
