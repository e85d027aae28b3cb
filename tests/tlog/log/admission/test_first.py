"""The first entry of a log for Sigstore's clients: made once, before all others."""

import asyncio
import base64
import json
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.faults.faulty import Fault, FaultyConnection
from tests.faults.opened import sqlite_journal
from tests.support.http import ask
from tests.support.records import canonical, record
from tests.support.rekor import hashedrekord
from tests.support.rekor_client import ORIGIN, Client
from tests.support.running import log_settings, published, running_log
from tlog.fsck.check import check_folder
from tlog.log.opening import open_log
from tlog.log.serving import serve

SIGSTORE = {"origin": ORIGIN, "sigstore": True}
STATEMENT = f"tlog: the first entry of {ORIGIN}\n".encode()


async def first_of(url: str) -> bytes:
    """Return the entry at index 0."""
    answer = await ask(url, "/api/v1/entries/0")
    assert 200 == answer.status
    return answer.body


async def test_it_is_a_hashedrekord_over_a_text_that_names_the_log(
    tmp_path: Path,
) -> None:
    async with running_log(tmp_path / "log", **SIGSTORE) as (url, log):
        assert 1 == log.heads.signed.size
        document = json.loads(await first_of(url))
    assert ("hashedrekord", "0.0.2") == (document["kind"], document["apiVersion"])
    members = document["spec"]["hashedRekordV002"]
    assert "SHA2_256" == members["data"]["algorithm"]
    digest = base64.b64decode(members["data"]["digest"], validate=True)
    assert sha256(STATEMENT).digest() == digest
    verifier = members["signature"]["verifier"]
    assert "PKIX_ECDSA_P256_SHA_256" == verifier["keyDetails"]
    key = load_der_public_key(base64.b64decode(verifier["publicKey"]["rawBytes"]))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    signature = base64.b64decode(members["signature"]["content"])
    key.verify(signature, STATEMENT, ec.ECDSA(SHA256()))


async def test_the_door_takes_it_for_what_it_has(tmp_path: Path) -> None:
    """Submitted by a client, it is a duplicate: it passes each check of the door."""
    async with running_log(tmp_path / "log", **SIGSTORE) as (url, log):
        members = json.loads(await first_of(url))["spec"]["hashedRekordV002"]
        request = {
            "hashedRekordRequestV002": {
                "digest": members["data"]["digest"],
                "signature": members["signature"],
            }
        }
        entry = await Client(url, log).submit(request)
        assert ("0", 1) == (entry["logIndex"], log.heads.signed.size)


async def test_it_is_made_once(tmp_path: Path) -> None:
    async with running_log(tmp_path / "log", **SIGSTORE) as (url, _):
        first = await first_of(url)
    async with running_log(tmp_path / "log", **SIGSTORE) as (url, log):
        assert (first, 1) == (await first_of(url), log.heads.signed.size)
        entry = await Client(url, log).submit(hashedrekord(b"an artifact"))
        assert "1" == entry["logIndex"]
        await published(log)
    verdict = check_folder(tmp_path / "log", lambda done, total: None, tree_only=False)
    assert (2, 2) == (verdict.signed_size, verdict.indexed_size)


async def test_a_log_that_has_entries_stays_as_it_is(tmp_path: Path) -> None:
    native = canonical(record(1))
    async with running_log(tmp_path / "log", origin=ORIGIN) as (_, log):
        log.submitting.pool.put([native])
        await published(log)
    async with running_log(tmp_path / "log", **SIGSTORE) as (url, log):
        assert native == await first_of(url)
        entry = await Client(url, log).submit(hashedrekord(b"an artifact"))
        assert "1" == entry["logIndex"]


@pytest.mark.parametrize("changes", [{"frozen": True}, {"sigstore": False}])
async def test_no_other_log_has_one(tmp_path: Path, changes: dict[str, bool]) -> None:
    async with running_log(tmp_path / "log", **{**SIGSTORE, **changes}) as (_, log):
        assert 0 == log.heads.signed.size


def test_a_log_that_ended_before_the_commit_makes_it_at_the_next_start(
    tmp_path: Path,
) -> None:
    """Opened, and never served: keys and an empty journal are what a crash leaves."""
    settings = log_settings(tmp_path / "log", **SIGSTORE)
    leaves = []
    for _ in range(2):
        log = open_log(settings)
        leaves.append(log.submitting.first_entry)
        assert 0 == log.heads.signed.size
        log.start(lambda: None)
        log.close()
    assert None not in leaves
    assert leaves[0] != leaves[1]


async def test_a_commit_that_fails_at_the_start_is_made_before_any_other(
    tmp_path: Path,
) -> None:
    log = await asyncio.to_thread(open_log, log_settings(tmp_path / "log", **SIGSTORE))
    fault, journal = Fault("INSERT", 1, persists=False), sqlite_journal(log)
    journal.writing = FaultyConnection(journal.writing, fault)
    stop, url = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(log, stop, url.set_result))
    client = Client(await url, log)
    assert (True, 0) == (fault.has_struck, log.heads.signed.size)
    entry = await client.submit(hashedrekord(b"an artifact"))
    stop.set()
    await serving
    assert ("1", 2) == (entry["logIndex"], log.heads.signed.size)
