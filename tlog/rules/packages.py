"""Packages of an SBOM: what is denied of them, by name and by licence.

    CycloneDX   metadata.component, components[] with components[] in them:
                group, name, version, purl, licenses[].license.id|name, .expression
    SPDX        packages[]: name, versionInfo, externalRefs[].referenceLocator of type
                purl, licenseConcluded, licenseDeclared

A package is denied by a package URL or a bare name, with a version or without.  A
package URL's qualifiers and subpath are passed over.  Names are compared without case.
A package without a package URL is compared by its name alone, so that leaving the URL
out hides nothing.

A licence is denied by its SPDX id.  Of `A OR B` one may be chosen; of `A AND B` both
hold.  What is no expression is denied if a denied id stands in it.

Source: CycloneDX 1.6; SPDX 2.3, Annex D; package-url, PURL-SPECIFICATION.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from tlogverify.attestation.members import (
    array_member,
    object_member,
    optional_text,
    required_text,
)
from tlogverify.errors import FormatError

MAX_PACKAGES: Final = 262_144
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


@dataclass(frozen=True, slots=True)
class PackageName:
    """A package as rules or an SBOM name it; is_purl: with its kind and namespace."""

    name: str
    version: str
    is_purl: bool

    @classmethod
    def parse(cls, text: str) -> "PackageName":
        """Read a package URL or a name, perhaps with @ and a version behind."""
        if not text.lower().startswith("pkg:"):
            name, _, version = text[1:].rpartition("@")
            if name:
                return cls(_plain(text[0] + name), version, False)
            return cls(_plain(text), "", False)
        body = re.split(r"[?#]", text[4:].lstrip("/"), maxsplit=1)[0]
        above, _, last = body.rpartition("/")
        name, _, version = last.partition("@")
        whole = _plain(unquote(f"{above}/{name}"))
        if whole.startswith("pypi/"):
            whole = re.sub(r"[-_.]+", "-", whole)
        return cls(whole, unquote(version), True)

    @property
    def last(self) -> str:
        """The name without its kind and namespace."""
        return self.name.rpartition("/")[2]


def _plain(text: str) -> str:
    return text.strip("/").lower()


def read_cyclonedx(predicate: Mapping[str, object]) -> tuple[Package, ...]:
    """Read all components, however deep they stand; raises FormatError."""
    rule = "a CycloneDX document"
    if predicate.get("bomFormat") != "CycloneDX":
        raise FormatError(f"{rule} has bomFormat CycloneDX", predicate.get("bomFormat"))
    metadata = object_member(rule, predicate, "metadata")
    waiting = [*_components(predicate)]
    if metadata.get("component") is not None:
        waiting.append(object_member(rule, metadata, "component"))
    found = []
    while waiting:
        members = waiting.pop()
        found.append(_component(members))
        waiting += _components(members)
        if len(found) + len(waiting) > MAX_PACKAGES:
            raise FormatError(f"{rule} has at most {MAX_PACKAGES} components")
    return tuple(found)


def _components(members: Mapping[str, object]) -> list[dict[str, object]]:
    if members.get("components") is None:
        return []
    return array_member("a component", members, "components", MAX_PACKAGES)


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
    """Read all packages; raises FormatError, also for SPDX 3 and later."""
    rule = "an SPDX document"
    version = required_text(rule, predicate, "spdxVersion")
    if re.fullmatch(r"SPDX-2\.[0-9]", version) is None:
        raise FormatError(f"{rule} is of version 2", version)
    return tuple(map(_package, array_member(rule, predicate, "packages", MAX_PACKAGES)))


def _package(members: Mapping[str, object]) -> Package:
    rule = "a package"
    purls = []
    if members.get("externalRefs") is not None:
        for it in array_member(rule, members, "externalRefs", MAX_PACKAGES):
            locator = optional_text("a reference", it, "referenceLocator")
            if locator.lower().startswith("pkg:"):
                purls.append(locator)
    licenses = [
        optional_text(rule, members, it)
        for it in ("licenseConcluded", "licenseDeclared")
    ]
    return Package(
        required_text(rule, members, "name"),
        optional_text(rule, members, "versionInfo"),
        purls[0] if purls else "",
        tuple(it for it in licenses if it not in _NO_LICENSE),
    )


def find_denied(packages: Iterable[Package], denied: Collection[str]) -> list[Package]:
    """Return the packages that one of the names denies."""
    names = [PackageName.parse(it) for it in denied]
    return [it for it in packages if _is_denied_name(it, names)] if names else []


def _is_denied_name(package: Package, denied: Sequence[PackageName]) -> bool:
    plain, versions = _plain(package.name), {package.version}
    bare, url = {plain, plain.rpartition("/")[2]}, ""
    if package.purl:
        found = PackageName.parse(package.purl)
        versions.add(found.version)
        bare |= {found.last, found.name.partition("/")[2]}
        url = found.name
    for name in denied:
        if not name.is_purl:
            is_named = name.name in bare
        elif url:
            is_named = name.name == url
        else:
            # Without a package URL there is no kind and no namespace to be compared.
            is_named = name.last in bare
        if is_named and (
            not name.version or name.version in versions or versions == {""}
        ):
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
