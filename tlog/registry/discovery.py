"""What is attached to an image, from every place where registries and tools keep it.

    referrers API            GET /v2/NAME/referrers/DIGEST
    fallback tag             sha256-HEX: an index that clients keep without API
    legacy tags              sha256-HEX.att, .sig, .sbom: manifests of older cosigns

All of them are read and merged by digest.  A list is the registry's word: each
manifest is fetched, and its digest, its size, its subject and its own type are what
counts.  A manifest that is not what it is listed as is kept with the reason.

Source: OCI distribution-spec v1.1, "Listing Referrers", "Referrers Tag Schema";
cosign's signature and attestation specifications.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tlog.registry.errors import AbsentError
from tlog.registry.manifests import (
    INDEX_TYPE,
    INDEX_TYPES,
    MAX_MANIFEST_BYTES,
    Descriptor,
    Index,
    Manifest,
)
from tlog.registry.references import Digest, Reference
from tlog.registry.repository import Repository, Stored
from tlogverify.errors import FormatError, VerificationError

API: Final = "referrers API"
FALLBACK: Final = "fallback tag"
LEGACY: Final = ("att", "sig", "sbom")

_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Image:
    """An image that was found; reference: by digest, whatever it was asked for by."""

    reference: Reference
    descriptor: Descriptor

    @property
    def digest(self) -> Digest:
        """What it is."""
        return self.descriptor.digest


@dataclass(frozen=True, slots=True)
class Attachment:
    """One manifest that is said to be attached.

    digest: as it was listed; a digest of our form if there is a manifest.
    sources: where it was listed.  listed_type: what lists say of it, "" for nothing.
    manifest: None if it is not what it is listed as; why tells then.  is_missing: it
    may well be, and its own bytes did not come.
    """

    digest: str
    sources: tuple[str, ...]
    listed_type: str = ""
    manifest: Manifest | None = None
    why: str = ""
    is_missing: bool = False

    @property
    def artifact_type(self) -> str:
        """What its manifest says that it is; "" without one."""
        return "" if self.manifest is None else self.manifest.artifact_type


@dataclass(frozen=True, slots=True)
class Discovery:
    """All that is attached to an image.

    has_api: whether the registry lists referrers itself; where it does not, the lists
    are what clients have kept.
    """

    image: Image
    has_api: bool
    attachments: tuple[Attachment, ...]


@dataclass(slots=True)
class _Listed:
    """What lists say of one manifest; stored: it, where a tag led there."""

    entry: Mapping[str, object]
    sources: list[str] = field(default_factory=list)
    stored: Stored | None = None


def fallback_tag(digest: Digest) -> str:
    """Return the tag of the index of referrers.

    Source: distribution-spec, "Referrers Tag Schema".
    """
    return digest.replace(":", "-")


async def find_image(repository: Repository, reference: Reference) -> Image:
    """Resolve a tag, once; AbsentError if nothing is there.

    From here on everything is named by digest.
    """
    place = reference.digest or reference.tag
    stored = await repository.find_manifest(place)
    if stored is None:
        raise AbsentError(f"{reference.text} is not there")
    stored.require_type()
    return Image(reference.pinned(stored.descriptor.digest), stored.descriptor)


async def discover(repository: Repository, image: Image) -> Discovery:
    """Return all that is attached to an image, in the order of its lists.

    Raises what `Repository` raises for a list that is malformed or too long.
    """
    found: dict[str, _Listed] = {}
    listed = await repository.list_referrers(image.digest)
    kept = await read_fallback(repository, image.digest)
    for source, entries in ((API, listed or ()), (FALLBACK, kept.entries)):
        for entry in entries:
            _add(found, entry, source)
    for suffix in LEGACY:
        tag = f"{fallback_tag(image.digest)}.{suffix}"
        if (stored := await repository.find_manifest(tag)) is not None:
            it = _add(found, stored.descriptor.members(), f"tag .{suffix}")
            it.stored = stored
    attachments = await _read_all(repository, image, list(found.values()))
    return Discovery(image, listed is not None, attachments)


async def read_fallback(repository: Repository, digest: Digest) -> Index:
    """Return the index that stands under the fallback tag, empty if there is none.

    Raises FormatError if something else stands there.
    """
    stored = await repository.find_manifest(
        fallback_tag(digest), media_types=INDEX_TYPE
    )
    if stored is None:
        return Index.empty()
    if stored.media_type not in INDEX_TYPES:
        raise FormatError("the fallback tag names an index", stored.media_type)
    return Index.parse(stored.content)


def _add(
    found: dict[str, _Listed], entry: Mapping[str, object], source: str
) -> _Listed:
    it = found.setdefault(str(entry.get("digest")), _Listed(entry))
    if source not in it.sources:
        it.sources.append(source)
    return it


async def _read_all(
    repository: Repository, image: Image, listed: Sequence[_Listed]
) -> tuple[Attachment, ...]:
    room = asyncio.Semaphore(_AT_ONCE)

    async def read(it: _Listed) -> Attachment:
        async with room:
            return await _read(repository, image, it)

    read_all = await asyncio.gather(*map(read, listed), return_exceptions=True)
    attachments = []
    for it in read_all:
        if isinstance(it, BaseException):
            raise it
        attachments.append(it)
    return tuple(attachments)


async def _read(repository: Repository, image: Image, listed: _Listed) -> Attachment:
    kind = listed.entry.get("artifactType")
    digest, sources = str(listed.entry.get("digest"))[:80], tuple(listed.sources)
    listed_type = kind[:255] if isinstance(kind, str) else ""
    is_missing = False
    try:
        descriptor = Descriptor.parse(listed.entry)
        if descriptor.size > MAX_MANIFEST_BYTES:
            raise FormatError("a manifest has at most 4 MiB", descriptor.size)
        is_missing = True
        stored = listed.stored or await repository.find_manifest(descriptor.digest)
        if stored is None:
            raise AbsentError("it is listed, and it is not there")
        is_missing = False
        manifest = stored.parse()
        _require_told(descriptor, stored)
        if listed.stored is None:
            _require_subject(manifest, image)
    except (FormatError, VerificationError, AbsentError) as error:
        return Attachment(digest, sources, listed_type, None, str(error), is_missing)
    return Attachment(digest, sources, listed_type, manifest)


def _require_told(descriptor: Descriptor, stored: Stored) -> None:
    if len(stored.content) != descriptor.size:
        raise VerificationError(
            f"it is listed with {descriptor.size} bytes and has {len(stored.content)}"
        )
    if stored.media_type != descriptor.media_type:
        raise VerificationError("it is listed with another media type than it has")


def _require_subject(manifest: Manifest, image: Image) -> None:
    if manifest.subject is None or manifest.subject.digest != image.digest:
        raise VerificationError(
            "it is listed, and its subject is another than the image"
        )
