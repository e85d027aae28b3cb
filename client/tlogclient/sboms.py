"""SBOMs as they are logged: which packages they hold, and of which artifact they are.

    CycloneDX   metadata.component.hashes; purl of it and of components[], however deep
    SPDX 2.x    checksums of what the document describes; packages[].externalRefs[]
                whose referenceLocator is a package URL

Pure.  A logged document is the SBOM itself, or a DSSE envelope whose statement has the
SBOM as its predicate.  Nobody's signature is judged here.  Bytes are bounded by the
caller.  What is no package URL is passed over.

Source: CycloneDX 1.6 (JSON); SPDX 2.3, Annex on JSON; in-toto attestation,
`spec/predicates/cyclonedx.md`, `spdx.md`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tlogclient.purls import Purl, parse_purl
from tlogclient.runs import RUN_PREFIX
from tlogverify.attestation.dsse import Envelope
from tlogverify.attestation.members import (
    array_member,
    object_member,
    optional_text,
    parse_object,
    required_text,
)
from tlogverify.attestation.statement import StatementSubject, parse_statement
from tlogverify.errors import FormatError

CYCLONEDX_TYPE: Final = "https://cyclonedx.org/bom"
SPDX_TYPE: Final = "https://spdx.dev/Document"
REFERENCE_TYPE: Final = "https://in-toto.io/attestation/reference/v0.1"
"""The type of a statement that refers to an SBOM by its digest."""
MAX_PACKAGES: Final = 262_144

_SBOM_TYPE: Final = re.compile(
    r"https://cyclonedx\.org/bom(?:/v?1\.[0-9])?"
    r"|https://spdx\.dev/Document(?:/v2\.[0-9])?"
)
_SPDX_VERSION: Final = re.compile(r"SPDX-2\.[0-9]")
_MAX_HASHES: Final = 64
# By hashlib's names.  The weak ones can tell a wrong file, and prove no right one.
_ALGORITHMS: Final = {
    "MD5": "md5",
    "SHA1": "sha1",
    "SHA256": "sha256",
    "SHA384": "sha384",
    "SHA512": "sha512",
}
STRONG: Final = frozenset({"sha256", "sha384", "sha512"})
"""Digests that say which file is meant."""


@dataclass(frozen=True, slots=True)
class Sbom:
    """What an SBOM says.

    described: of each artifact that it is of, the digests that it states, by hashlib's
    names; artifacts without one are left out.  packages: each once, in any order.
    """

    predicate_type: str
    described: tuple[Mapping[str, bytes], ...]
    packages: tuple[Purl, ...]

    @property
    def artifacts(self) -> frozenset[bytes]:
        """The strong digests of what it is of; empty if it states none."""
        return frozenset(
            digest
            for digests in self.described
            for name, digest in digests.items()
            if name in STRONG
        )

    def holds(self, question: Purl) -> bool:
        """Whether a package of it is meant by a question."""
        return any(question.names(it) for it in self.packages)


def is_sbom_type(predicate_type: str | None) -> bool:
    """Whether an entry of this predicate type names an SBOM."""
    return predicate_type is not None and bool(_SBOM_TYPE.fullmatch(predicate_type))


def read_sbom(members: Mapping[str, object]) -> Sbom:
    """Read the members of an SBOM; FormatError for every other document."""
    if members.get("bomFormat") == "CycloneDX":
        return _read_cyclonedx(members)
    version = members.get("spdxVersion")
    if isinstance(version, str) and _SPDX_VERSION.fullmatch(version):
        return _read_spdx(members)
    raise FormatError(
        "an SBOM is CycloneDX JSON (bomFormat) or SPDX 2 JSON (spdxVersion)"
    )


def open_logged_sbom(content: bytes) -> Sbom:
    """Read a document that an entry names as an SBOM: bare, or in an envelope.

    Of an envelope, `described` are the subjects of its statement, without a run.

    Raises FormatError for every other document.
    """
    members = parse_object("an SBOM", content)
    if "payloadType" not in members:
        return read_sbom(members)
    statement = parse_statement(Envelope.parse(content))
    found = read_sbom(statement.predicate)
    described = tuple(
        {"sha256": it.sha256} if it.sha256 is not None else dict(it.longer)
        for it in statement.subjects
        if not _is_run(it)
    )
    return Sbom(found.predicate_type, described, found.packages)


def _is_run(subject: StatementSubject) -> bool:
    """Whether a subject stands for a run of a job beside the artifacts."""
    name = subject.name
    digest = sha256(name.encode("utf-8", "surrogatepass")).digest()
    return name.startswith(RUN_PREFIX) and subject.sha256 == digest


def components_of(members: Mapping[str, object]) -> list[dict[str, object]]:
    """Return all components of a CycloneDX document, in any order.

    These are the one that the document is of, those in it, and those in them.

    Raises FormatError for another document, and above MAX_PACKAGES of them.
    """
    rule = "a CycloneDX document"
    if members.get("bomFormat") != "CycloneDX":
        raise FormatError(f"{rule} has bomFormat CycloneDX", members.get("bomFormat"))
    main = _main_component(members)
    waiting = [*([main] if main else []), *_objects(members, "components")]
    found = []
    while waiting:
        found.append(component := waiting.pop())
        waiting += _objects(component, "components")
        if len(found) + len(waiting) > MAX_PACKAGES:
            raise FormatError(f"{rule} has at most {MAX_PACKAGES} components")
    return found


def packages_of(members: Mapping[str, object]) -> list[dict[str, object]]:
    """Return all packages of an SPDX document.

    Raises FormatError for another document or version, and above MAX_PACKAGES of them.
    """
    rule = "an SPDX document"
    version = required_text(rule, members, "spdxVersion")
    if _SPDX_VERSION.fullmatch(version) is None:
        raise FormatError(f"{rule} is of version 2", version)
    return _objects(members, "packages", MAX_PACKAGES)


def locators_of(package: Mapping[str, object]) -> list[str]:
    """Return the package URLs of an SPDX package, whatever its references call them."""
    locators = (
        optional_text("a reference", it, "referenceLocator")
        for it in _objects(package, "externalRefs")
    )
    return [it for it in locators if it.lower().startswith("pkg:")]


def _read_cyclonedx(members: Mapping[str, object]) -> Sbom:
    purls = dict.fromkeys(
        optional_text("a component", it, "purl") for it in components_of(members)
    )
    stated = _objects(_main_component(members), "hashes", _MAX_HASHES)
    hashes = _digests(stated, "alg", "content")
    return Sbom(CYCLONEDX_TYPE, (hashes,) if hashes else (), _packages(purls))


def _main_component(members: Mapping[str, object]) -> dict[str, object]:
    rule = "a CycloneDX document"
    return object_member(rule, object_member(rule, members, "metadata"), "component")


def _read_spdx(members: Mapping[str, object]) -> Sbom:
    packages, described = packages_of(members), _described(members)
    found = [
        _digests(_objects(it, "checksums", _MAX_HASHES), "algorithm", "checksumValue")
        for it in (*packages, *_objects(members, "files"))
        if optional_text("an element", it, "SPDXID") in described
    ]
    purls = dict.fromkeys(it for package in packages for it in locators_of(package))
    return Sbom(SPDX_TYPE, tuple(it for it in found if it), _packages(purls))


def _described(members: Mapping[str, object]) -> set[str]:
    """Return the ids of what an SPDX document describes, which has three spellings."""
    document = members.get("SPDXID", "SPDXRef-DOCUMENT")
    listed = members.get("documentDescribes")
    found: set[str] = set()
    if isinstance(listed, list):
        found |= {it for it in listed if isinstance(it, str)}
    for it in _objects(members, "relationships"):
        ends = (it.get("spdxElementId"), it.get("relatedSpdxElement"))
        if it.get("relationshipType") == "DESCRIBED_BY":
            ends = ends[::-1]
        elif it.get("relationshipType") != "DESCRIBES":
            continue
        if ends[0] == document and isinstance(ends[1], str):
            found.add(ends[1])
    return found


def _objects(
    members: Mapping[str, object], name: str, most: int = 4 * MAX_PACKAGES
) -> list[dict[str, object]]:
    if members.get(name) is None:
        return []
    return array_member("an SBOM", members, name, most)


def _digests(
    hashes: Iterable[Mapping[str, object]], algorithm: str, value: str
) -> dict[str, bytes]:
    """Return digests by hashlib's names; FormatError for one that is no hex."""
    found: dict[str, bytes] = {}
    for it in hashes:
        stated = optional_text("a hash", it, algorithm).upper().replace("-", "")
        if (name := _ALGORITHMS.get(stated)) is None:
            continue
        digits = optional_text("a hash", it, value)
        if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", digits) is None:
            raise FormatError("a hash of an SBOM is hex", digits)
        found[name] = bytes.fromhex(digits)
    return found


def _packages(purls: Iterable[str]) -> tuple[Purl, ...]:
    # Not sorted: of many, that alone keeps other threads waiting for long.
    found: dict[Purl, None] = {}
    for it in purls:
        try:
            found[parse_purl(it)] = None
        except FormatError:
            continue
    return tuple(found)
