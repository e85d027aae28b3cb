"""What SBOMs say, read; and what is none."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.support.cases import case
from tests.tlogclient.boms import CYCLONEDX, SPDX, cyclonedx, enveloped, spdx
from tlogclient.purls import parse_purl
from tlogclient.sboms import is_sbom_type, open_logged_sbom, read_sbom
from tlogverify.errors import FormatError

APP = b"an artifact"
PURLS = ("pkg:pypi/Foo_Bar@1.2", "pkg:npm/%40a/b@3", "no package url", "")
FOUND = ["pkg:npm/%40a/b@3", "pkg:pypi/foo-bar@1.2"]


def test_both_kinds_say_what_they_hold_and_what_they_are_of() -> None:
    for kind, document in {
        CYCLONEDX: cyclonedx(APP, *PURLS),
        SPDX: spdx(APP, *PURLS),
    }.items():
        with case(kind):
            found = read_sbom(document)
            assert kind == found.predicate_type
            assert FOUND == sorted(it.encode() for it in found.packages)
            assert frozenset([hashlib.sha256(APP).digest()]) == found.artifacts
            assert found.holds(parse_purl("pkg:pypi/foo.bar"))
            assert not found.holds(parse_purl("pkg:generic/the-tool"))
            assert found == open_logged_sbom(json.dumps(document).encode())
    assert () == read_sbom(cyclonedx(None)).described
    assert () == read_sbom(spdx(None)).described


def test_components_are_found_however_deep_they_stand() -> None:
    inner: dict[str, Any] = {"name": "inner", "purl": "pkg:cargo/inner@1"}
    for number in range(50):
        inner = {"name": "outer", "components": [inner, {"name": str(number)}]}
    document = cyclonedx(None, components=[inner])
    document["metadata"]["component"]["purl"] = "pkg:oci/app@1"
    assert ["pkg:cargo/inner@1", "pkg:oci/app@1"] == sorted(
        it.encode() for it in read_sbom(document).packages
    )


def test_every_spelling_of_what_spdx_describes_is_read() -> None:
    reverse = {
        "spdxElementId": "SPDXRef-app",
        "relationshipType": "DESCRIBED_BY",
        "relatedSpdxElement": "SPDXRef-DOCUMENT",
    }
    other = {**reverse, "relationshipType": "CONTAINS"}
    file = {
        "SPDXID": "SPDXRef-file",
        "checksums": [{"algorithm": "SHA512", "checksumValue": "ab" * 64}],
    }
    digest = hashlib.sha256(APP).digest()
    for what, changes, expected in (
        ("listed", {"documentDescribes": ["SPDXRef-app"], "relationships": []}, digest),
        ("reverse", {"relationships": [reverse]}, digest),
        ("another relation", {"relationships": [other]}, None),
        (
            "a file",
            {
                "documentDescribes": ["SPDXRef-file"],
                "relationships": [],
                "files": [file],
            },
            bytes.fromhex("ab" * 64),
        ),
    ):
        with case(what):
            found = read_sbom(spdx(APP, **changes)).artifacts
            assert frozenset([] if expected is None else [expected]) == found


def test_an_envelope_says_which_artifact_it_is_of() -> None:
    document = cyclonedx(None, *PURLS)
    found = open_logged_sbom(enveloped(document, APP))
    assert (FOUND, frozenset([hashlib.sha256(APP).digest()])) == (
        sorted(it.encode() for it in found.packages),
        found.artifacts,
    )


def test_what_is_no_sbom_is_refused() -> None:
    document = cyclonedx(APP)
    wrong = {"alg": "SHA-256", "content": "xyz"}
    for what, content in {
        "no JSON": b"no",
        "another document": b"{}",
        "SPDX 3": json.dumps({"spdxVersion": "SPDX-3.0"}).encode(),
        "an envelope of something else": enveloped({"a": 1}, APP),
        "components of no objects": json.dumps(
            {**document, "components": [1]}
        ).encode(),
        "a hash of no hex": json.dumps(
            {**document, "metadata": {"component": {"hashes": [wrong]}}}
        ).encode(),
        "a member twice": b'{"bomFormat":"CycloneDX","bomFormat":"CycloneDX"}',
    }.items():
        with case(what), pytest.raises(FormatError):
            open_logged_sbom(content)


WRONG: list[Any] = [None, 1, 1.5, True, "x", "pkg:a/\ud800", [], {}, [[]], {"a": {}}]


def changed(value: Any, wrong: object) -> Iterator[Any]:
    """Return a document again and again, with one value in it replaced."""
    yield wrong
    if isinstance(value, dict):
        for name, inner in value.items():
            for it in changed(inner, wrong):
                yield {**value, name: it}
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            for it in changed(inner, wrong):
                yield [*value[:number], it, *value[number + 1 :]]


def test_whatever_stands_in_it_a_document_is_read_or_refused() -> None:
    listed = {"documentDescribes": ["SPDXRef-app"], "files": [{"SPDXID": "a"}]}
    documents = [cyclonedx(APP, *PURLS), spdx(APP, *PURLS, **listed)]
    count = 0
    for document in documents:
        for wrong in WRONG:
            for it in changed(document, wrong):
                for content in (json.dumps(it).encode(), enveloped(it, APP)):
                    count += 1
                    with case(content.decode()), suppress(FormatError):
                        open_logged_sbom(content)
    assert count > 1_000


def test_predicate_types_of_sboms_are_known() -> None:
    for name, expected in {
        CYCLONEDX: True,
        f"{CYCLONEDX}/v1.4": True,
        SPDX: True,
        f"{SPDX}/v2.3": True,
        f"{SPDX}s": False,
        "https://slsa.dev/provenance/v1": False,
        None: False,
    }.items():
        with case(name or "no type"):
            assert expected == is_sbom_type(name)
