"""Packages of an SBOM: what is denied of them, by name and by licence.

    CycloneDX   of each component: group, name, version, purl,
                licenses[].license.id|name, .expression
    SPDX        of each package: name, versionInfo, package URLs, licenseConcluded,
                licenseDeclared

A package is denied by a package URL or a bare name, with a version or without.  Names
are compared without case, package URLs as everywhere here.  A package without a package
URL is compared by its name alone, so that leaving the URL out hides nothing.

A licence is denied by its SPDX id.  Of `A OR B` one may be chosen; of `A AND B` both
hold.  What is no expression is denied if a denied id stands in it.

Source: CycloneDX 1.6; SPDX 2.3, Annex D.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple
from urllib.parse import unquote

from tlogclient.purls import Purl, parse_purl, plain_pypi_name
from tlogclient.sboms import components_of, locators_of, packages_of
from tlogverify.attestation.members import (
    array_member,
    object_member,
    optional_text,
    required_text,
)
from tlogverify.errors import FormatError

MAX_LICENSES: Final = 256
MAX_EXPRESSION_CHARS: Final = 4_096

_TOKEN: Final = re.compile(r"[()]|[^\s()]+")
_WITH: Final = "with"
_PRECEDENCE: Final = {"or": 1, "and": 2}
_NO_LICENSE: Final = {"", "NOASSERTION", "NONE"}


@dataclass(frozen=True, slots=True)
class Package:
    """One package, as an SBOM has it; "" and () where nothing is said."""

    name: str
    version: str
    purl: str
    licenses: tuple[str, ...]

    @property
    def shown(self) -> str:
        """What people call it."""
        return self.purl or (
            f"{self.name}@{self.version}" if self.version else self.name
        )


class DeniedName(NamedTuple):
    """A package as rules name it; purl: None if that is a bare name."""

    name: str
    version: str
    purl: Purl | None

    @classmethod
    def parse(cls, text: str) -> "DeniedName":
        """Read a package URL or a name, perhaps with @ and a version behind.

        Raises FormatError for what begins as a package URL and is none.
        """
        if text.lower().startswith("pkg:"):
            purl = parse_purl(text)
            return cls(_without_type(purl).rpartition("/")[2], purl.version, purl)
        # An @ in front is of a scope of npm.
        name, _, version = text[1:].rpartition("@")
        name, version = (text[0] + name, version) if name else (text, "")
        return cls(name.strip("/").lower(), version, None)

    def names(self, bare: Collection[str]) -> bool:
        """Whether one of the names that an SBOM gives a package is this one."""
        if self.purl is not None and self.purl.package.startswith("pkg:pypi/"):
            return self.name in map(plain_pypi_name, bare)
        return self.name in bare


def _purl(text: str) -> Purl | None:
    """Return the package URL of a package; None if it has none that is one."""
    try:
        # However long its qualifiers are: they are not compared, and hide nothing.
        return parse_purl(re.split(r"[?#]", text, maxsplit=1)[0])
    except FormatError:
        return None


def _without_type(purl: Purl) -> str:
    return unquote(purl.package.removeprefix("pkg:").partition("/")[2])


def read_cyclonedx(predicate: Mapping[str, object]) -> tuple[Package, ...]:
    """Read all components, however deep they stand; raises FormatError."""
    return tuple(map(_component, components_of(predicate)))


def _component(members: Mapping[str, object]) -> Package:
    rule = "a component"
    group, name = (
        optional_text(rule, members, "group"),
        required_text(rule, members, "name"),
    )
    licenses: list[str] = []
    if members.get("licenses") is not None:
        for choice in array_member(rule, members, "licenses", MAX_LICENSES):
            license_ = object_member("a licence", choice, "license")
            licenses += [optional_text("a licence", choice, "expression")]
            licenses += [
                optional_text("a licence", license_, it) for it in ("id", "name")
            ]
    return Package(
        f"{group}/{name}" if group else name,
        optional_text(rule, members, "version"),
        optional_text(rule, members, "purl"),
        tuple(it for it in licenses if it),
    )


def read_spdx(predicate: Mapping[str, object]) -> tuple[Package, ...]:
    """Read all packages; one with several package URLs stands there for each of them.

    Raises FormatError, also for SPDX 3 and later, and for a document that lists no
    packages: what holds nothing says so.
    """
    packages = packages_of(predicate)
    if predicate.get("packages") is None:
        raise FormatError("an SPDX document has packages")
    return tuple(chain.from_iterable(map(_packages, packages)))


def _packages(members: Mapping[str, object]) -> list[Package]:
    rule = "a package"
    name = required_text(rule, members, "name")
    version = optional_text(rule, members, "versionInfo")
    stated = [
        optional_text(rule, members, it)
        for it in ("licenseConcluded", "licenseDeclared")
    ]
    licenses = tuple(it for it in stated if it not in _NO_LICENSE)
    purls = locators_of(members) or [""]
    return [Package(name, version, purl, licenses) for purl in purls]


def find_denied(packages: Iterable[Package], denied: Collection[str]) -> list[Package]:
    """Return the packages that one of the names denies."""
    names = [DeniedName.parse(it) for it in denied]
    return [it for it in packages if _is_denied_name(it, names)] if names else []


def _is_denied_name(package: Package, denied: Sequence[DeniedName]) -> bool:
    plain = package.name.strip("/").lower()
    bare, versions = {plain, plain.rpartition("/")[2]}, {package.version}
    purl = _purl(package.purl)
    if purl is not None:
        versions.add(purl.version)
        whole = _without_type(purl)
        bare |= {whole, whole.rpartition("/")[2]}
    for it in denied:
        if it.purl is not None and purl is not None:
            is_named = it.purl.package == purl.package
        else:
            # Without a package URL there is no type and no namespace to be compared.
            is_named = it.names(bare)
        if is_named and (not it.version or it.version in versions or versions == {""}):
            return True
    return False


def find_licensed(
    packages: Iterable[Package], denied: Collection[str]
) -> list[Package]:
    """Return the packages whose licence is denied."""
    ids = {it.lower() for it in denied}
    # An SBOM has few expressions, each of them thousands of times.
    judged: dict[str, bool] = {}
    found = []
    for package in packages:
        for text in package.licenses:
            if text not in judged:
                judged[text] = is_license_denied(text, ids)
        if any(judged[text] for text in package.licenses):
            found.append(package)
    return found


def is_license_denied(expression: str, denied: Collection[str]) -> bool:
    """Tell whether a licence may not be used; denied: ids in lower case."""
    tokens = _TOKEN.findall(expression.lower())
    if expression.lower() in denied:
        return True
    if len(expression) > MAX_EXPRESSION_CHARS:
        return any(_is_denied(it, denied) for it in tokens)
    verdict = _evaluate(tokens, denied)
    if verdict is None:
        return any(_is_denied(it, denied) for it in tokens)
    return verdict


def _is_denied(token: str, denied: Collection[str]) -> bool:
    return token in denied or token.removesuffix("+") in denied


def _evaluate(tokens: list[str], denied: Collection[str]) -> bool | None:
    """Return whether an expression is denied; None if it is none.

    AND binds more tightly than OR; an exception behind WITH allows nothing.
    """
    values: list[bool] = []
    operators: list[str] = []
    is_operand_next = True
    for word in _without_exceptions(tokens):
        is_operand = word not in _PRECEDENCE and word != ")"
        if is_operand != is_operand_next:
            return None
        if word == "(":
            operators.append(word)
            continue
        if is_operand:
            values.append(_is_denied(word, denied))
        else:
            _reduce(values, operators, _PRECEDENCE.get(word, 0))
            if word != ")":
                operators.append(word)
            elif not operators:
                return None
            else:
                operators.pop()
        is_operand_next = word in _PRECEDENCE
    if is_operand_next:
        return None
    _reduce(values, operators, 0)
    return None if operators else values[0]


def _without_exceptions(tokens: list[str]) -> list[str]:
    """Return the tokens without each WITH and what follows it."""
    before = ["", *tokens]
    return [it for number, it in enumerate(tokens) if _WITH not in (it, before[number])]


def _reduce(values: list[bool], operators: list[str], precedence: int) -> None:
    """Apply the operators down to a bracket that bind as tightly, or more."""
    while operators and _PRECEDENCE.get(operators[-1], -1) >= max(precedence, 1):
        right, left = values.pop(), values.pop()
        is_choice = operators.pop() == "or"
        values.append(left and right if is_choice else left or right)
