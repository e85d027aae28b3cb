"""The OpenAPI document promises exactly what the router and the problems table do."""

from pathlib import Path

import pytest
from aiohttp import web
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.support.openapi import DOCUMENT, operations, tokens
from tests.support.running import log_settings
from tlog.http.problems import INTERNAL, ROUTING
from tlog.log.api.problems import LOG_ROWS, KnownEntryError
from tlog.log.api.routes import build_app
from tlog.log.opening import open_log


def routes(app: web.Application) -> set[tuple[str, str]]:
    found = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None
    }
    return {(method, path) for method, path in found if method != "HEAD"}


def test_the_document_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(DOCUMENT).validate()


@pytest.mark.parametrize("prefix", ["", "/log"])
async def test_its_operations_are_the_routes(tmp_path: Path, prefix: str) -> None:
    # Sigstore's clients are served at the root of a host alone.
    changes = {"prefix": prefix} if prefix else {"sigstore": True, "origin": "a.test"}
    log = open_log(log_settings(tmp_path, documents=True, **changes))
    log.start(lambda: None)
    try:
        expected = {(method, prefix + path) for method, path in operations()}
        if prefix:
            expected = {it for it in expected if "/api/v2/" not in it[1]}
        else:
            # A second spelling, which is nobody's to choose.
            expected.add(("POST", "//api/v2/log/entries"))
        assert expected == routes(build_app(log))
    finally:
        log.close()


# A Sigstore client reads no problem document.
OF_THE_LOG = [
    *(problem for kind, problem in LOG_ROWS.items() if kind is not KnownEntryError),
    *ROUTING.values(),
    INTERNAL,
]


def test_its_tokens_are_those_of_the_problems_table() -> None:
    assert {problem.token for problem in OF_THE_LOG} == tokens()


def test_every_problem_has_an_example_under_its_status() -> None:
    shown: set[tuple[int, str]] = set()
    responses = [
        response
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
        for response in operation["responses"].values()
    ]
    for response in [*responses, *DOCUMENT["components"]["responses"].values()]:
        content = response.get("content", {}).get("application/problem+json", {})
        for token, example in content.get("examples", {}).items():
            assert token == example["value"]["type"]
            shown.add((example["value"]["status"], token))
    # No operation has a method beside its own.
    elsewhere = {(408, "slow-body"), (405, "method-not-allowed")}
    expected = {(problem.status, problem.token) for problem in OF_THE_LOG}
    assert expected == shown | elsewhere


def test_every_operation_has_its_own_id_and_a_summary() -> None:
    found = [it for item in DOCUMENT["paths"].values() for it in item.values()]
    assert len(found) == len({operation["operationId"] for operation in found})
    assert all(operation["summary"] for operation in found)
