"""The OpenAPI document as a judge: is this answer one that it promises?"""

import json
import re
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from openapi_schema_validator import OAS31Validator

from tests.support.http import Answer

DOCUMENT: dict[str, Any] = json.loads(
    files("tlog.log.api").joinpath("openapi.json").read_text()
)


def require_documented(method: str, target: str, answer: Answer) -> None:
    """Assert that status, media type and JSON body are what the document says."""
    path = urlsplit(target).path
    operations = _operations(path)
    if not operations:
        assert answer.status == 404
        _require_schema({"$ref": "#/components/schemas/Problem"}, answer.json())
        return
    operation = operations.get("get" if method == "HEAD" else method.lower())
    if operation is None:
        assert answer.status == 405
        _require_schema({"$ref": "#/components/schemas/Problem"}, answer.json())
        return
    response = _resolved(operation["responses"][str(answer.status)])
    content = response.get("content")
    if content is None or method == "HEAD":
        return
    schema = content[answer.media_type]["schema"]
    if "json" in answer.media_type:
        _require_schema(schema, answer.json())


def tokens() -> set[str]:
    """Return the type tokens that the document names."""
    return set(
        DOCUMENT["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    )


def operations() -> set[tuple[str, str]]:
    """Return the method and path of every operation."""
    return {
        (method.upper(), path)
        for path, item in DOCUMENT["paths"].items()
        for method in item
    }


def _operations(path: str) -> dict[str, Any]:
    for template, item in DOCUMENT["paths"].items():
        inner = ".+" if "/tile/" in template else "[^/]+"
        pattern = re.sub(r"\{\w+\}", inner, template)
        if re.fullmatch(pattern, path):
            found: dict[str, Any] = item
            return found
    return {}


def _resolved(value: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in value:
        return value
    found: Any = DOCUMENT
    for name in value["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return _resolved(found)


def _require_schema(schema: dict[str, Any], value: Any) -> None:
    whole = {**schema, "components": DOCUMENT["components"]}
    errors = [error.message for error in OAS31Validator(whole).iter_errors(value)]
    assert errors == []
