"""Sigstore bundles that a log with documents makes for GitHub's clients.

What Sigstore's clients have signed by a certificate counts by the log entry that they
made of it, which no record's proof stands for.  Bundles are judged by what is in them,
so that the log can withhold some and nothing else.

Source: this project's `docs/http.md`, "GitHub's shape".
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Final

import aiohttp
from yarl import URL

from tlog.gate.sources import Asked, Found, LogBounds, Taken
from tlog.rules import Bundled
from tlogclient.errors import UnavailableError
from tlogclient.network import Network
from tlogclient.strictjson import parse_json, read_array, read_object
from tlogclient.transport import HEADERS, new_session, read_bounded, read_refusal
from tlogverify.errors import FormatError

_PAGE_BYTES: Final = 16 << 20
_PER_PAGE: Final = 100


class BundleSource:
    """The door of one log in GitHub's shape; an async context manager, used once."""

    name, is_local, is_by_place = "bundles", False, False

    def __init__(
        self, log: str, network: Network, bounds: LogBounds, per_page: int = _PER_PAGE
    ) -> None:
        self._root = f"{log.rstrip('/')}/repos/-/-/attestations"
        self._network = network
        self._bounds = bounds
        self._per_page = per_page
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "BundleSource":
        headers = {**HEADERS, "Accept": "application/json"}
        self._session = new_session(headers, self._network)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def find(self, asked: Asked) -> Found:
        """Return the bundles about an artifact, of all pages.

        Raises UnavailableError, RefusedError, FormatError or TimeoutError.
        """
        taken = Taken(self._bounds)
        target = URL(f"{self._root}/sha256:{asked.sha256.hex()}")
        after: URL | None = target.with_query(per_page=self._per_page)
        async with asyncio.timeout(self._bounds.wait_s):
            while after is not None:
                bundles, after = await self._page(after)
                for it in bundles:
                    if not taken.add(Bundled("a bundle of the log", it)):
                        return taken.found()
        return taken.found()

    async def _page(self, target: URL) -> tuple[Sequence[bytes], URL | None]:
        session = self._session
        if session is None:
            raise UnavailableError("the gate is closed")
        try:
            async with session.get(target, allow_redirects=False) as answer:
                if answer.status == 404:
                    # Nothing is kept of it, or this log keeps no documents.
                    return (), None
                if answer.status >= 400:
                    raise await read_refusal(answer)
                if answer.status != 200:
                    raise FormatError("an answer's status is 200", answer.status)
                body = await read_bounded(answer, _PAGE_BYTES)
                link = answer.links.get("next")
                after = None if link is None else link.get("url")
        except aiohttp.ClientError as error:
            raise UnavailableError("no answer from the log") from error
        if isinstance(after, URL) and after.origin() != target.origin():
            raise FormatError("a next page is the same log's", str(after))
        return _bundles(body), after if isinstance(after, URL) else None


def _bundles(body: bytes) -> Sequence[bytes]:
    rule = "a page of bundles"
    page = read_object(rule, parse_json(rule, body))
    found = read_array("attestations", page.get("attestations"))
    # What is signed stands in base64: the rest may be written anew.
    return [
        json.dumps(
            read_object("a bundle", read_object(rule, it).get("bundle"))
        ).encode()
        for it in found
    ]
