"""Sigstore's own server beside this one: the same requests, the same leaves.

Skipped unless TLOG_BENCH_REKOR names its binary, which `go install` makes of
github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix; 2.3.0 was compared.
"""

import asyncio
import copy
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.connections import Client
from benchmarks.running import serving_rekor
from tests.support.http import Answer, ask
from tests.support.rekor import (
    KINDS,
    P256,
    KeyKind,
    body_of,
    certificate,
    hashedrekord,
    private_key,
)
from tests.support.rekor_client import PATH
from tests.support.running import running_log
from tests.tlog.entries.test_rekor_request import BAD_HASHEDREKORDS, Change

BINARY = os.environ.get("TLOG_BENCH_REKOR", "")
pytestmark = pytest.mark.skipif(not BINARY, reason="needs TLOG_BENCH_REKOR")

LOOSE = "PSS"
"""What upstream takes though no client can verify it: see docs/sigstore.md."""


@dataclass(frozen=True)
class Both:
    """The two servers."""

    ours: str
    theirs: str

    async def post(self, body: bytes) -> tuple[Answer, Answer]:
        """Send the same to both; return our answer and theirs."""
        ours = await ask(self.ours, PATH, method="POST", body=body)
        request = b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"
        async with Client.to(self.theirs, 1) as client:
            whole = request % (PATH.encode(), len(body), body)
            (theirs,) = (await client.closed_loop([whole])).answers
        return ours, Answer(theirs.status, {}, theirs.body)


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Both]:
    changes = {"origin": "log.example.org", "sigstore": True}
    async with running_log(tmp_path / "log", **changes) as (url, _):
        serving = serving_rekor(
            BINARY, tmp_path / "rekor", "--checkpoint-interval=100ms"
        )
        theirs = await asyncio.to_thread(serving.__enter__)
        yield Both(url, theirs)
        await asyncio.to_thread(serving.__exit__, None, None, None)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.details)
async def test_the_leaf_is_the_same(both: Both, kind: KeyKind) -> None:
    for cert in (None, certificate(private_key(kind))):
        ours, theirs = await both.post(body_of(hashedrekord(b"x", kind, cert)))
        assert (201, 201) == (ours.status, theirs.status)
        for name in ("canonicalizedBody", "kindVersion", "integratedTime"):
            assert theirs.json()[name] == ours.json()[name]
        assert set(theirs.json()) == set(ours.json())
        proofs = theirs.json()["inclusionProof"], ours.json()["inclusionProof"]
        assert set(proofs[0]) == set(proofs[1])


@pytest.mark.parametrize(
    ("name", "change"),
    [pytest.param(name, change, id=name) for name, change, _ in BAD_HASHEDREKORDS],
)
async def test_what_is_refused_is_the_same(
    both: Both, name: str, change: Change
) -> None:
    request = copy.deepcopy(hashedrekord(b"an artifact", P256))
    change(request)
    ours, theirs = await both.post(body_of(request))
    assert (400, 3) == (ours.status, ours.json()["code"])
    if name == LOOSE:
        assert 201 == theirs.status
    else:
        assert (400, 3) == (theirs.status, theirs.json()["code"])
