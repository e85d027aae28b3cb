"""Package URLs: what spellings are one package, and what is none."""

import pytest

from tests.support.cases import case
from tlogclient.purls import Purl, parse_purl, parse_question
from tlogverify.errors import FormatError

# Written down by hand from the specification's rules: no code is shared.
FORMS = {
    "pkg:pypi/requests@2.31.0": ("pkg:pypi/requests", "2.31.0"),
    "pkg:pypi/Foo_Bar.baz@1.0": ("pkg:pypi/foo-bar-baz", "1.0"),
    "PKG:PyPI/foo--bar": ("pkg:pypi/foo-bar", ""),
    "pkg://npm/%40angular/animation@12.3.1": ("pkg:npm/%40angular/animation", "12.3.1"),
    "pkg:npm/@angular/animation@12.3.1": ("pkg:npm/%40angular/animation", "12.3.1"),
    "pkg:npm/@angular/animation": ("pkg:npm/%40angular/animation", ""),
    "pkg:npm/@angular": ("pkg:npm/%40angular", ""),
    "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie": (
        "pkg:deb/debian/curl",
        "7.50.3-1",
    ),
    "pkg:golang/google.golang.org/genproto#googleapis/api": (
        "pkg:golang/google.golang.org/genproto",
        "",
    ),
    "pkg:oci/app@sha256%3Aab?tag=1.2": ("pkg:oci/app", "sha256:ab"),
    "pkg:maven/org.apache/Commons-IO@1.3%2B4": (
        "pkg:maven/org.apache/commons-io",
        "1.3+4",
    ),
    "pkg:generic/a%20b@1": ("pkg:generic/a%20b", "1"),
}


def test_spellings_of_one_package_are_equal() -> None:
    for text, (package, version) in FORMS.items():
        with case(text):
            found = parse_purl(text)
            assert Purl(package, version) == found
            assert found == parse_purl(found.encode())


def test_what_is_no_package_url_is_refused() -> None:
    for text in (
        "",
        "requests",
        "pkg:",
        "pkg:pypi",
        "pkg:pypi/",
        "pkg:/name",
        "pkg:1x/name",
        "pkg:py pi/name",
        "http://pypi/requests",
        "pkg:pypi/\udc80",
        "pkg:pypi/" + "a" * 2_048,
    ):
        with case(text), pytest.raises(FormatError):
            parse_purl(text)
    for text in ("pkg:pypi/a?b=c", "pkg:pypi/a#b"):
        with case(text), pytest.raises(FormatError, match="without qualifiers"):
            parse_question(text)


def test_a_question_without_a_version_means_every_one() -> None:
    found = parse_purl("pkg:pypi/foo@1.2?extension=whl")
    for text, is_meant in {
        "pkg:pypi/foo": True,
        "pkg:pypi/Foo@1.2": True,
        "pkg:pypi/foo@1.20": False,
        "pkg:pypi/foo2@1.2": False,
        "pkg:npm/foo@1.2": False,
    }.items():
        with case(text):
            assert is_meant == parse_question(text).names(found)
