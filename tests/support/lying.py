"""A server between a browser and a log, which changes answers as it is told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

Lie = Callable[[bytes], bytes]


class LyingServer:
    """Hands on what a log answers; lies: what is done to an answer, by its path."""

    def __init__(self, log: str) -> None:
        self.log = log
        self.lies: dict[str, Lie] = {}
        self.asked: list[str] = []

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Return status, type and body."""
        self.asked.append(path)
        try:
            with urlopen(Request(self.log + path)) as found:  # noqa: S310 - loopback
                status, kind, body = (
                    found.status,
                    found.headers["Content-Type"],
                    found.read(),
                )
        except HTTPError as error:
            with error:
                status, kind, body = (
                    error.code,
                    error.headers["Content-Type"],
                    error.read(),
                )
        for start, lie in self.lies.items():
            if path.startswith(start):
                body = lie(body)
                status = 200 if body else 404
        return status, kind, body


@contextmanager
def lying_about(log: str) -> Iterator[tuple[str, LyingServer]]:
    """Serve what stands between; give its URL and what it does."""
    lying = LyingServer(log)

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # A stream would be read to its end, which it has not.
            if self.path.startswith("/api/v1/events"):
                self.send_error(404)
                return
            status, kind, body = lying.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(  # type: ignore[explicit-override]  # typing: from 3.12
            self, format: str, *args: object
        ) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", lying
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
