"""What stands beside a log when somebody signs: Fulcio, CT log, TSA, identities.

Real HTTP servers on loopback; whom they serve and what they sign with is made up here.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from jwt.exceptions import PyJWTError

from tlog.trial import fulcio, timestamps
from tlog.trial.ctlog import CtLog
from tlog.trial.fulcio import Fulcio
from tlog.trial.identities import IdentityProvider
from tlog.trial.timestamps import TimestampAuthority

_MAX_BODY_BYTES: Final = 64 << 10
_MOST_READ_BYTES: Final = 16 << 20
_REFUSED: Final = (
    *(ValueError, KeyError, TypeError, AttributeError),
    *(InvalidSignature, UnsupportedAlgorithm, PyJWTError),
)
"""What parsers make of a request that is none."""

Answer = Callable[[str, bytes], bytes]
"""From the Authorization header and the body to the answer's body."""


@dataclass(frozen=True)
class Neighbours:
    """The stand-ins, and where they listen."""

    provider: IdentityProvider
    ctlog: CtLog
    fulcio: Fulcio
    tsa: TimestampAuthority
    fulcio_url: str
    tsa_url: str

    def write_trust(self, folder: Path) -> None:
        """Write what a self-hoster has of them: fulcio.pem, ctlog.pem, tsa.pem."""
        (folder / "fulcio.pem").write_bytes(self.fulcio.chain_pem)
        (folder / "ctlog.pem").write_bytes(self.ctlog.public_pem)
        (folder / "tsa.pem").write_bytes(self.tsa.chain_pem)

    def flags(self, folder: Path) -> list[str]:
        """Return the flags of `tlog sigstore-config` that name them all."""
        self.write_trust(folder)
        return [
            *("--fulcio", f"{self.fulcio_url}={folder / 'fulcio.pem'}"),
            *("--ctlog", f"{self.fulcio_url}={folder / 'ctlog.pem'}"),
            *("--tsa", f"{self.tsa_url}={folder / 'tsa.pem'}"),
            *("--oidc", self.provider.issuer),
        ]


@contextmanager
def neighbours() -> Iterator[Neighbours]:
    """Serve all of them, and no longer than the block."""
    provider, ctlog = IdentityProvider(), CtLog()
    ca, tsa = Fulcio(provider, ctlog), TimestampAuthority()
    with (
        _listen(fulcio.PATH, "200 OK", "application/json", ca.answer) as fulcio_url,
        _listen(
            timestamps.PATH,
            "201 Created",
            "application/timestamp-reply",
            lambda _, body: tsa.answer(body),
        ) as tsa_url,
    ):
        yield Neighbours(
            provider, ctlog, ca, tsa, fulcio_url, f"{tsa_url}{timestamps.PATH}"
        )


@contextmanager
def _listen(path: str, status: str, media_type: str, answer: Answer) -> Iterator[str]:
    def told(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        refusal, content = _answered(environ, path, answer)
        headers = [("Content-Type", media_type), ("Content-Length", f"{len(content)}")]
        start(refusal or status, headers)
        return [content]

    server = make_server("127.0.0.1", 0, told, _Threads, _Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answered(environ: WSGIEnvironment, path: str, answer: Answer) -> tuple[str, bytes]:
    """Return a refusal, or "", and what is answered."""
    said = environ.get("CONTENT_LENGTH") or "none"
    size = int(said) if said.isdecimal() else 0
    # Also of what is refused: a client that cannot send all of it hears no answer.
    body = environ["wsgi.input"].read(min(size, _MOST_READ_BYTES))
    if environ["PATH_INFO"] != path:
        return "404 Not Found", b""
    if not said.isdecimal() or size > _MAX_BODY_BYTES:
        return "413 Content Too Large", b""
    try:
        return "", answer(environ.get("HTTP_AUTHORIZATION", ""), body)
    except _REFUSED as error:
        return "400 Bad Request", type(error).__name__.encode()


class _Threads(ThreadingMixIn, WSGIServer):
    """A thread for each connection."""


class _Quiet(WSGIRequestHandler):
    """Says nothing of what it is asked."""

    def log_message(  # type: ignore[explicit-override]  # typing: from 3.12
        self, *_: object
    ) -> None:
        """Say nothing."""
