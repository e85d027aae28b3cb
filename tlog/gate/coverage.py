"""Coverage: which artifacts have provenance, and which have none.

Only who knows the artifacts knows what has none: a registry, or a list of images.  An
artifact is covered if the log proves an entry about its digest; that nothing is there
is the log's word, up to the entry that it claims to have searched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tlog.gate.breaking import BREAK_GLASS_TYPE
from tlog.gate.images import parse_image
from tlog.registry import Repository, find_image, parse_reference
from tlog.textfiles import TextMetrics
from tlogclient import LogClient
from tlogverify import Record
from tlogverify.errors import FormatError
from tlogverify.rekor import RekorEntry

MAX_ARTIFACTS: Final = 1_000_000


class CoverageMetrics(TextMetrics):
    """What a run of `tlog coverage` writes for the collector of text files."""

    prefix = "tlog_artifacts"

    def __init__(self) -> None:
        super().__init__()
        self.artifacts = self._gauge(
            "tlog_artifacts",
            "Artifacts with and without provenance in the log",
            ("provenance", "environment"),
        )


@dataclass(frozen=True, slots=True)
class Covered:
    """One artifact; indexes: of the entries about it.  complete_to: the log's claim.

    why: why it could not be told; "" where it could.
    """

    artifact: str
    sha256: bytes | None
    indexes: tuple[int, ...] = ()
    complete_to: int | None = None
    why: str = ""

    @property
    def is_covered(self) -> bool:
        """Whether the log proves an entry about it."""
        return bool(self.indexes)


def parse_images(text: str) -> list[str]:
    """Return the images or digests of a file, one a line, each once.

    Empty lines and what follows a # are passed over.  Raises FormatError for too many.
    """
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    found = list(dict.fromkeys(filter(None, lines)))
    if len(found) > MAX_ARTIFACTS:
        raise FormatError(f"at most {MAX_ARTIFACTS} artifacts are asked for")
    return found


def sha256_named(artifact: str) -> bytes | None:
    """Return the SHA-256 that an image or a digest names; None for a tag.

    Raises FormatError for what is neither.
    """
    if artifact.startswith("sha256:"):
        artifact = f"artifact@{artifact}"
    return parse_image(artifact.removeprefix("oci://")).sha256


async def ask_log(log: LogClient, artifact: str, predicate_type: str | None) -> Covered:
    """Ask a log for one artifact; predicate_type: of the entries that count.

    A use of break-glass names its images, and says nothing of where they are from.

    Raises what `LogClient.attestations` raises.
    """
    try:
        sha256 = sha256_named(artifact)
    except FormatError as error:
        return Covered(artifact, None, why=str(error))
    if sha256 is None:
        return Covered(artifact, None, why="it is not named by its digest")
    found = await log.attestations(
        f"sha256:{sha256.hex()}", predicate_type=predicate_type
    )
    indexes = tuple(it.index for it in found.attestations if not _is_use(it.entry))
    return Covered(artifact, sha256, indexes, found.complete_to)


def _is_use(entry: Record | RekorEntry) -> bool:
    return isinstance(entry, Record) and entry.predicate_type == BREAK_GLASS_TYPE


async def list_images(repository: Repository, name: str) -> Sequence[str]:
    """Return the images that a repository's tags name now, by digest, each once."""
    found: dict[str, None] = {}
    for tag in await repository.list_tags():
        if tag.startswith("sha256-"):
            # What is attached to an image by the fallback of registries without API.
            continue
        image = await find_image(repository, parse_reference(f"{name}:{tag}"))
        found[image.reference.text] = None
    return list(found)
