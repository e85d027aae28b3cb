"""POST /api/v2/log/entries on the wire: each row of the answers, each of the errors."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.oracle.rfc6962 import leaf_hash, node_hash
from tests.support.http import Answer, ask
from tests.support.openapi import require_documented
from tests.support.rekor import (
    KINDS,
    P256,
    KeyKind,
    b64,
    body_of,
    dsse,
    hashedrekord,
    leaf_of,
)
from tests.support.rekor_client import ORIGIN, PATH, Client, require_error
from tests.support.running import published, running_log
from tlogverify import parse_verifier_key

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.details)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with running_log(tmp_path / "log", origin=ORIGIN, sigstore=True) as running:
        yield Client(*running)


@each_kind
async def test_an_entry_of_each_kind_of_key_is_logged(
    client: Client, kind: KeyKind
) -> None:
    request = hashedrekord(b"an artifact", kind)
    entry = await client.submit(request)
    assert leaf_of(request, kind) == base64.b64decode(entry["canonicalizedBody"])


async def test_the_answer_is_the_message_that_clients_parse(client: Client) -> None:
    """M1 to M10: members, their types, and the defaults that are sent all the same."""
    request = hashedrekord(b"an artifact")
    entry = await client.submit(request)
    (vkey,) = [parse_verifier_key(it.encode().encode()) for it in client.log.keys]
    named = ORIGIN.encode() + b"\n\x01" + vkey.public_bytes
    note = client.log.heads.signed.note.decode()
    first = leaf_hash((await ask(client.url, "/api/v1/entries/0")).body)
    assert {
        "logIndex": "1",
        "logId": {"keyId": b64(hashlib.sha256(named).digest())},
        "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
        "integratedTime": "0",
        "inclusionPromise": None,
        "inclusionProof": {
            "logIndex": "1",
            "rootHash": b64(node_hash(first, leaf_hash(leaf_of(request)))),
            "treeSize": "2",
            "hashes": [b64(first)],
            "checkpoint": {"envelope": note},
        },
        "canonicalizedBody": b64(leaf_of(request)),
    } == entry
    assert vkey.key_id == hashlib.sha256(named).digest()[:4]


async def test_checkpoints_have_one_blank_line_and_the_logs_line_first(
    client: Client,
) -> None:
    entry = await client.submit(hashedrekord(b"an artifact"))
    lines = entry["inclusionProof"]["checkpoint"]["envelope"].split("\n")
    assert ["", ""] == [line for line in lines if not line]
    assert 3 == lines.index("")
    assert lines[4].startswith(f"— {ORIGIN} ")


@pytest.mark.parametrize("path", [PATH, f"/{PATH}"])
async def test_a_slash_more_is_the_same_place(client: Client, path: str) -> None:
    await client.submit(hashedrekord(b"an artifact"), path)


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", ""])
async def test_the_media_type_is_not_asked_for(client: Client, media_type: str) -> None:
    body = body_of(hashedrekord(b"an artifact"))
    answer = await client.post(body, content_type=media_type)
    assert 201 == answer.status


async def test_an_envelope_becomes_a_hashedrekord(client: Client) -> None:
    entry = await client.submit(dsse(b"a payload of nobody's business", P256))
    assert "hashedrekord" == entry["kindVersion"]["kind"]
    assert "x-log-index" not in entry


async def test_an_envelope_becomes_a_dsse_entry_where_that_is_wished(
    tmp_path: Path,
) -> None:
    changes = {"origin": ORIGIN, "sigstore": True, "sigstore_dsse": "legacy"}
    async with running_log(tmp_path / "log", **changes) as running:
        entry = await Client(*running).submit(dsse(b"payload", *KINDS))
    assert {"kind": "dsse", "version": "0.0.2"} == entry["kindVersion"]


async def test_no_payload_is_stored(tmp_path: Path) -> None:
    secret = b"a payload of nobody's business"
    changes = {"origin": ORIGIN, "sigstore": True}
    async with running_log(tmp_path / "log", **changes) as (url, log):
        await Client(url, log).submit(dsse(secret, P256))
        await published(log)
    stored = [it.read_bytes() for it in (tmp_path / "log").rglob("*") if it.is_file()]
    assert len(stored) > 5
    spellings = (secret, base64.b64encode(secret), secret.hex().encode())
    assert [] == [it for it in stored for spelling in spellings if spelling in it]


async def test_a_retry_gets_the_first_index_and_a_proof_of_now(client: Client) -> None:
    requests = [hashedrekord(b"%d" % number) for number in range(3)]
    first = [await client.submit(request) for request in requests]
    answer = await client.post(body_of(requests[0]))
    entry = answer.json()
    client.require_proven(entry)
    assert (201, "1", "1") == (
        answer.status,
        answer.headers["x-log-index"],
        entry["logIndex"],
    )
    assert "4" == entry["inclusionProof"]["treeSize"]
    assert ["1", "2", "3"] == [it["logIndex"] for it in first]
    assert 4 == client.log.heads.signed.size


async def test_a_new_entry_has_no_index_in_its_header(client: Client) -> None:
    answer = await client.post(body_of(hashedrekord(b"new")))
    assert "x-log-index" not in answer.headers


async def test_a_duplicate_is_a_conflict_where_that_is_wished(tmp_path: Path) -> None:
    changes = {"origin": ORIGIN, "sigstore": True, "sigstore_duplicates": "conflict"}
    async with running_log(tmp_path / "log", **changes) as running:
        client = Client(*running)
        await client.submit(hashedrekord(b"another"))
        request = hashedrekord(b"an artifact")
        await client.submit(request)
        answer = await client.post(body_of(request))
        require_error(answer, 409, 6, "an equivalent entry has index 2")
        assert "2" == answer.headers["x-log-index"]
        counted = b'tlog_refused_entries_total{reason="duplicate"} 1.0'
        assert counted in client.log.metrics.render()
        assert 3 == client.log.heads.signed.size


async def test_two_at_once_are_one_entry(client: Client) -> None:
    request = hashedrekord(b"an artifact")
    entries = await asyncio.gather(*(client.submit(request) for _ in range(20)))
    assert {"1"} == {entry["logIndex"] for entry in entries}


async def test_300_at_once_fill_a_tile_and_start_the_next(client: Client) -> None:
    requests = [hashedrekord(b"%d" % number) for number in range(300)]
    entries = await asyncio.gather(*map(client.submit, requests))
    assert set(range(1, 301)) == {int(entry["logIndex"]) for entry in entries}
    bodies = {entry["canonicalizedBody"] for entry in entries}
    assert {b64(leaf_of(request)) for request in requests} == bodies
    await published(client.log)
    for prefix in ("", "/api/v2"):
        bundle = await ask(client.url, f"{prefix}/tile/entries/000")
        partial = await ask(client.url, f"{prefix}/tile/entries/001.p/45")
        assert (200, 200) == (bundle.status, partial.status)
        for entry in entries:
            body = base64.b64decode(entry["canonicalizedBody"])
            framed = len(body).to_bytes(2, "big") + body
            place = bundle if int(entry["logIndex"]) < 256 else partial
            assert framed in place.body


@pytest.mark.parametrize("prefix", ["", "/api/v2"])
async def test_the_empty_log_can_be_read(tmp_path: Path, prefix: str) -> None:
    changes = {"origin": ORIGIN, "sigstore": True, "frozen": True}
    async with running_log(tmp_path / "log", **changes) as (url, log):
        await published(log)
        answer = await ask(url, f"{prefix}/checkpoint")
        root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        assert answer.body.startswith(f"{ORIGIN}\n0\n{root}\n\n".encode())
        assert "text/plain; charset=utf-8" == answer.headers["content-type"]
        assert 404 == (await ask(url, f"{prefix}/tile/0/000")).status


async def test_reads_below_both_paths_are_the_same(client: Client) -> None:
    await client.submit(hashedrekord(b"an artifact"))
    await published(client.log)
    for path in ("/checkpoint", "/tile/0/000.p/1", "/tile/entries/000.p/1"):
        root, below = (
            await ask(client.url, path),
            await ask(client.url, f"/api/v2{path}"),
        )
        assert (200, root.body) == (below.status, below.body)
        assert root.headers["cache-control"] == below.headers["cache-control"]


async def test_without_the_setting_nothing_of_it_is_there(tmp_path: Path) -> None:
    async with running_log(tmp_path / "log") as (url, log):
        await published(log)
        body = body_of(hashedrekord(b"an artifact"))
        assert 404 == (await ask(url, PATH, method="POST", body=body)).status
        assert 404 == (await ask(url, "/api/v2/checkpoint")).status
        assert 404 == (await ask(url, "/api/v2/tile/0/000")).status


NATIVE = {
    "kind": "provenance",
    "version": 1,
    "subject": [{"sha256": "00" * 32}],
    "provenance": {"sha256": "11" * 32},
}


async def post_native(url: str, entry: object) -> Answer:
    """Submit one entry by the native door."""
    return await ask(
        url,
        "/api/v1/entries",
        method="POST",
        headers={"Content-Type": "application/json"},
        body=json.dumps({"entries": [entry]}).encode(),
    )


async def test_the_native_door_is_closed_unless_it_is_asked_for(client: Client) -> None:
    answer = await post_native(client.url, NATIVE)
    require_documented("POST", "/api/v1/entries", answer)
    assert (405, "native-closed") == (answer.status, answer.json()["type"])
    assert "GET, HEAD" == answer.headers["allow"]
    assert 1 == client.log.heads.signed.size
    counted = b'tlog_refused_entries_total{reason="native-closed"} 1.0'
    assert counted in client.log.metrics.render()


@pytest.mark.parametrize(
    ("changes", "native", "sigstore"),
    [
        ({}, True, False),
        ({"frozen": True}, False, False),
        ({"sigstore_native": True}, True, False),
        ({"sigstore": True}, False, True),
        ({"sigstore": True, "sigstore_native": True}, True, True),
        ({"sigstore": True, "frozen": True}, False, False),
    ],
)
async def test_the_log_says_which_doors_take_entries(
    tmp_path: Path, changes: dict[str, bool], native: bool, sigstore: bool
) -> None:
    async with running_log(tmp_path / "log", origin=ORIGIN, **changes) as (url, _):
        answer = await ask(url, "/api/v1/log")
        require_documented("GET", "/api/v1/log", answer)
        doors = {"native": native, "sigstore": sigstore, "documents": False}
        assert doors == answer.json()["doors"]


async def test_a_log_that_holds_both_kinds_is_served_on(tmp_path: Path) -> None:
    async with running_log(tmp_path / "log", origin=ORIGIN) as (url, _):
        assert 201 == (await post_native(url, NATIVE)).status
    async with running_log(tmp_path / "log", origin=ORIGIN, sigstore=True) as running:
        client = Client(*running)
        entry = await client.submit(hashedrekord(b"an artifact"))
        assert ("1", "2") == (entry["logIndex"], entry["inclusionProof"]["treeSize"])
        native = (await ask(client.url, "/api/v1/entries/0")).json()
        assert NATIVE == native
        found = await ask(client.url, f"/api/v1/search?digest=sha256:{'00' * 32}")
        assert [0] == [hit["index"] for hit in found.json()["hits"]]


async def test_entries_of_both_doors_stand_in_one_tree(tmp_path: Path) -> None:
    changes = {"origin": ORIGIN, "sigstore": True, "sigstore_native": True}
    async with running_log(tmp_path / "log", **changes) as running:
        client = Client(*running)
        assert 201 == (await post_native(client.url, NATIVE)).status
        entry = await client.submit(hashedrekord(b"an artifact"))
        assert ("2", "3") == (entry["logIndex"], entry["inclusionProof"]["treeSize"])


async def test_the_native_door_takes_no_entry_of_the_other_kind(tmp_path: Path) -> None:
    changes = {"origin": ORIGIN, "sigstore": True, "sigstore_native": True}
    async with running_log(tmp_path / "log", **changes) as (url, log):
        leaf = json.loads(leaf_of(hashedrekord(b"an artifact")))
        answer = await post_native(url, leaf)
        assert 400 == answer.status
        assert 1 == log.heads.signed.size
