"""Severities as scanners spell them, and the products of VEX documents."""

from typing import Any

import pytest

from tests.support.cases import in_one_test
from tests.tlog.rules.workshop import vex
from tlog.rules.scans import Vulnerability, read_scan, read_vex, remaining
from tlogverify.errors import FormatError

SHA256 = bytes(range(32))
HEX = SHA256.hex()


@in_one_test(
    ("severity", "expected"),
    [
        ([{"method": "nvd", "score": "medium"}], "medium"),
        ([{"method": "nvd", "score": "MODERATE"}], "medium"),
        ([{"method": "nvd", "score": "Important"}], "high"),
        ([{"method": "nvd", "score": "negligible"}], "low"),
        ([{"method": "cvss", "score": "0"}], "none"),
        ([{"method": "cvss", "score": "0.1"}], "low"),
        ([{"method": "cvss", "score": "3.9"}], "low"),
        ([{"method": "cvss", "score": "4.0"}], "medium"),
        ([{"method": "cvss", "score": "6.9"}], "medium"),
        ([{"method": "cvss", "score": 7}], "high"),
        ([{"method": "cvss", "score": 8.9}], "high"),
        ([{"method": "cvss", "score": "9"}], "critical"),
        ([{"method": "cvss", "score": "10.0"}], "critical"),
        ([{"method": "cvss", "score": "10.1"}], "unknown"),
        ([{"method": "cvss", "score": "-1"}], "unknown"),
        ([{"method": "cvss", "score": "٣"}], "unknown"),
        ([{"method": "cvss", "score": True}], "unknown"),
        ([{"method": "EPSS", "score": "0.2"}], "unknown"),
        ([{"method": "a", "score": "CVSS:3.1/AV:N"}], "unknown"),
        ([], "unknown"),
        (None, "unknown"),
        ({"method": "nvd", "score": "low"}, "low"),
        (
            [
                {"method": "nvd", "score": "low"},
                {"method": "cvss_score", "score": "9.8"},
                {"method": "epss", "score": "0.01"},
            ],
            "critical",
        ),
    ],
)
def test_the_highest_severity_that_is_known_counts(
    severity: object, expected: str
) -> None:
    member = {"id": "CVE-1", "severity": severity}
    for result in (member, {"vulnerability": member}):
        found = read_scan({"scanner": {"result": [result]}})
        assert (Vulnerability("CVE-1", expected),) == found


def test_what_is_unknown_is_above_every_level() -> None:
    above = {
        (severity, level)
        for severity in ("low", "high", "unknown")
        for level in ("none", "low", "critical")
        if Vulnerability("a", severity).is_above(level)
    }
    expected = {("low", "none"), ("high", "none"), ("high", "low")}
    assert expected | {("unknown", it) for it in ("none", "low", "critical")} == above


@pytest.mark.parametrize(
    "predicate",
    [
        {},
        {"scanner": {}},
        {"scanner": {"result": None}},
        {"scanner": {"result": [1]}},
        {"scanner": {"result": [{}]}},
        {"scanner": {"result": [{"id": 1}]}},
        {"scanner": {"result": [{"id": "a", "severity": "high"}]}},
    ],
)
def test_a_scan_that_does_not_say_what_it_found_is_refused(
    predicate: dict[str, object],
) -> None:
    with pytest.raises(FormatError):
        read_scan(predicate)


@pytest.mark.parametrize(
    ("products", "is_of"),
    [
        (None, True),
        ([], False),
        ([{"hashes": {"sha-256": HEX}}], True),
        ([{"hashes": {"sha-256": "ab" * 32}}], False),
        ([{"@id": f"pkg:oci/app@sha256%3A{HEX}?tag=1"}], True),
        ([{"@id": f"pkg:oci/app@sha256:{HEX}0"}], False),
        ([{"@id": "pkg:oci/app"}], False),
        ([{"identifiers": {"purl": f"pkg:oci/app@sha256:{HEX}"}}], True),
        ([f"pkg:oci/app@sha256:{HEX}"], True),
        ([{"@id": "pkg:oci/other"}, {"hashes": {"sha-256": HEX}}], True),
        ([{"hashes": {"sha-256": HEX}, "subcomponents": [{"@id": "a"}]}], False),
    ],
)
def test_a_vex_statement_is_of_the_products_that_it_names(
    products: object, is_of: bool
) -> None:
    more: dict[str, Any] = {} if products is None else {"products": products}
    assert is_of == bool(read_vex(vex("CVE-1", "fixed", **more), SHA256))


@pytest.mark.parametrize("name", ["CVE-1", "GHSA-1", "https://a.example/CVE-1"])
def test_a_vulnerability_has_several_names(name: str) -> None:
    document = vex("CVE-1", "fixed")
    named = {"name": "CVE-1", "@id": "https://a.example/CVE-1", "aliases": ["GHSA-1"]}
    document["statements"] = [{"vulnerability": named, "status": "fixed"}]
    found = (Vulnerability(name, "high"),)
    assert () == remaining(found, read_vex(document, SHA256))
    older = {"vulnerability": name, "status": "fixed"}
    assert () == remaining(found, read_vex(document | {"statements": [older]}, SHA256))


@pytest.mark.parametrize(
    "change",
    [
        {"status": "harmless"},
        {"status": "not_affected"},
        {"timestamp": "soon"},
        {"vulnerability": 1},
        {"vulnerability": {"name": "a", "aliases": "b"}},
        {"products": "a"},
        {"products": [1]},
    ],
)
def test_a_vex_document_that_is_not_read_whole_is_refused(
    change: dict[str, object],
) -> None:
    document = vex("CVE-1", "fixed")
    read_vex(document, SHA256)
    (statement,) = document["statements"]
    with pytest.raises(FormatError):
        read_vex(document | {"statements": [{**statement, **change}]}, SHA256)


def test_of_two_words_at_one_time_the_worse_counts() -> None:
    document = vex("CVE-1", "fixed")
    words = [{"vulnerability": "CVE-1", "status": it} for it in ("fixed", "affected")]
    found = (Vulnerability("CVE-1", "high"),)
    for statements in (words, words[::-1]):
        told = read_vex(document | {"statements": statements}, SHA256)
        assert found == remaining(found, told)
