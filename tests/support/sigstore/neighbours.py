"""What stands beside a log when somebody signs: Fulcio, CT log, TSA, identities.

Real HTTP servers on loopback; whom they serve and what they sign with is made up here.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.sigstore import fulcio, timestamps
from tests.support.sigstore.ctlog import CtLog
from tests.support.sigstore.fulcio import Fulcio
from tests.support.sigstore.identities import IdentityProvider
from tests.support.sigstore.timestamps import TimestampAuthority

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
        _listen(fulcio.PATH, 200, "application/json", ca.answer) as fulcio_url,
        _listen(
            timestamps.PATH,
            201,
            "application/timestamp-reply",
            lambda _, body: tsa.answer(body),
        ) as tsa_url,
    ):
        yield Neighbours(
            provider, ctlog, ca, tsa, fulcio_url, f"{tsa_url}{timestamps.PATH}"
        )


@contextmanager
def _listen(path: str, status: int, media_type: str, answer: Answer) -> Iterator[str]:
    class Connection(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found = self.path == path
            authorization = self.headers.get("Authorization", "")
            content = answer(authorization, body) if found else b""
            self.send_response(status if found else 404)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(  # type: ignore[explicit-override]  # typing: from 3.12
            self, *_: object
        ) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Connection)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
