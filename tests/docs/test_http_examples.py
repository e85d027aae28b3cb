"""The exchanges of docs/http.md, byte for byte, with a log whose key is known."""

import time
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path

import pytest

from tests.docs.documents import DOCS, Block, blocks
from tests.docs.workplace import Workplace
from tlog.signing import SigningKey
from tlogverify.keys import KeyType

HTTP = DOCS / "http.md"
ORIGIN = "log.example.org"
SEED = bytes(range(32))
PATIENCE_S = 240


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    place = Workplace(tmp_path)
    keys = place.folder / "log" / "keys"
    keys.mkdir(parents=True, mode=0o700)
    SigningKey(ORIGIN, KeyType.ED25519, SEED).write(keys / "log.ed25519")
    try:
        place.serve("tlog serve --data log --publish-interval-ms 0")
        yield place
    finally:
        place.end()


def exchanges() -> list[tuple[Block, Block]]:
    """Return each request with its answer."""
    found = [block for block in blocks(HTTP) if block.language == "http"]
    return [
        (request, answer)
        for request, answer in pairwise(found)
        if answer.text[:3].isdigit()
    ]


def send(url: str, request: str, expected: str) -> str:
    """Send a request and return its answer, with the headers that `expected` shows."""
    head, _, body = request.partition("\n\n")
    first, *lines = head.rstrip().split("\n")
    method, path = first.split(" ", 1)
    headers = dict(line.split(": ", 1) for line in lines)
    shown, _, _ = expected.partition("\n\n")
    connection = HTTPConnection(url.removeprefix("http://"))
    try:
        connection.request(method, path, body.rstrip("\n").encode() or None, headers)
        answer = connection.getresponse()
        content = answer.read().decode()
    finally:
        connection.close()
    names = [line.split(": ")[0] for line in shown.rstrip().split("\n")[1:]]
    told = [f"{answer.status} {answer.reason}"]
    told += [f"{name}: {answer.headers[name]}" for name in names]
    # Only texts end with a newline of their own; the block's last one is the block's.
    if answer.headers.get_content_type() != "text/plain":
        assert not content.endswith("\n")
        content += "\n" if content else ""
    return "\n".join(told) + "\n" + (f"\n{content}" if content else "")


def test_every_exchange_is_what_a_log_says(workplace: Workplace) -> None:
    for request, answer in exchanges():
        deadline = time.monotonic() + PATIENCE_S
        told = send(workplace.url, request.text, answer.text)
        # The public checkpoint and the search index follow the signed head.
        while told != answer.text and time.monotonic() < deadline:
            if request.text.startswith("POST"):
                break
            told = send(workplace.url, request.text, answer.text)
        assert answer.text == told, answer.place
    for block in blocks(HTTP):
        if block.language == "python":
            workplace.run(block)


def test_every_request_has_its_answer() -> None:
    found = [block for block in blocks(HTTP) if block.language == "http"]
    assert len(found) == 2 * len(exchanges())
