"""The documents of a store in a bucket, read as anybody may who can list it."""

from collections.abc import Iterator, Sequence
from typing import Final

import obstore

from tlog.fsck.bucket import open_store, telling
from tlog.fsck.documents import BLOCK_BYTES

_LISTED: Final = 1_000


class BucketFiles:
    """The objects below s3://BUCKET/PREFIX, which is the root of one tier."""

    def __init__(self, url: str) -> None:
        """Raise RejectedError if the URL or the environment names no bucket."""
        self.root = url
        self._store = open_store(url)

    def names(self, folder: str) -> Sequence[str]:
        """Return the names of all objects below a folder, ascending."""
        with telling(folder):
            pages = obstore.list(self._store, f"{folder}/", chunk_size=_LISTED)
            return sorted(it["path"] for page in pages for it in page)

    def blocks(self, name: str) -> Iterator[bytes]:
        """Return the bytes of an object in ranges, none of which lasts long."""
        with telling(name):
            found = obstore.get(self._store, name)
            size = int(found.meta["size"])
            if size <= BLOCK_BYTES:
                yield bytes(found.bytes())
                return
            for start in range(0, size, BLOCK_BYTES):
                end = min(start + BLOCK_BYTES, size)
                yield bytes(obstore.get_range(self._store, name, start=start, end=end))
