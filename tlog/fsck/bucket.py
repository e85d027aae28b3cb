"""The public files of a log in a bucket, read as anybody may who can list it.

A node may write meanwhile: it drops an incomplete tile when the full one is there.
"""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from tlog.errors import RejectedError
from tlogverify.bundles import encode_bundle, parse_bundle
from tlogverify.errors import FormatError
from tlogverify.hashing import HASH_SIZE
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile

_AT_ONCE: Final = 32
_TIMEOUT: Final = timedelta(seconds=30)


def open_store(url: str) -> S3Store:
    """Return a client of s3://BUCKET/PREFIX; RejectedError if there can be none.

    The rest is read from the environment, as AWS's tools do.
    """
    is_plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    try:
        return S3Store.from_url(
            url, client_options={"timeout": _TIMEOUT, "allow_http": is_plain}
        )
    except (BaseError, ValueError) as error:
        raise RejectedError(f"objects cannot be used: {error}") from error


class BucketPlace:
    """The files of one log, which lie below its origin.

    url: s3://BUCKET/PREFIX.
    """

    def __init__(self, url: str, origin: str) -> None:
        self._store = open_store(url)
        self._url = f"{url.rstrip('/')}/{origin}"
        self._origin = origin
        self._ahead: dict[Tile, bytes] = {}

    def where(self, path: str) -> str:
        """Return the URL of a file."""
        return f"{self._url}/{path}"

    def expect(self, tiles: Sequence[Tile]) -> None:
        """Read tiles ahead, many at once; those that are not there are left out."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = pool.map(self._try, tiles)
            both = zip(tiles, found, strict=True)
            self._ahead = {tile: it for tile, it in both if it is not None}

    def read(self, tile: Tile) -> bytes:
        """Return a tile's bytes; of the full one, if that has taken its place."""
        ahead = self._ahead.pop(tile, None)
        return self._read(tile) if ahead is None else ahead

    def head(self, name: str) -> bytes:
        """Return the note of a head."""
        return self._get(name)

    def names(self) -> Iterable[str]:
        """Return the paths of all objects below tile/."""
        prefix = f"{self._origin}/tile/"
        with telling(prefix):
            for page in obstore.list(self._store, prefix):
                for it in page:
                    yield it["path"].removeprefix(f"{self._origin}/")

    def _try(self, tile: Tile) -> bytes | None:
        try:
            return self._read(tile)
        except FileNotFoundError:
            return None

    def _read(self, tile: Tile) -> bytes:
        try:
            return self._get(tile.path)
        except FileNotFoundError:
            if tile.is_full:
                raise
            return _beginning(self._get(tile.full.path), tile)

    def _get(self, path: str) -> bytes:
        with telling(path):
            return bytes(obstore.get(self._store, f"{self._origin}/{path}").bytes())


def _beginning(full: bytes, tile: Tile) -> bytes:
    if tile.level != ENTRIES:
        return full[: tile.width * HASH_SIZE]
    try:
        return encode_bundle(parse_bundle(full, TILE_WIDTH)[: tile.width])
    except FormatError:
        # It is damaged: whoever reads it finds that out.
        return full


@contextmanager
def telling(path: str) -> Iterator[None]:
    """Let the store's trouble leave the body as OSError."""
    try:
        yield
    except FileNotFoundError as error:
        # A bucket that is gone says nothing of what was in it.
        if "NoSuchBucket" in str(error):
            raise OSError(errno.EIO, "there is no such bucket", path) from error
        raise FileNotFoundError(errno.ENOENT, "not in the bucket", path) from error
    except BaseError as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise OSError(errno.EIO, said, path) from error
