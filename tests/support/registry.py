"""A registry on loopback, that behaves as real ones were seen to, or lies in one way.

without referrers    as Debian's docker-registry 2.8: 404, a text; no OCI-Subject
with referrers       as the distribution-spec says: OCI-Subject, pages by Link
with wrong types     as go-containerregistry's: a list with the config's type for each
                     artifact's, and no OCI-Subject

It shares no code with the client: digests, tags and JSON are spelled here.
"""

import hashlib
import json
import re
from base64 import b64encode
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY_CONFIG = "application/vnd.oci.empty.v1+json"
NAME = "team/app"
USER, PASSWORD, TOKEN = "alice", "a-password", "an.access-token"

Answerer = Callable[[web.Request], Awaitable[web.StreamResponse]]

_TARGET = re.compile(r"/v2/(?P<name>[a-z/]+)/(?P<kind>manifests|blobs|referrers)/(.*)")


def sha256(content: bytes) -> str:
    """Return the digest as registries spell it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def told(content: bytes, media_type: str) -> dict[str, Any]:
    """Return the descriptor of some bytes."""
    return {"mediaType": media_type, "digest": sha256(content), "size": len(content)}


def spelled(value: object) -> bytes:
    """Return JSON in a spelling that is not the client's."""
    return json.dumps(value, indent=1).encode()


IMAGE = spelled(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": told(b"{ }", "application/vnd.oci.image.config.v1+json"),
        "layers": [],
    }
)
IMAGE_DIGEST = sha256(IMAGE)
FALLBACK = IMAGE_DIGEST.replace(":", "-")


def artifact(layer: bytes, kind: str, **changes: object) -> bytes:
    """Return the manifest of an artifact of one layer, by another writer than ours."""
    return spelled(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": kind,
            "config": told(b"{}", EMPTY_CONFIG),
            "layers": [told(layer, kind)],
            "subject": told(IMAGE, OCI_MANIFEST),
            **changes,
        }
    )


class StandIn:
    """A registry; `instead` answers the next requests in its place.

    has_api, says_subject, lists_types: which kind of registry it is.  page: referrers a
    page.  auth: "", "basic" or "bearer"; is_public: tokens are for everybody.
    lie: edits each list of referrers.  hold: is waited for before the fallback tag is
    read or written, by method.
    requests: what came, method and path with query; authorized: the Authorization of
    each.
    """

    def __init__(
        self, *, has_api: bool = False, says_subject: bool = False, page: int = 1000
    ) -> None:
        self.has_api = has_api
        self.says_subject = says_subject
        self.lists_types = says_subject
        self.page = page
        self.auth = ""
        self.is_public = False
        self.lie: Callable[[list[dict[str, Any]]], None] | None = None
        self.hold: Callable[[str], Awaitable[None]] | None = None
        self.instead: deque[Answerer] = deque()
        self.requests: list[str] = []
        self.authorized: list[str | None] = []
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[bytes, str]] = {}
        self.tags: dict[str, str] = {}
        self.tokens: list[str] = []
        self.authority = ""
        self.put(IMAGE, OCI_MANIFEST, "1.0")

    @property
    def image(self) -> str:
        """The reference of the image, by its tag."""
        return f"oci://{self.authority}/{NAME}:1.0"

    def put(self, content: bytes, media_type: str, tag: str = "") -> str:
        """Store a manifest; return its digest."""
        digest = sha256(content)
        self.manifests[digest] = (content, media_type)
        if tag:
            self.tags[tag] = digest
        return digest

    def attach(self, layer: bytes, kind: str, **changes: object) -> str:
        """Attach a layer as another client would; return the manifest's digest."""
        self.blobs[sha256(layer)] = layer
        content = artifact(layer, kind, **changes)
        digest = self.put(content, OCI_MANIFEST)
        if not self.has_api:
            self.list_under_tag({**told(content, OCI_MANIFEST), "artifactType": kind})
        return digest

    def list_under_tag(self, *entries: dict[str, Any]) -> None:
        """Add entries to the index under the fallback tag."""
        listed = [*self.under_tag(), *entries]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
        self.put(spelled(index), OCI_INDEX, FALLBACK)

    def under_tag(self) -> list[dict[str, Any]]:
        """Return the entries under the fallback tag."""
        if FALLBACK not in self.tags:
            return []
        found: list[dict[str, Any]] = json.loads(
            self.manifests[self.tags[FALLBACK]][0]
        )["manifests"]
        return found

    def referrers(self, digest: str) -> list[dict[str, Any]]:
        """Return the registry's own list."""
        found = []
        for content, media_type in self.manifests.values():
            # The image of some tests is bytes that are no manifest.
            members = json.loads(content) if content.startswith(b"{") else {}
            if (members.get("subject") or {}).get("digest") == digest:
                kind = members.get("artifactType") if self.lists_types else EMPTY_CONFIG
                found.append({**told(content, media_type), "artifactType": kind})
        return found

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["StandIn"]:
        """Listen on a free port of this machine."""
        app = web.Application(client_max_size=65 << 20)
        app.router.add_route("*", "/{path:.*}", self._answer)
        async with TestServer(app) as server:
            self.authority = f"127.0.0.1:{server.port}"
            yield self

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.raw_path}")
        self.authorized.append(request.headers.get("Authorization"))
        if self.instead:
            return await self.instead.popleft()(request)
        if request.path == "/token":
            return await self._token(request)
        if not self._is_authorized(request):
            return self._challenge()
        body = await request.read()
        if self.hold is not None and request.path.endswith(f"/manifests/{FALLBACK}"):
            await self.hold(request.method)
        return self._route(request, body)

    def _route(self, request: web.Request, body: bytes) -> web.Response:
        if request.path.startswith("/upload/") or request.method == "POST":
            return self._upload(request, body)
        match = _TARGET.fullmatch(request.path)
        if request.path == f"/v2/{NAME}/tags/list":
            return self._list_tags(request)
        if match is None or match["name"] != NAME:
            return web.Response(status=404, text="404 page not found\n")
        if request.method == "PUT":
            return self._put(body, request.content_type, match[3])
        return self._get(match["kind"], match[3], request)

    def _upload(self, request: web.Request, body: bytes) -> web.Response:
        if request.method == "POST":
            assert request.path == f"/v2/{NAME}/blobs/uploads/"
            headers = {"Location": f"/upload/{len(self.requests)}?state=a%2Fb"}
            return web.Response(status=202, headers=headers)
        digest = request.query["digest"]
        assert (digest, "a/b") == (sha256(body), request.query["state"])
        self.blobs[digest] = body
        return web.Response(status=201, headers={"Location": "/"})

    def _put(self, body: bytes, media_type: str, place: str) -> web.Response:
        members = json.loads(body)
        for it in members.get("layers", []):
            assert it["digest"] in self.blobs, "a layer is stored before its manifest"
        digest = self.put(body, media_type, "" if ":" in place else place)
        assert place in (digest, place.replace(":", "-"))
        headers = {"Docker-Content-Digest": digest}
        if self.says_subject and "subject" in members:
            headers["OCI-Subject"] = members["subject"]["digest"]
        return web.Response(status=201, headers=headers)

    def _get(self, kind: str, place: str, request: web.Request) -> web.Response:
        if kind == "referrers":
            if self.has_api:
                return self._list(place, request)
            return web.Response(status=404, text="404 page not found\n")
        if kind == "blobs":
            if place not in self.blobs:
                return _unknown("BLOB_UNKNOWN")
            return web.Response(body=self.blobs[place])
        digest = self.tags.get(place, place)
        if digest not in self.manifests:
            return _unknown("MANIFEST_UNKNOWN")
        content, media_type = self.manifests[digest]
        return web.Response(body=content, content_type=media_type)

    def _list(self, digest: str, request: web.Request) -> web.Response:
        found = self.referrers(digest)
        if self.lie is not None:
            self.lie(found)
        start = int(request.query.get("from", "0"))
        index = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": found[start : start + self.page],
        }
        response = web.Response(body=spelled(index), content_type=OCI_INDEX)
        if start + self.page < len(found):
            place = f"{request.path}?from={start + self.page}"
            response.headers["Link"] = f'<{place}>; rel="next"'
        return response

    def _list_tags(self, request: web.Request) -> web.Response:
        start, found = int(request.query.get("from", "0")), [*self.tags]
        body = spelled({"name": NAME, "tags": found[start : start + self.page] or None})
        response = web.Response(body=body, content_type="application/json")
        if start + self.page < len(found):
            place = f"{request.path}?from={start + self.page}"
            response.headers["Link"] = f'<{place}>; rel="next"'
        return response

    def _is_authorized(self, request: web.Request) -> bool:
        header = request.headers.get("Authorization")
        match self.auth:
            case "basic":
                return header == basic(USER, PASSWORD)
            case "bearer":
                return header == f"Bearer {TOKEN}"
            case _:
                return True

    def _challenge(self) -> web.Response:
        header = 'Basic realm="stand-in"'
        if self.auth == "bearer":
            realm = f"http://{self.authority}/token"
            scope = "repository:others/all:pull,push,delete"
            header = f'Bearer realm="{realm}",service="stand-in",scope="{scope}"'
        return _unknown("UNAUTHORIZED", 401, {"WWW-Authenticate": header})

    async def _token(self, request: web.Request) -> web.Response:
        asked = dict(request.query) if request.method == "GET" else await request.post()
        self.tokens.append(json.dumps({**asked}, default=str))
        header = request.headers.get("Authorization")
        is_known = self.is_public or header == basic(USER, PASSWORD)
        if not is_known and asked.get("refresh_token") != PASSWORD:
            return web.Response(status=401, text=f"no {PASSWORD}")
        return web.json_response({"access_token": TOKEN, "expires_in": 300})


def basic(user: str, password: str) -> str:
    """Return the Authorization header of a user."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def _unknown(
    code: str, status: int = 404, headers: dict[str, str] | None = None
) -> web.Response:
    # A message may hold anything: here what a client must not repeat.
    errors = {"errors": [{"code": code, "message": f"not for {PASSWORD}"}]}
    return web.json_response(errors, status=status, headers=headers)
