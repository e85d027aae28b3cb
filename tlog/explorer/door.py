"""Serves the page's files, which are read once, from the package.

The page's own links are relative, so that it works below a prefix.  A server of files
has it too: `index.html` beside `checkpoint`, and the whole folder as `explorer`.
"""

import gzip
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from aiohttp import hdrs, web

from tlog.http.exchange import Asked, asked_of, rendered
from tlog.http.respond import Content, ranged_reply

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

_PAGE: Final = "index.html"
_TYPES: Final[Mapping[str, str]] = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
"""What is served, by the end of its name; other files of the folder are not."""

# Asked for again at each visit: the page and its modules must be of one release.
_CACHED: Final = "no-cache"


class _File:
    """One file, and the header of it; packed when somebody first asks for that."""

    def __init__(self, found: Traversable) -> None:
        self.plain = Content.of(found.read_bytes())
        self.media_type = _TYPES[found.name.rpartition(".")[2]]

    @cached_property
    def packed(self) -> Content:
        return Content.of(gzip.compress(self.plain.body, mtime=0))


class ExplorerEndpoints:
    """Serves the page and its files."""

    def __init__(self) -> None:
        root = files("tlog.explorer").joinpath("page")
        self._files = {path: _File(found) for path, found in _below(root, "")}

    async def page(self, request: web.Request) -> web.StreamResponse:
        """GET /."""
        return _answer(asked_of(request), self._files[_PAGE])

    async def file(self, request: web.Request) -> web.StreamResponse:
        """GET /explorer/{path}."""
        path = request.match_info["path"]
        if path not in self._files or path == _PAGE:
            raise web.HTTPNotFound
        return _answer(asked_of(request), self._files[path])


def explorer_routes(prefix: str) -> list[web.RouteDef]:
    """Return the routes of the page, below a prefix."""
    door = ExplorerEndpoints()
    return [
        web.get(f"{prefix}/", door.page),
        web.get(f"{prefix}/explorer/{{path:.+}}", door.file),
    ]


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for found in folder.iterdir():
        path = f"{prefix}{found.name}"
        if found.is_dir():
            yield from _below(found, f"{path}/")
        elif path.rpartition(".")[2] in _TYPES:
            yield path, found


def _answer(asked: Asked, file: _File) -> web.Response:
    headers: dict[str, str] = {
        hdrs.CACHE_CONTROL: _CACHED,
        hdrs.CONTENT_TYPE: file.media_type,
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    if "gzip" in asked.headers.get(hdrs.ACCEPT_ENCODING, "").split(", "):
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        return rendered(ranged_reply(asked, file.packed, headers))
    return rendered(ranged_reply(asked, file.plain, headers))
