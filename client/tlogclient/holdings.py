"""What an answer about a package proves: SBOMs that hold it, and of which artifacts.

Pure.  A holding is proven in four steps: the page's checkpoint satisfies the policy, an
entry of an SBOM's predicate type leads to its root, the document has the digest that
the entry names, and the document itself holds the package and is of an artifact that
the entry names.  Who signed the document is not judged.  That no SBOM was left out is
the log's word, and it says itself of how many it knows nothing.

Source: this project's `docs/http.md`, "Documents".
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from tlogclient.answers import open_head
from tlogclient.attested import Attestation, open_attestation, open_document
from tlogclient.findings import read_paging
from tlogclient.purls import Purl
from tlogclient.sboms import Sbom, is_sbom_type, open_logged_sbom
from tlogclient.strictjson import (
    parse_json,
    read_array,
    read_members,
    read_size,
    read_text,
)
from tlogverify import Policy, Record
from tlogverify.errors import VerificationError

_PAGE: Final = frozenset({"checkpoint", "unread", "hits", "next"})


@dataclass(frozen=True, slots=True)
class Holding:
    """An SBOM that holds what was asked for.

    attestation: the proven entry that names it.  artifacts: SHA-256 of what it is of.
    packages: those in it that were asked for.
    """

    attestation: Attestation
    artifacts: tuple[bytes, ...]
    packages: tuple[Purl, ...]


@dataclass(frozen=True, slots=True)
class HoldingResult:
    """All that was found about a package, ascending by index.

    withheld: proven entries of SBOMs that the log says hold it, and whose documents it
    did not give: they may hold it or not.  unread: how many stored SBOMs the log says
    that it knows nothing of.  next: where to go on if a limit cut this short, or None.
    """

    holdings: tuple[Holding, ...]
    withheld: tuple[Attestation, ...]
    unread: int
    next: int | None = None


class HoldingPage(NamedTuple):
    """One page of claims, whose entries are proven."""

    unread: int
    attestations: tuple[Attestation, ...]
    next: int | None


def open_holdings(answer: bytes, start: int, policy: Policy) -> HoldingPage:
    """Return one page of the entries from index `start` on whose SBOMs may hold it.

    Raises FormatError, or VerificationError if something in it is not proven.
    """
    rule = "an answer about a package"
    members = read_members(rule, parse_json(rule, answer), _PAGE)
    note = read_text("a checkpoint", members["checkpoint"]).encode()
    checkpoint = open_head(note, policy).checkpoint
    found = tuple(
        open_attestation(value, note, checkpoint)
        for value in read_array("hits", members["hits"])
    )
    for it in found:
        if not isinstance(it.entry, Record) or not is_sbom_type(
            it.entry.predicate_type
        ):
            raise VerificationError(f"entry {it.index} names no SBOM")
    after = read_paging(members["next"], start, [it.index for it in found])
    return HoldingPage(read_size("unread", members["unread"]), found, after)


def open_holding(attestation: Attestation, content: bytes, question: Purl) -> Holding:
    """Return what a document of a page proves; content: its bytes.

    Raises FormatError if it is no SBOM, VerificationError if it has another digest,
    does not hold the package, or is of another artifact than the entry.
    """
    index, entry = attestation.index, attestation.entry
    if not isinstance(entry, Record):
        raise VerificationError(f"entry {index} names no SBOM")
    sbom = open_logged_sbom(open_document(content, entry.provenance))
    packages = tuple(it for it in sbom.packages if question.names(it))
    if not packages:
        raise VerificationError(
            f"the SBOM of entry {index} does not hold {question.encode()}"
        )
    return Holding(attestation, artifacts_of(index, entry, sbom), packages)


def artifacts_of(index: int, entry: Record, sbom: Sbom) -> tuple[bytes, ...]:
    """Return the subjects of an entry, by SHA-256, that the SBOM it names is of.

    These are all of them if the SBOM states no digest.

    Raises VerificationError if it is of others.
    """
    artifacts = tuple(
        it.sha256
        for it in entry.subjects
        if not sbom.artifacts
        or not sbom.artifacts.isdisjoint({it.sha256, it.sha384, it.sha512})
    )
    if not artifacts:
        raise VerificationError(
            f"the SBOM of entry {index} is of another artifact than the entry"
        )
    return artifacts
