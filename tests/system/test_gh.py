"""GitHub's own client, `gh attestation`, where it is installed; else this is skipped.

It verifies what `tlog attest --bundle` wrote, and asks our log as it asks GitHub.
"""

import base64
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request, urlopen

import pytest

from tests.support.rekor import b64
from tests.support.sigstore.workshop import Workshop, local_url, workshop
from tests.system.test_attest import NAMES, SLSA, prepared, tlog
from tests.tlogverify.refusal import flip
from tlogclient import BlockingLog
from tlogverify import Record
from tlogverify.record import Subject

GH = os.environ.get("TLOG_GH", "gh")

pytestmark = pytest.mark.skipif(shutil.which(GH) is None, reason="gh")

BUNDLE = "release.sigstore.json"
REPOSITORY = "team/app"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    flags = ("--sigstore-native", "--documents", "--publish-interval-ms", "0")
    with workshop(tmp_path_factory.mktemp("workshop"), *flags) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, shop: Workshop) -> Path:
    """Return a folder with artifacts, and a bundle about them by a workflow."""
    prepared(tmp_path)
    shop.certify(tmp_path, REPOSITORY)
    done = tlog(
        tmp_path,
        *("attest", *NAMES, "--key", "release.key", "--log", local_url(shop.server)),
        *("--policy", shop.server.folder / "policy", "--bundle", BUNDLE),
        *("--certificate", "release.pem"),
        *("--timestamp-authority", shop.neighbours.tsa_url),
    )
    assert 0 == done.returncode, done.stderr
    return tmp_path


def verify(
    folder: Path, shop: Workshop, *arguments: str | Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    root = shop.client.trust.with_name("trusted_root.json")
    own = {"HOME": str(folder), "PATH": os.environ["PATH"], "GH_TOKEN": "nobody's"}
    return subprocess.run(
        [
            *(GH, "attestation", "verify", NAMES[0], "--custom-trusted-root", root),
            *arguments,
        ],
        cwd=folder,
        env={**own, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_gh_verifies_our_bundle(folder: Path, shop: Workshop) -> None:
    by = ("--bundle", BUNDLE, "--repo", REPOSITORY)
    done = verify(folder, shop, *by, "--format", "json")
    assert 0 == done.returncode, done.stderr
    (found,) = json.loads(done.stdout)
    subjects = found["verificationResult"]["statement"]["subject"]
    assert {*NAMES} == {it["name"] for it in subjects}
    others = verify(folder, shop, "--bundle", BUNDLE, "--repo", "team/other")
    assert 1 == others.returncode
    (folder / NAMES[0]).write_bytes(flip((folder / NAMES[0]).read_bytes()))
    assert 1 == verify(folder, shop, *by).returncode


class Recorded(NamedTuple):
    """A GET as gh made it, without the server; headers: those that it sent."""

    target: str
    headers: dict[str, str]


@contextmanager
def recording(url: str) -> Iterator[tuple[str, list[Recorded]]]:
    """Serve a proxy that asks the log, whatever server a client asks for."""
    seen: list[Recorded] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            target = urlunsplit(("", "", *parts[2:]))
            seen.append(Recorded(target, dict(self.headers)))
            try:
                answer = urlopen(Request(url + target, headers=dict(self.headers)))  # noqa: S310 - our own server's
            except HTTPError as error:
                answer = error
            with answer:
                body = answer.read()
                self.send_response(answer.status)
                for name in ("Content-Type", "Link"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(  # type: ignore[explicit-override]  # typing: from 3.12
            self, *_: object
        ) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def store(folder: Path, shop: Workshop, *bundles: bytes) -> int:
    """Log that each of these is about the artifact, and have the log keep it.

    Return the index of the last entry.
    """
    subject = Subject(sha256((folder / NAMES[0]).read_bytes()).digest())
    with BlockingLog(shop.server.url, shop.server.policy) as log:
        records = [
            Record((subject,), sha256(it).digest(), predicate_type=SLSA)
            for it in bundles
        ]
        indexes = [proof.index for proof in log.submit(records)]
        for content, index in zip(bundles, indexes, strict=True):
            log.put_document(content, entry=index)
    return indexes[-1]


def test_gh_asks_our_log_as_it_asks_github(folder: Path, shop: Workshop) -> None:
    """Of the host `github.localhost` it asks for the API by plain HTTP.

    Bundles that are wrong fill the first page.  gh must follow the link to the second
    one, where the good one is.
    """
    good = (folder / BUNDLE).read_bytes()
    document = json.loads(good)
    signed = document["dsseEnvelope"]["signatures"][0]
    right = signed["sig"]
    signed["sig"] = b64(flip(base64.b64decode(right), 40))
    wrong = json.dumps(document).encode()
    long = [b"{%b%b" % (b" " * (3_900_000 + it), wrong[1:]) for it in range(3)]
    index = store(folder, shop, *long, good)
    with recording(shop.server.url) as (proxy, seen):
        for who in (("--owner", "team"), ("--repo", REPOSITORY)):
            done = verify(
                folder,
                shop,
                *(*who, "--hostname", "github.localhost", "--format", "json"),
                http_proxy=proxy,
            )
            assert 0 == done.returncode, done.stderr
            # It tells the last one twice: what it reads of a page replaces the first
            # ones of the page before.
            for it in json.loads(done.stdout):
                told = it["attestation"]["bundle"]["dsseEnvelope"]["signatures"]
                assert [{"sig": right}] == told
    subject = f"sha256:{sha256((folder / NAMES[0]).read_bytes()).hexdigest()}"
    first = f"/attestations/{subject}?per_page=30&predicate_type={SLSA}"
    expected = [
        f"{path}{first}{after}"
        for path in ("/orgs/team", "/repos/team/app")
        for after in ("", f"&after={index}")
    ]
    # `tests/tlog/documents/test_github.py` makes these requests where there is no gh.
    assert expected == [it.target for it in seen]
    assert {"api.github.localhost"} == {it.headers["Host"] for it in seen}
