"""One image's repository: its manifests, blobs and lists of referrers.

What is asked for by digest is hashed before it is returned.  Source: OCI
distribution-spec v1.1, "Pull", "Push", "Listing Referrers".
"""

from dataclasses import dataclass, replace
from typing import Final

from tlog.registry.challenges import next_page
from tlog.registry.exchange import MAX_REFUSAL_BYTES, Incoming, Outgoing
from tlog.registry.manifests import (
    INDEX_TYPE,
    MANIFEST_TYPES,
    MAX_BLOB_BYTES,
    MAX_MANIFEST_BYTES,
    MAX_REFERRERS,
    Descriptor,
    Index,
    Manifest,
    parse_manifest,
)
from tlog.registry.references import Digest, Reference, digest_of
from tlog.registry.transport import Question, Transport, Way, require_location
from tlogverify.attestation.members import parse_object
from tlogverify.errors import FormatError, VerificationError

MAX_PAGES: Final = 100

_ACCEPT: Final = ", ".join(MANIFEST_TYPES)
_NO_REFERRERS: Final = (400, 404, 405, 406, 501)
"""How registries without the referrers API answer; crane and oras take the same."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A manifest as a registry has it, hashed."""

    content: bytes
    media_type: str

    @property
    def descriptor(self) -> Descriptor:
        """What it is."""
        return Descriptor.of(self.media_type, self.content)

    def require_type(self) -> None:
        """Raise FormatError unless it is a manifest or an index of a known type."""
        if self.media_type not in MANIFEST_TYPES:
            raise FormatError("an image is an OCI or Docker manifest", self.media_type)

    def parse(self) -> Manifest:
        """Read it; raises FormatError."""
        return parse_manifest(self.content, self.media_type)


class Repository:
    """A repository; what is raised beside the named is told by `Transport.ask`."""

    def __init__(self, reference: Reference, way: Way) -> None:
        origin = reference.origin(plain_http=way.plain_http)
        self._transport = Transport(origin, way)
        self._url = f"{origin}/v2/{reference.name}"
        self._read = f"repository:{reference.name}:pull"
        self._write = f"repository:{reference.name}:pull,push"

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def find_manifest(
        self, place: str, *, media_types: str = _ACCEPT
    ) -> Stored | None:
        """Return the manifest of a tag or a digest, or None if it is not there.

        Raises VerificationError if a digest is not that of the bytes.
        """
        answer = await self._get(
            f"/manifests/{place}",
            f"the manifest {place:.80}",
            (200, 404),
            Outgoing("", "", {"Accept": media_types}, limit_bytes=MAX_MANIFEST_BYTES),
        )
        if answer.status == 404:
            return None
        if place.startswith("sha256:"):
            _require_digest(Digest(place), answer.body)
        return Stored(answer.body, answer.media_type)

    async def get_blob(self, descriptor: Descriptor, limit_bytes: int) -> bytes:
        """Return a blob of at most `limit_bytes`, which has its size and digest.

        Raises FormatError for a larger one, which is not asked for; VerificationError
        for other bytes; AbsentError if it is not there.
        """
        if descriptor.size > min(limit_bytes, MAX_BLOB_BYTES):
            raise FormatError(
                f"a document has at most {min(limit_bytes, MAX_BLOB_BYTES)} bytes",
                descriptor.size,
            )
        answer = await self._get(
            f"/blobs/{descriptor.digest}",
            f"the blob {descriptor.digest}",
            (200,),
            Outgoing("", "", limit_bytes=descriptor.size),
        )
        _require_digest(descriptor.digest, answer.body)
        return answer.body

    async def list_referrers(self, digest: Digest) -> list[dict[str, object]] | None:
        """Return what refers to a manifest, as listed; None without the referrers API.

        No filter is asked for: registries that list a wrong artifactType filter by it.

        Raises FormatError for more than 1,000 referrers or 100 pages.
        """
        url: str | None = f"{self._url}/referrers/{digest}"
        found: list[dict[str, object]] = []
        for _ in range(MAX_PAGES):
            if url is None:
                return found
            sent = Outgoing(
                "GET", url, {"Accept": INDEX_TYPE}, None, MAX_MANIFEST_BYTES
            )
            answer = await self._transport.ask(
                Question(sent, "the referrers", (200, *_NO_REFERRERS), self._read)
            )
            if answer.status != 200 or answer.media_type != INDEX_TYPE:
                if found:
                    raise FormatError("a list of referrers goes on to its last page")
                return None
            found += (dict(it) for it in Index.parse(answer.body).entries)
            if len(found) > MAX_REFERRERS:
                raise FormatError(f"an image has at most {MAX_REFERRERS} referrers")
            url = next_page(answer.url, answer.headers.get("link", ""))
        raise FormatError(f"a list of referrers has at most {MAX_PAGES} pages")

    async def list_tags(self) -> list[str]:
        """Return all tags of the repository, as listed; bounded as referrers are.

        Raises FormatError for a list that is none, or too long.  Source: OCI
        distribution-spec v1.1, "Listing Tags".
        """
        url: str | None = f"{self._url}/tags/list"
        found: list[str] = []
        for _ in range(MAX_PAGES):
            if url is None:
                return found
            sent = Outgoing("GET", url, {}, None, MAX_MANIFEST_BYTES)
            answer = await self._transport.ask(
                Question(sent, "the tags", (200,), self._read)
            )
            tags = parse_object("a list of tags", answer.body).get("tags")
            if tags is not None and not isinstance(tags, list):
                raise FormatError("tags are a list", tags)
            found += (it for it in tags or () if isinstance(it, str))
            url = next_page(answer.url, answer.headers.get("link", ""))
        raise FormatError(f"a list of tags has at most {MAX_PAGES} pages")

    async def put_blob(self, content: bytes) -> None:
        """Store a blob, unless it is there."""
        digest, what = digest_of(content), "a blob's upload"
        head = Outgoing("HEAD", f"{self._url}/blobs/{digest}")
        # A registry that keeps blobs elsewhere leads there, where they are.
        if (await self._push(head, what, (200, 307, 404))).status != 404:
            return
        start = Outgoing("POST", f"{self._url}/blobs/uploads/", body=b"")
        begun = await self._push(start, what, (202,))
        place = require_location(begun, self._transport.origin)
        joint = "&" if "?" in place else "?"
        put = Outgoing(
            "PUT",
            f"{place}{joint}digest={digest}",
            {"Content-Type": "application/octet-stream"},
            content,
        )
        await self._push(put, what, (201,))

    async def put_manifest(self, place: str, stored: Stored) -> str:
        """Store a manifest; return the subject that the registry says it indexed."""
        put = Outgoing(
            "PUT",
            f"{self._url}/manifests/{place}",
            {"Content-Type": stored.media_type},
            stored.content,
        )
        answer = await self._push(put, "a manifest's upload", (201,))
        return answer.headers.get("oci-subject", "")

    async def _get(
        self, path: str, what: str, expected: tuple[int, ...], sent: Outgoing
    ) -> Incoming:
        outgoing = Outgoing(
            "GET", f"{self._url}{path}", sent.headers, None, sent.limit_bytes
        )
        return await self._transport.ask(Question(outgoing, what, expected, self._read))

    async def _push(
        self, outgoing: Outgoing, what: str, expected: tuple[int, ...]
    ) -> Incoming:
        sent = replace(outgoing, limit_bytes=MAX_REFUSAL_BYTES)
        return await self._transport.ask(Question(sent, what, expected, self._write))


def _require_digest(digest: Digest, content: bytes) -> None:
    if (found := digest_of(content)) != digest:
        raise VerificationError(
            f"the registry answers {digest} with other bytes, whose digest is {found}"
        )
