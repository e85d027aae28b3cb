"""Names, versions and licences of packages, by tables and by a textbook's recursion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import in_one_test
from tests.tlogverify.strategies import thorough
from tlog.rules.packages import (
    MAX_EXPRESSION_CHARS,
    Package,
    find_denied,
    is_license_denied,
    read_cyclonedx,
    read_spdx,
)
from tlogverify.errors import FormatError

LOG4J = "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1?type=jar"


@in_one_test(
    ("package", "denied", "is_denied"),
    [
        (Package("log4j-core", "", LOG4J, ()), LOG4J, True),
        (Package("log4j-core", "", LOG4J, ()), LOG4J.replace("?type=jar", ""), True),
        (Package("log4j-core", "", LOG4J, ()), LOG4J.replace("2.14.1", "2"), False),
        (Package("log4j-core", "", LOG4J, ()), LOG4J.replace("org.", "com."), False),
        (Package("log4j-core", "", LOG4J, ()), "log4j-core", True),
        (Package("log4j-core", "", LOG4J, ()), "LOG4J-core@2.14.1", True),
        (Package("log4j-core", "", LOG4J, ()), "log4j-core@2.14.2", False),
        (Package("log4j-core", "", LOG4J, ()), "log4j", False),
        (Package("renamed", "", LOG4J, ()), "log4j-core", True),
        (Package("log4j-core", "2.14.1", "", ()), LOG4J, True),
        (Package("org/log4j-core", "2.14.1", "", ()), LOG4J, True),
        (Package("org/log4j-core", "2.14.2", "", ()), LOG4J, False),
        (Package("log4j-core", "", "", ()), LOG4J, True),
        (Package("a", "1", "pkg:npm/%40b/a@1", ()), "pkg:npm/@b/a", True),
        (Package("a", "1", "pkg:npm/%40b/a@1", ()), "@b/a@1", True),
        (Package("@b/a", "1", "", ()), "@b/a", True),
        (Package("a", "1", "pkg:npm/%40b/a@1", ()), "pkg:npm/a", False),
        (Package("a", "1", "pkg:pypi/Some_Thing@1", ()), "pkg:pypi/some-thing", True),
        (Package("Some_Thing", "1", "", ()), "pkg:pypi/some.thing@1", True),
        (Package("Some_Thing", "1", "", ()), "pkg:npm/some-thing", False),
        (Package("a", "1", "pkg:npm/b@1?x=" + "y" * 9999, ()), "pkg:npm/b", True),
        (Package("a", "1", "pkg:npm", ()), "pkg:npm/a", True),
        (Package("a", "1", "pkg:npm", ()), "pkg:npm/b", False),
        (Package("a", "1", "pkg:npm/a@1#sub", ()), "pkg:npm/a@1", True),
        (Package("a", "1", "PKG:npm/a@1", ()), "pkg:npm/a@1", True),
        (Package("a", "1", "pkg:npm/a@1", ()), "pkg:gem/a", False),
    ],
)
def test_a_package_is_denied_by_url_or_name(
    package: Package, denied: str, is_denied: bool
) -> None:
    assert is_denied == bool(find_denied([package], [denied]))


@in_one_test(
    ("expression", "is_denied"),
    [
        ("MIT", False),
        ("gpl-3.0-ONLY", True),
        ("GPL-3.0-only+", True),
        ("MIT OR GPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", True),
        ("(MIT OR GPL-3.0-only) AND Apache-2.0", False),
        ("(MIT AND GPL-3.0-only) OR AGPL-3.0-only", True),
        ("MIT AND (BSD-3-Clause OR GPL-3.0-only)", False),
        ("GPL-3.0-only WITH Classpath-exception-2.0", True),
        ("GPL-3.0-only WITH x OR MIT", False),
        ("MIT OR", False),
        ("GPL-3.0-only OR", True),
        ("OR GPL-3.0-only", True),
        ("(MIT OR GPL-3.0-only", True),
        ("MIT OR GPL-3.0-only)", True),
        ("MIT GPL-3.0-only", True),
        ("MIT OR () GPL-3.0-only", True),
        ("()", False),
        ("", False),
        ("a free name", True),
    ],
)
def test_a_licence_is_denied_if_no_choice_is_left(
    expression: str, is_denied: bool
) -> None:
    denied = {"gpl-3.0-only", "agpl-3.0-only", "a free name"}
    assert is_denied == is_license_denied(expression, denied)


def test_a_long_expression_is_denied_by_any_id() -> None:
    many = "MIT OR " * MAX_EXPRESSION_CHARS + "GPL"
    assert is_license_denied(many, {"gpl"})
    assert not is_license_denied(many, {"agpl"})
    assert not is_license_denied("(" * 2_000 + "MIT OR GPL" + ")" * 2_000, {"gpl"})


Tree = str | tuple[str, "Tree", "Tree"]
trees: st.SearchStrategy[Tree] = st.recursive(
    st.sampled_from(["MIT", "GPL", "AGPL"]),
    lambda it: st.tuples(st.sampled_from(["AND", "OR"]), it, it),
    max_leaves=8,
)


def spelled(tree: Tree) -> str:
    if isinstance(tree, str):
        return tree
    return f"({spelled(tree[1])} {tree[0]} {spelled(tree[2])})"


def is_forbidden(tree: Tree) -> bool:
    if isinstance(tree, str):
        return tree != "MIT"
    left, right = is_forbidden(tree[1]), is_forbidden(tree[2])
    return left and right if tree[0] == "OR" else left or right


@thorough
@given(trees)
def test_expressions_are_read_as_a_textbook_does(tree: Tree) -> None:
    assert is_forbidden(tree) == is_license_denied(spelled(tree), {"gpl", "agpl"})


def test_components_are_read_however_deep_they_stand() -> None:
    inner: dict[str, object] = {"name": "deepest"}
    for _ in range(200):
        inner = {"name": "a", "components": [inner]}
    document = {
        "bomFormat": "CycloneDX",
        "metadata": {"component": {"name": "itself", "group": "g"}},
        "components": [inner],
    }
    names = [it.name for it in read_cyclonedx(document)]
    assert (202, True, True) == (len(names), "g/itself" in names, "deepest" in names)


@pytest.mark.parametrize(
    "document",
    [
        {"bomFormat": "CycloneDX", "components": 1},
        {"bomFormat": "CycloneDX", "components": [{}]},
        {"bomFormat": "CycloneDX", "components": [{"name": "a", "licenses": [1]}]},
        {"bomFormat": "CycloneDX", "components": [{"name": "a", "purl": 1}]},
    ],
)
def test_a_document_that_is_not_read_whole_is_refused(
    document: dict[str, object],
) -> None:
    with pytest.raises(FormatError):
        read_cyclonedx(document)


def test_each_package_url_of_an_spdx_package_is_compared() -> None:
    """Whatever its reference calls it: a denied one must not hide behind another."""
    references = [
        {"referenceType": kind, "referenceLocator": locator}
        for kind, locator in (
            ("purl", "pkg:npm/good@1"),
            ("cpe23Type", "cpe:2.3:a:x"),
            ("other", "PKG:npm/evil@2"),
        )
    ]
    document = {
        "spdxVersion": "SPDX-2.3",
        "packages": [{"name": "good", "versionInfo": "1", "externalRefs": references}],
    }
    found = read_spdx(document)
    assert ["pkg:npm/good@1", "PKG:npm/evil@2"] == [it.purl for it in found]
    assert ["PKG:npm/evil@2"] == [
        it.purl for it in find_denied(found, ["pkg:npm/evil@2"])
    ]


@pytest.mark.parametrize("packages", [None, 1, [1], [{}], [{"name": 1}]])
def test_an_spdx_document_has_packages_with_names(packages: object) -> None:
    with pytest.raises(FormatError):
        read_spdx({"spdxVersion": "SPDX-2.3", "packages": packages})
