"""Manifests, indexes and descriptors: what a registry stores beside blobs.

    {"schemaVersion":2,"mediaType":"...manifest.v1+json","artifactType":"<type>",
     "config":{empty},"layers":[{"mediaType","digest","size"}],
     "subject":{"mediaType","digest","size"},"annotations":{...}}

The bytes are what their digest names; members that nobody here knows are passed over.
PURE.  Source: OCI image-spec v1.1, manifest.md, image-index.md, descriptor.md.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tlog.registry.references import Digest, digest_of, parse_digest
from tlogverify.attestation.members import (
    array_member,
    object_member,
    optional_text,
    parse_object,
)
from tlogverify.errors import FormatError

MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
EMPTY: Final = b"{}"
DOCKER_MANIFEST_TYPE: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX_TYPE: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFEST_TYPES: Final = (
    *(MANIFEST_TYPE, INDEX_TYPE, DOCKER_MANIFEST_TYPE, DOCKER_INDEX_TYPE),
)
INDEX_TYPES: Final = frozenset({INDEX_TYPE, DOCKER_INDEX_TYPE})

MAX_MANIFEST_BYTES: Final = 4 << 20
MAX_BLOB_BYTES: Final = 64 << 20
MAX_LAYERS: Final = 1_000
MAX_REFERRERS: Final = 1_000
"""Of one image, in one list; it is more than any image has, and bounds the requests."""

_MAX_SIZE: Final = 2**63 - 1
_RESTRICTED: Final = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE: Final = re.compile(rf"{_RESTRICTED}/{_RESTRICTED}")
_FOUND_TYPE: Final = re.compile(rf"{_MEDIA_TYPE.pattern}(?: *;[ -~]*)?")
_MAX_TYPE_CHARS: Final = 255


def parse_media_type(rule: str, text: str) -> str:
    """Return a media type without parameters; raises FormatError (RFC 6838, 4.2)."""
    if _MEDIA_TYPE.fullmatch(text) is None:
        raise FormatError(f"{rule} is a media type such as application/json", text)
    return text


def _found_type(rule: str, members: Mapping[str, object], name: str) -> str:
    """Return a media type that others wrote, "" for none.

    Parameters are let through: those of older Sigstore bundles stand in manifests.
    """
    text = optional_text(rule, members, name)
    if text and (len(text) > _MAX_TYPE_CHARS or _FOUND_TYPE.fullmatch(text) is None):
        raise FormatError(f"{rule}'s {name} is a media type", text)
    return text


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What some bytes are said to be; size: of them.  artifact_type: may be ""."""

    media_type: str
    digest: Digest
    size: int
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, media_type: str, content: bytes) -> "Descriptor":
        """Return the descriptor of some bytes."""
        return cls(media_type, digest_of(content), len(content))

    @classmethod
    def parse(cls, members: Mapping[str, object]) -> "Descriptor":
        """Parse a descriptor; raises FormatError."""
        rule, size = "a descriptor", members.get("size")
        if type(size) is not int or not 0 <= size <= _MAX_SIZE:
            raise FormatError(f"{rule} has a size", size)
        media_type = _found_type(rule, members, "mediaType")
        if not media_type:
            raise FormatError(f"{rule} has a mediaType")
        return cls(
            media_type,
            parse_digest(f"{rule}'s digest", members.get("digest")),
            size,
            _found_type(rule, members, "artifactType"),
            _annotations(rule, members),
        )

    def members(self) -> dict[str, object]:
        """Return what stands for it in JSON."""
        told: dict[str, object] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
        }
        if self.artifact_type:
            told["artifactType"] = self.artifact_type
        if self.annotations:
            told["annotations"] = dict(self.annotations)
        return told


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or an index, read; an index has no layers here.

    artifact_type: its own, else its config's media type unless that is the empty one.
    """

    media_type: str
    artifact_type: str
    layers: tuple[Descriptor, ...]
    subject: Descriptor | None
    annotations: Mapping[str, str]


def parse_manifest(content: bytes, media_type: str) -> Manifest:
    """Parse a manifest or an index; media_type: what the registry's answer said.

    Raises FormatError.
    """
    rule = "a manifest"
    members = parse_object(rule, content)
    own = optional_text(rule, members, "mediaType") or media_type
    if own != media_type or own not in MANIFEST_TYPES:
        raise FormatError(
            f"{rule} is of a type that is known here, and served as it", own
        )
    layers: list[dict[str, object]] = []
    if own not in INDEX_TYPES:
        layers = array_member(rule, members, "layers", MAX_LAYERS)
    config = object_member(rule, members, "config")
    config_type = _found_type(rule, config, "mediaType")
    subject = object_member(rule, members, "subject")
    return Manifest(
        own,
        _found_type(rule, members, "artifactType")
        or ("" if config_type == EMPTY_TYPE else config_type),
        tuple(Descriptor.parse(it) for it in layers),
        Descriptor.parse(subject) if subject else None,
        _annotations(rule, members),
    )


def encode_artifact(
    artifact_type: str,
    layer: Descriptor,
    subject: Descriptor,
    annotations: Mapping[str, str],
) -> bytes:
    """Return the manifest of an artifact of one layer; the config is the empty one.

    Source: image-spec, manifest.md, "Guidelines for Artifact Usage".
    """
    return encode(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": artifact_type,
            "config": Descriptor.of(EMPTY_TYPE, EMPTY).members(),
            "layers": [layer.members()],
            "subject": subject.members(),
            "annotations": dict(sorted(annotations.items())),
        }
    )


@dataclass(frozen=True, slots=True)
class Index:
    """A list of manifests, with each member kept as its writer has put it."""

    members: Mapping[str, object]
    entries: tuple[Mapping[str, object], ...]

    @classmethod
    def empty(cls) -> "Index":
        """Return an index that lists nothing."""
        return cls({"schemaVersion": 2, "mediaType": INDEX_TYPE}, ())

    @classmethod
    def parse(cls, content: bytes) -> "Index":
        """Parse an index; raises FormatError, also for more than 1,000 entries."""
        members = parse_object("an index", content)
        entries = array_member("an index", members, "manifests", MAX_REFERRERS)
        return cls(members, tuple(entries))

    def listed(self) -> set[str]:
        """Return the digests of all entries, as they stand there."""
        return {str(it.get("digest")) for it in self.entries}

    def extended(self, entries: Mapping[str, Mapping[str, object]]) -> "Index":
        """Return the index with those entries, by their digests, that it lacks."""
        known = self.listed()
        more = [it for digest, it in entries.items() if digest not in known]
        return Index(self.members, (*self.entries, *more))

    def encode(self) -> bytes:
        """Return its bytes; raises FormatError above what registries take."""
        content = encode({**self.members, "manifests": list(self.entries)})
        if len(self.entries) > MAX_REFERRERS or len(content) > MAX_MANIFEST_BYTES:
            raise FormatError(
                f"an index lists at most {MAX_REFERRERS} manifests in 4 MiB"
            )
        return content


def encode(members: Mapping[str, object]) -> bytes:
    """Return an object's JSON, in one spelling."""
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()


def _annotations(rule: str, members: Mapping[str, object]) -> dict[str, str]:
    found = object_member(rule, members, "annotations")
    return {name: optional_text(f"{rule}'s annotations", found, name) for name in found}
