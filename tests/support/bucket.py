"""A bucket behind S3's protocol, in memory: as much of it as a log uses.

What a test needs beyond a real store: it can ignore conditions, lose answers, and be
away.  `gofakes3` stands in for it where that is on the path; see `tests/system`.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

NAME: Final = "bucket"

DELETED: Final = "DELETED"
"""What a request that drops objects is called, for `Bucket.hold_write`."""

# One request of the client and its two retries.
_ATTEMPTS: Final = 3


class Bucket:
    """What is stored, and what is wrong with the store.

    is_conditional: whether conditions are heard; ignores_if_match: not this one.
    trouble: the code of the error that all requests get.  refused: how many have got
    it.  uploads: parts of what is not an object so far.  largest_read: bytes of one
    answer to a request of no range.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.is_conditional = True
        self.ignores_if_match = False
        self.trouble = ""
        self.refused = 0
        self.url = ""
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.largest_read = 0
        self.checkpoints: list[bytes] = []
        self.held = Event()
        self.released = Event()
        self._holds = ""
        self._is_stored = False
        self._lock = Lock()
        self._nth = 0
        self._persists = False
        self._seen: list[str] = []
        self._cuts = 0

    @property
    def variables(self) -> dict[str, str]:
        """The environment in which a client finds it."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test-secret-of-the-bucket",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
        }

    def break_write(self, nth: int, *, persists: bool) -> None:
        """Let the nth object that is written from now on be cut off, with retries."""
        self._nth, self._persists, self._seen = nth, persists, []
        self._cuts = _ATTEMPTS

    def hold_write(self, part: str, *, is_stored: bool) -> None:
        """Let the next write of a key with this part wait until it is released.

        part: DELETED for one that drops objects.  is_stored: it is done before it
        waits, and not after.
        """
        self._holds, self._is_stored = part, is_stored
        self.held.clear()
        self.released.clear()

    def await_release(self, key: str, *, is_stored: bool) -> None:
        """Wait here with a write that is held."""
        if self._holds and self._holds in key and self._is_stored is is_stored:
            self._holds = ""
            self.held.set()
            self.released.wait()

    def put(self, key: str, content: bytes, conditions: tuple[str, str]) -> int:
        """Store an object; return the status, or 0 for an answer that is lost."""
        if self.is_conditional:
            with self._lock:
                return self._put(key, content, conditions)
        return self._put(key, content, ("", ""))

    def _put(self, key: str, content: bytes, conditions: tuple[str, str]) -> int:
        if key not in self._seen:
            self._seen.append(key)
        is_cut = self._cuts and self._seen.index(key) + 1 == self._nth
        self._cuts -= bool(is_cut)
        if is_cut and not self._persists:
            return 0
        if_none_match, if_match = conditions
        found = self.objects.get(key)
        if if_none_match and found is not None:
            return 0 if is_cut else 412
        if self.ignores_if_match:
            if_match = ""
        if if_match and (found is None or if_match != e_tag(found)):
            return 0 if is_cut else 412
        self.objects[key] = content
        if key.endswith("/checkpoint"):
            self.checkpoints.append(content)
        return 0 if is_cut else 200


def e_tag(content: bytes) -> str:
    """Return the ETag of an object."""
    return f'"{hashlib.sha256(content).hexdigest()}"'


@contextmanager
def bucket() -> Iterator[Bucket]:
    """Serve a bucket on a free port of this machine."""
    stored = Bucket()

    class Handler(_Answering):
        bucket = stored

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stored.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield stored
    finally:
        server.shutdown()
        server.server_close()


class _Answering(BaseHTTPRequestHandler):
    bucket: Bucket
    protocol_version = "HTTP/1.1"
    # An answer is written in two parts.
    disable_nagle_algorithm = True

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.bucket.trouble:
            self._refuse(404, self.bucket.trouble)
            return
        asked = parse_qs(urlsplit(self.path).query)
        if "partNumber" in asked:
            self._put_part(asked, content)
            return
        if source := self.headers.get("x-amz-copy-source", ""):
            self._copy(unquote(source).lstrip("/").removeprefix(f"{NAME}/"))
            return
        conditions = (
            self.headers.get("If-None-Match", ""),
            self.headers.get("If-Match", ""),
        )
        self.bucket.await_release(self._key, is_stored=False)
        status = self.bucket.put(self._key, content, conditions)
        self.bucket.await_release(self._key, is_stored=True)
        if status == 200:
            self._answer(200, b"", {"ETag": e_tag(content)})
        elif status:
            self._refuse(status, "PreconditionFailed")
        else:
            self.close_connection = True

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        if "list-type" in asked and not self.bucket.trouble:
            (prefix,) = asked.get("prefix", [""])
            (after,) = asked.get("start-after", [""])
            self._list(prefix, after)
            return
        found = self.bucket.objects.get(self._key)
        if self.bucket.trouble or found is None:
            self._refuse(404, self.bucket.trouble or "NoSuchKey")
            return
        told = {"ETag": e_tag(found), "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        if asked_range := re.fullmatch("bytes=([0-9]+)-([0-9]+)", self._range):
            start, end = int(asked_range[1]), min(int(asked_range[2]) + 1, len(found))
            if start >= end:
                self._refuse(416, "InvalidRange")
                return
            told["Content-Range"] = f"bytes {start}-{end - 1}/{len(found)}"
            self._answer(206, found[start:end], told)
            return
        self.bucket.largest_read = max(self.bucket.largest_read, len(found))
        self._answer(200, found, told)

    def do_HEAD(self) -> None:
        # An answer to HEAD has no words: not even that the bucket is gone.
        self.do_GET()

    @property
    def _range(self) -> str:
        return str(self.headers.get("Range", ""))

    def _put_part(self, asked: dict[str, list[str]], content: bytes) -> None:
        parts = self.bucket.uploads[asked["uploadId"][0]]
        parts[int(asked["partNumber"][0])] = content
        self._answer(200, b"", {"ETag": e_tag(content)})

    def _copy(self, source: str) -> None:
        found = self.bucket.objects.get(source)
        if found is None:
            self._refuse(404, "NoSuchKey")
            return
        self.bucket.objects[self._key] = found
        told = f"<CopyObjectResult><ETag>{e_tag(found)}</ETag></CopyObjectResult>"
        self._answer(200, told.encode(), {})

    def _post_upload(self, asked: dict[str, list[str]]) -> None:
        """Begin an upload in parts, or make its object of them."""
        if "uploads" in asked:
            upload = str(len(self.bucket.uploads) + 1)
            self.bucket.uploads[upload] = {}
            told = f"<UploadId>{upload}</UploadId>"
            kind = "InitiateMultipartUploadResult"
        else:
            parts = self.bucket.uploads.pop(asked["uploadId"][0])
            content = b"".join(parts[it] for it in sorted(parts))
            self.bucket.objects[self._key] = content
            told, kind = (
                f"<ETag>{e_tag(content)}</ETag>",
                "CompleteMultipartUploadResult",
            )
        self._answer(200, f"<{kind}>{told}</{kind}>".encode(), {})

    def _list(self, prefix: str, after: str) -> None:
        modified = "<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        listed = "".join(
            f"<Contents><Key>{key}</Key>{modified}<Size>{len(content)}</Size>"
            f"<ETag>{e_tag(content)}</ETag></Contents>"
            for key, content in sorted(self.bucket.objects.copy().items())
            if key.startswith(prefix) and key > after
        )
        told = f"<ListBucketResult><Name>{NAME}</Name>{listed}</ListBucketResult>"
        self._answer(200, told.encode(), {})

    def do_DELETE(self) -> None:
        if self.bucket.trouble:
            self._refuse(404, self.bucket.trouble)
            return
        self._drop(self._key)
        self._answer(204, b"", {})

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if self.bucket.trouble:
            self._refuse(404, self.bucket.trouble)
            return
        if {"uploads", "uploadId"} & query.keys():
            self._post_upload(query)
            return
        keys = re.findall("<Key>([^<]*)</Key>", asked)
        self._drop(*keys)
        deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode(), {})

    def _drop(self, *keys: str) -> None:
        self.bucket.await_release(DELETED, is_stored=False)
        for key in keys:
            self.bucket.objects.pop(key, None)
        self.bucket.await_release(DELETED, is_stored=True)

    @property
    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix(f"/{NAME}/")

    def _refuse(self, status: int, code: str) -> None:
        self.bucket.refused += code == self.bucket.trouble
        self._answer(status, f"<Error><Code>{code}</Code></Error>".encode(), {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(  # type: ignore[explicit-override]  # typing: from 3.12
        self, format: str, *args: Any
    ) -> None:
        """Keep the test's output readable."""
