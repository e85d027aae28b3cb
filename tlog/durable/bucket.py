"""A bucket of an S3-compatible store: its client, and what its answers mean.

Loaded only where settings name a bucket, because its library is an extra.

Source: Amazon S3, "Conditional writes"; `docs/decisions/0031-*`.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Final, NamedTuple

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from tlog.durable.at_once import at_once
from tlog.errors import RejectedError
from tlogverify.errors import FormatError

_PROBES: Final = 8
_TIMEOUT: Final = timedelta(seconds=10)


class FoundObject(NamedTuple):
    """An object's bytes, and the ETag that only these bytes have."""

    content: bytes
    e_tag: str


def open_bucket(url: str) -> S3Store:
    """Return a client of s3://BUCKET/PREFIX, below whose prefix all its keys are.

    The rest is read from the environment, as AWS's tools do.  RejectedError if the URL
    or the environment names no bucket.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    try:
        return S3Store.from_url(
            url,
            client_options={
                "timeout": _TIMEOUT,
                "connect_timeout": _TIMEOUT / 2,
                "allow_http": endpoint.startswith("http://"),
            },
            retry_config={"max_retries": 2, "retry_timeout": _TIMEOUT},
        )
    except (BaseError, ValueError) as error:
        raise RejectedError(f"objects cannot be used: {error}") from error


def probe_bucket(store: S3Store, key: str) -> None:
    """Raise RejectedError unless writers that are told apart by conditions are one.

    key: of an object that is made for it and dropped.  OSError if the store cannot be
    used now.
    """
    created = _winners(store, key, "create", b"made by %d")
    try:
        if created != 1:
            raise RejectedError(
                f"this store lets {created} of {_PROBES} writers create one object: it "
                "has no atomic If-None-Match, and a log must not be kept in it"
            )
        replaced = _winners(store, key, get_object(store, key).e_tag, b"replaced by %d")
        if replaced != 1:
            raise RejectedError(
                f"this store lets {replaced} of {_PROBES} writers replace one object: "
                "it has no atomic If-Match, and a log must not be kept in it"
            )
    finally:
        # What is left of a probe is in nobody's way.
        with suppress(BaseError, OSError):
            obstore.delete(store, key)


def _winners(store: S3Store, key: str, condition: str, content: bytes) -> int:
    """Let several write at once on one condition; return how many of them could."""

    def put(number: int) -> bool:
        try:
            with telling(key):
                if condition == "create":
                    obstore.put(store, key, content % number, mode="create")
                else:
                    obstore.put(store, key, content % number, mode={"e_tag": condition})
        except (AlreadyExistsError, PreconditionError):
            return False
        return True

    return sum(at_once(put, range(_PROBES)))


def get_object(store: S3Store, key: str, most: int | None = None) -> FoundObject:
    """Return an object; FileNotFoundError if it is not there, OSError in trouble.

    most: its longest; FormatError, and nothing is read, if it is longer.
    """
    with telling(key):
        found = obstore.get(store, key)
        if most is not None and found.meta["size"] > most:
            raise FormatError(f"{key} has at most {most} bytes", found.meta["size"])
        e_tag = require_e_tag(key, found.meta["e_tag"])
        return FoundObject(bytes(found.bytes()), e_tag)


@contextmanager
def telling(key: str) -> Iterator[None]:
    """Let the store's trouble leave the body as OSError, and a condition as it is."""
    try:
        yield
    except (AlreadyExistsError, PreconditionError):
        raise
    except FileNotFoundError as error:
        # A bucket that is gone says nothing of what was in it.
        if "NoSuchBucket" in str(error):
            raise OSError(errno.EIO, said(error), key) from error
        raise FileNotFoundError(errno.ENOENT, "not in the bucket", key) from error
    except BaseError as error:
        raise OSError(errno.EIO, said(error), key) from error


def require_e_tag(key: str, e_tag: str | None) -> str:
    """Return the ETag of an object; RejectedError if the store gives none."""
    if e_tag is None:
        raise RejectedError(f"this store gives {key} no ETag: it is not one for a log")
    return e_tag


def said(error: Exception) -> str:
    """Return the first line of what the store's client says."""
    return (str(error).splitlines() or [type(error).__name__])[0]
