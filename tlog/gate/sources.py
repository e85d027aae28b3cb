"""Where documents of an artifact come from when they do not lie in a folder here.

Whatever a source answers is judged, so a source can withhold documents and nothing
else.  Each has its own patience; who asks has a deadline beside it.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from tlog.documents.refusals import GoneError, NoDocumentError
from tlog.documents.store import DocumentStore
from tlog.gate.folders import DocumentFolder
from tlog.gate.links import LogLink
from tlog.registry import (
    DOCUMENT_TYPES,
    ENVELOPE_TYPE,
    PROOF_TYPE,
    Reference,
    Repository,
    State,
    Way,
    discover,
    fetch_documents,
    find_image,
    parse_reference,
    proofs_by_provenance,
)
from tlog.rules import Attested, Bundled, Document, Referred
from tlog.rules.references import MAX_REFERRED_BYTES, claimed_references
from tlogclient import LogClient
from tlogclient.attested import Attestation
from tlogclient.errors import RefusedError
from tlogclient.sboms import is_sbom_type
from tlogverify import Record
from tlogverify.attestation.dsse import MAX_ENVELOPE_BYTES
from tlogverify.errors import FormatError, TlogError
from tlogverify.proof import Proof
from tlogverify.sigstore.bundle import MAX_BUNDLE_BYTES

MAX_ATTESTATIONS: Final = 1_024
MAX_ALL_BYTES: Final = 64 << 20
"""Of one artifact's documents of a log: whoever may log can name any artifact."""

_BUNDLE_TYPE: Final = b"application/vnd.dev.sigstore.bundle"
LARGEST_BYTES: Final = max(MAX_ENVELOPE_BYTES, MAX_BUNDLE_BYTES)
"""Of a document that is judged by its own signature."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for; subject: as it was spelled.

    reference: the image by its digest, for its registry; "" for what is no image.
    """

    subject: str
    sha256: bytes
    reference: str = ""


class Found(NamedTuple):
    """Documents of one place; left_out: why there may be more, "" for all of them."""

    documents: Sequence[Document]
    left_out: str = ""


class Source(Protocol):
    """One place; name: for metrics.  is_local: it is asked without a network.

    is_by_place: what it has depends on where the image is.
    """

    name: str
    is_local: bool
    is_by_place: bool

    async def find(self, asked: Asked) -> Found:
        """Return documents that may be of an artifact.

        Raises TlogError or OSError if it cannot be asked.
        """
        ...


class FolderSource:
    """A folder of this machine."""

    name, is_local, is_by_place = "folder", True, False

    def __init__(self, folder: DocumentFolder) -> None:
        self._folder = folder

    async def find(self, asked: Asked) -> Found:
        """Return what lies there."""
        found, unread = await asyncio.to_thread(self._folder.find, asked.sha256)
        why = "not every document of the folder could be read" if unread else ""
        return Found(found, why)


@dataclass(frozen=True, slots=True)
class LogBounds:
    """Of one question: how long, how many entries, how many bytes of documents."""

    wait_s: float
    entries: int = MAX_ATTESTATIONS
    all_bytes: int = MAX_ALL_BYTES


class LogSource:
    """A log with documents; store: its folder, where that is on this machine.

    What the store lacks, such as what waits for its entry, is asked of the log.
    """

    name, is_local, is_by_place = "log", False, False

    def __init__(
        self, link: LogLink, store: DocumentStore | None, bounds: LogBounds
    ) -> None:
        self._link = link
        self._store = store
        self._bounds = bounds

    async def find(self, asked: Asked) -> Found:
        """Return the documents of all entries, each with the entry's proof."""
        digest, bounds = f"sha256:{asked.sha256.hex()}", self._bounds
        taken = Taken(bounds)
        # The client bounds each request; this bounds all of them.
        async with asyncio.timeout(bounds.wait_s):
            log = await self._link.client()
            found = await log.attestations(digest, limit=bounds.entries)
            for it in found.attestations:
                if is_long_sbom(it):
                    continue
                content = await self._content(log, it, taken, LARGEST_BYTES)
                if content is None:
                    continue
                if not taken.add(document_of(it.index, content, it.proof)):
                    break
            for it in found.attestations:
                await self._refer(log, it, taken)
        return taken.found(is_more=found.next is not None)

    async def _refer(
        self, log: LogClient, attestation: Attestation, taken: "Taken"
    ) -> None:
        """Take a long SBOM, if a document that was taken refers to it.

        Without that it speaks for nothing, however many of them a stranger logs.
        """
        named = attestation.document
        if named is None or not is_long_sbom(attestation):
            return
        if not taken.refers_to(named.sha256):
            return
        content = await self._content(log, attestation, taken, MAX_REFERRED_BYTES)
        if content is not None:
            taken.refer(Referred(f"entry {attestation.index}", content))

    async def _content(
        self,
        log: LogClient,
        attestation: Attestation,
        taken: "Taken",
        most: int,
    ) -> bytes | None:
        named = attestation.document
        if named is None or named.disposition != "stored":
            if named is not None and named.disposition == "damaged":
                taken.pass_over("a document of the log is damaged")
            return None
        content = named.content
        if content is None and (named.size or 0) > most:
            taken.pass_over("a document of the log is longer than is judged")
            return None
        if content is None and self._store is not None:
            # What the store has no more, or not as it was, the log knows better.
            with suppress(TlogError, OSError):
                content = await asyncio.to_thread(
                    read_stored, self._store, named.sha256, most
                )
        return content if content is not None else await _fetch(log, named.sha256, most)


async def _fetch(log: LogClient, sha256: bytes, most: int) -> bytes | None:
    try:
        return await log.document(f"sha256:{sha256.hex()}", limit_bytes=most)
    except RefusedError as error:
        if error.status in {404, 410}:
            # It went this moment.
            return None
        raise


class Taken:
    """Documents of a log, as many bytes and entries of them as are read."""

    def __init__(self, bounds: LogBounds) -> None:
        self._documents: list[Document] = []
        self._entries_left = bounds.entries
        self._room = bounds.all_bytes
        self._referred_room = MAX_REFERRED_BYTES
        self._claimed: set[bytes] | None = None
        self._left_out = ""

    def add(self, document: Document) -> bool:
        """Take one; False if there is no room for it, and no sense in another."""
        self._entries_left -= 1
        self._room -= _size(document)
        if self._entries_left < 0 or self._room < 0:
            self._left_out = "the log has more documents than are read"
            return False
        self._documents.append(document)
        return True

    def pass_over(self, why: str) -> None:
        """Leave one out that is there and could not be read."""
        self._left_out = self._left_out or why

    def refers_to(self, sha256: bytes) -> bool:
        """Whether an envelope that was taken says that it refers to a document."""
        if self._claimed is None:
            envelopes = [it for it in self._documents if isinstance(it, Attested)]
            self._claimed = {
                digest for it in envelopes for digest in claimed_references(it.envelope)
            }
        return sha256 in self._claimed

    def refer(self, document: Referred) -> None:
        """Take what others refer to, which has room of its own."""
        self._referred_room -= len(document.content)
        if self._referred_room < 0:
            self.pass_over("the log has more referred documents than are read")
            return
        self._documents.append(document)

    def found(self, *, is_more: bool = False) -> Found:
        """Return them; is_more: there are entries that nobody has looked at."""
        more = "the log has more entries than are asked" if is_more else ""
        return Found(self._documents, self._left_out or more)


def document_of(index: int, content: bytes, proof: Proof) -> Document:
    """Return what an entry's document is: a bundle, or an envelope with the proof."""
    name = f"entry {index}"
    if _BUNDLE_TYPE in content[:4096]:
        return Bundled(name, content)
    return Attested(name, content, proof.encode())


def is_long_sbom(attestation: Attestation) -> bool:
    """Whether an entry names an SBOM that is longer than an envelope can be."""
    named = attestation.document
    return (
        isinstance(attestation.entry, Record)
        and is_sbom_type(attestation.entry.predicate_type)
        and named is not None
        and (named.size or 0) > LARGEST_BYTES
    )


def read_stored(store: DocumentStore, sha256: bytes, most: int) -> bytes | None:
    """Return a stored document; None if it is not kept, or no longer.

    Raises DamagedDocumentError, FormatError if it is longer than is judged, or OSError.
    """
    try:
        with store.open(sha256) as document:
            content = document.read_whole(most)
    except (GoneError, NoDocumentError):
        return None
    if content is None:
        raise FormatError(f"a document that is judged has at most {most} bytes")
    return content


def _size(document: Document) -> int:
    match document:
        case Attested():
            return len(document.envelope)
        case Bundled():
            return len(document.bundle)
        case Referred():
            return len(document.content)


class RegistrySource:
    """The registry that an image is in."""

    name, is_local, is_by_place = "registry", False, True

    def __init__(self, way: Way) -> None:
        self._way = way

    async def find(self, asked: Asked) -> Found:
        """Return what is attached to an image; nothing for what is no image."""
        if not asked.reference:
            return Found(())
        async with self._open(parse_reference(asked.reference)) as repository:
            reference = parse_reference(asked.reference)
            image = await find_image(repository, reference)
            found = await discover(repository, image)
            fetched = await fetch_documents(repository, found, _Everything())
        proofs = proofs_by_provenance(fetched)
        documents: list[Document] = []
        for it in fetched:
            if it.content is None or it.media_type == PROOF_TYPE:
                continue
            if it.media_type != ENVELOPE_TYPE:
                documents.append(Bundled(it.attached, it.content))
                continue
            paired = proofs.get(hashlib.sha256(it.content).digest(), [])
            documents += [
                Attested(it.attached, it.content, proof.encode()) for proof in paired
            ]
        unread = [it for it in fetched if it.state is State.UNUSABLE]
        if not unread:
            return Found(documents)
        return Found(documents, f"not all that is attached was read: {unread[0].why}")

    async def resolve(self, reference: str) -> bytes:
        """Return the SHA-256 of the image that a tag names now.

        Raises AbsentError if it is not there, and as `find`.
        """
        async with self._open(parse_reference(reference)) as repository:
            image = await find_image(repository, parse_reference(reference))
        return bytes.fromhex(image.digest.removeprefix("sha256:"))

    @asynccontextmanager
    async def _open(self, reference: Reference) -> AsyncIterator[Repository]:
        repository = Repository(reference, self._way)
        try:
            # The way bounds each request; this bounds all of them.
            async with asyncio.timeout(self._way.timeout_s):
                yield repository
        finally:
            await repository.close()


class _Everything:
    """Wants every document that the rules' judge can open."""

    def why_not(self, media_type: str) -> str:
        return "" if media_type in DOCUMENT_TYPES else "nobody judges this kind"
