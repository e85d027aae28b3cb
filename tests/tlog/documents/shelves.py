"""The adapters of a store's files, as processes open them, and what may go wrong."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest
from obstore.store import S3Store

from tests.support.bucket import NAME, Bucket
from tests.support.sharing import SomeBucket
from tlog.documents.shelf import Draft, Shelf
from tlog.documents.shelf_bucket import BucketShelf
from tlog.documents.shelf_folder import FolderShelf

PREFIX = "logs/log.example/documents"
_SOON = timedelta(milliseconds=1)


class Shelves(Protocol):
    """The files of one store."""

    def open(self) -> Shelf:
        """Open them as one more process."""
        ...

    def lay(self, name: str, content: bytes) -> None:
        """Write a file behind the store's back."""
        ...

    def laid(self) -> dict[str, bytes]:
        """Return all files by their names."""
        ...

    @contextmanager
    def away(self) -> Iterator[None]:
        """Let the machine, or the store behind its network, do nothing for a while."""
        ...


class FolderShelves:
    """Files in one folder."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._root = root
        self._monkeypatch = monkeypatch

    def open(self) -> Shelf:
        return FolderShelf(self._root)

    def lay(self, name: str, content: bytes) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def laid(self) -> dict[str, bytes]:
        return {
            str(it.relative_to(self._root)): it.read_bytes()
            for it in self._root.rglob("*")
            if it.is_file()
        }

    @contextmanager
    def away(self) -> Iterator[None]:
        def fail(*_: object, **__: object) -> int:
            raise OSError(5, "injected")

        with self._monkeypatch.context() as patched:
            for name in ("open", "scandir"):
                patched.setattr(os, name, fail)
            patched.setattr(Path, "open", fail)
            yield


class BucketShelves:
    """Objects in one bucket; each process has drafts of its own."""

    def __init__(self, bucket: SomeBucket, drafts: Path) -> None:
        self._bucket = bucket
        self._drafts = drafts

    def open(self) -> Shelf:
        self._drafts.mkdir(exist_ok=True)
        return BucketShelf(self.client(), f"s3://{NAME}/{PREFIX}", self._drafts)

    def client(self) -> S3Store:
        """Return a client that gives up soon."""
        variables = self._bucket.variables
        return S3Store(
            NAME,
            prefix=PREFIX,
            endpoint=variables["AWS_ENDPOINT_URL"],
            region=variables["AWS_REGION"],
            access_key_id=variables["AWS_ACCESS_KEY_ID"],
            secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            client_options={"allow_http": True},
            retry_config={
                "max_retries": 2,
                "backoff": {"init_backoff": _SOON, "max_backoff": _SOON},
            },
        )

    def lay(self, name: str, content: bytes) -> None:
        assert isinstance(self._bucket, Bucket)
        self._bucket.objects[f"{PREFIX}/{name}"] = content

    def laid(self) -> dict[str, bytes]:
        found = self._bucket.objects.copy()
        return {key.removeprefix(f"{PREFIX}/"): it for key, it in found.items()}

    @contextmanager
    def away(self) -> Iterator[None]:
        assert isinstance(self._bucket, Bucket)
        self._bucket.trouble = "NoSuchBucket"
        yield
        self._bucket.trouble = ""


def draft_of(shelf: Shelf, content: bytes) -> Draft:
    """Return a whole draft; whoever asks ends it."""
    draft = shelf.begin(len(content))
    draft.write(content)
    return draft


def stored(content: bytes) -> str:
    """Return the name of a stored document."""
    digits = hashlib.sha256(content).hexdigest()
    return f"stored/{digits[:2]}/{digits}"
