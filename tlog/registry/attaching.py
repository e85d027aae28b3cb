"""Attaching a document to an image, so that it stays attached.

    blob, empty config, manifest with `subject`
    OCI-Subject in the answer             the registry keeps the list: done
    else the fallback tag                 read, add, write, read again, wait, read again

Registries have no conditional write of a tag: two clients that write at once lose an
entry.  So each entry that was ever seen there is written back if it is missing, ours
too, until nothing was missing before and after a pause.  Another client that read the
list before the pause and writes it after it still wins; attaching again then repairs.

Source: OCI distribution-spec v1.1, "Pushing Manifests with Subject".
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Protocol

from tlog.clock import Clock
from tlog.registry.discovery import (
    Discovery,
    Image,
    discover,
    fallback_tag,
    read_fallback,
)
from tlog.registry.errors import UnreachedError
from tlog.registry.manifests import (
    EMPTY,
    INDEX_TYPE,
    MANIFEST_TYPE,
    Descriptor,
    encode_artifact,
)
from tlog.registry.payloads import Payload
from tlog.registry.references import Digest
from tlog.registry.repository import Repository, Stored

MAX_ROUNDS: Final = 40
"""Writes and re-reads of the fallback tag before it is given up."""

_SETTLE_S: Final = 0.5
_CREATED: Final = "org.opencontainers.image.created"


class Pauses(Protocol):
    """Who waits: a test waits in its own time."""

    async def pause(self, seconds: float) -> None:
        """Return after so many seconds."""
        ...

    def spread(self) -> float:
        """Return a number from 0 to 1, another for each writer."""
        ...


class SystemPauses:
    """The event loop's time, and the machine's random numbers."""

    async def pause(self, seconds: float) -> None:
        """Return after so many seconds."""
        await asyncio.sleep(seconds)

    def spread(self) -> float:
        """Return a random number from 0 to 1."""
        return random.random()  # noqa: S311 - spreads writers, hides nothing


@dataclass(frozen=True, slots=True)
class Attached:
    """A document that is attached; digest: of its manifest.

    was_known: it had been before, and nothing was written but what was missing.
    """

    digest: Digest
    was_known: bool


async def attach(
    repository: Repository, image: Image, payload: Payload, clock: Clock, pauses: Pauses
) -> Attached:
    """Attach a document, once: a manifest of the same bytes and type is taken as it is.

    Raises UnreachedError if the fallback tag does not keep it.
    """
    found = await discover(repository, image)
    layer = Descriptor.of(payload.artifact_type, payload.content)
    if (known := _known(found, layer)) is not None:
        return Attached(known, was_known=True)
    await repository.put_blob(payload.content)
    await repository.put_blob(EMPTY)
    created = datetime.fromtimestamp(clock.now_s(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    manifest = encode_artifact(
        payload.artifact_type,
        layer,
        image.descriptor,
        {**payload.annotations, _CREATED: created},
    )
    stored = Stored(manifest, MANIFEST_TYPE)
    descriptor = stored.descriptor
    if await repository.put_manifest(descriptor.digest, stored) != image.digest:
        listed = replace(
            descriptor,
            artifact_type=payload.artifact_type,
            annotations=stored.parse().annotations,
        )
        await _keep_listed(repository, image.digest, listed, pauses)
    return Attached(descriptor.digest, was_known=False)


def _known(found: Discovery, layer: Descriptor) -> Digest | None:
    """Return the manifest that has this layer alone, and its type."""
    for it in found.attachments:
        manifest = it.manifest
        if (
            manifest is not None
            and manifest.subject is not None
            and manifest.artifact_type == layer.media_type
            and [(of.media_type, of.digest) for of in manifest.layers]
            == [(layer.media_type, layer.digest)]
        ):
            return Digest(it.digest)
    return None


async def _keep_listed(
    repository: Repository, digest: Digest, ours: Descriptor, pauses: Pauses
) -> None:
    tag = fallback_tag(digest)
    seen: dict[str, Mapping[str, object]] = {ours.digest: ours.members()}
    is_settled, wait_s = False, _SETTLE_S
    for _ in range(MAX_ROUNDS):
        index = await read_fallback(repository, digest)
        missing = seen.keys() - index.listed()
        seen |= {str(it.get("digest")): it for it in index.entries}
        if missing:
            # Between this reading and this write nothing waits: it is the time in which
            # another writer's entry can be lost.
            content = index.extended(seen).encode()
            await repository.put_manifest(tag, Stored(content, INDEX_TYPE))
            is_settled = False
        elif is_settled:
            return
        else:
            await pauses.pause(wait_s * (1 + pauses.spread()))
            is_settled, wait_s = True, min(2 * wait_s, 8 * _SETTLE_S)
    raise UnreachedError(
        f"{ours.digest} is stored, and the list under the tag {tag} does not keep it: "
        "others write there all the time; attach it again later"
    )
