"""A log with front ends, as real processes, beside a log of one process."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.cases import case
from tests.support.http import Answer, ask, post
from tests.support.records import canonical, cbor_body, digest, json_body, record
from tests.support.rekor import body_of, hashedrekord
from tests.support.rekor_client import PATH
from tests.support.working import (
    FRONTS,
    free_address,
    processes_of,
    totals,
    until_whole,
)
from tests.system.load import entry
from tests.system.server import ServerProcess, WitnessProcess, run_tlog, serving
from tlog.signing import generate_key
from tlogclient import LogClient
from tlogverify import Policy
from tlogverify.keys import KeyType

ORIGIN = "log.example"
ENTRIES = "/api/v1/entries"
DOCUMENT = b"a document that an entry names" * 3_000
NAME = f"sha256:{sha256(DOCUMENT).hexdigest()}"
FLAGS = ("--sigstore", "--sigstore-native", "--documents", "--explorer")


class Twins(NamedTuple):
    """A log of one process, and one with front ends that began as its copy."""

    plain: ServerProcess
    fronted: ServerProcess


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    folder = tmp_path_factory.mktemp("twins")
    # Its first entry is made by chance: both have the same one.
    with serving(folder / "plain", *FLAGS, origin=ORIGIN) as first:
        assert 0 == first.terminate()
    shutil.copytree(folder / "plain", folder / "fronted")
    with (
        serving(folder / "plain", *FLAGS, origin=ORIGIN) as plain,
        serving(folder / "fronted", *FLAGS, *FRONTS, origin=ORIGIN) as fronted,
    ):
        yield Twins(plain, fronted)


def told(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """Return an answer without the moment in which it was given."""
    headers = {name: it for name, it in answer.headers.items() if name != "date"}
    return answer.status, headers, answer.body


async def same(twins: Twins, target: str, **request: object) -> Answer:
    """Ask both the same; they must answer the same, to the byte."""
    plain = await ask(twins.plain.url, target, **request)  # type: ignore[arg-type]  # as it takes them
    fronted = await ask(twins.fronted.url, target, **request)  # type: ignore[arg-type]  # the same
    with case(f"{request.get('method', 'GET')} {target}"):
        assert told(plain) == told(fronted)
    return fronted


async def test_every_door_answers_as_one_process_does(twins: Twins) -> None:
    records = [record(label) for label in range(300)]
    statuses: list[int] = []

    async def submit(
        body: bytes, target: str = "/api/v1/entries", **headers: str
    ) -> None:
        kind = {"Content-Type": "application/json"}
        given = {**kind, **{k.replace("_", "-"): it for k, it in headers.items()}}
        answer = await same(twins, target, method="POST", headers=given, body=body)
        statuses.append(answer.status)

    await submit(json_body(records[0]))
    await submit(json_body(records[0]))
    await submit(json_body(*records[:299], records[3]))
    await submit(cbor_body(*records[290:]), Content_Type="application/cbor")
    await submit(json_body(record("file")), Accept="text/plain")
    await submit(json_body(record("file")), Accept="text/plain")
    await submit(json_body(record("waits")), "/api/v1/entries?wait=signed")
    await submit(json_body(record("x"), {"kind": "provenance"}))
    await submit(b"{}", Content_Type="text/plain")
    assert [201, 200, 201, 201, 201, 200, 201, 400, 415] == statuses
    one, two = (body_of(hashedrekord(it)) for it in (b"one", b"two"))
    for body in (one, two, one):
        await submit(body, PATH)
    assert [201] * 3 == statuses[9:]

    for it in twins:
        await asyncio.to_thread(it.wait_until_searchable, 305)
        await until_published(it, 305)
    subject = digest("artifact 7 0")
    known = sha256(b"\0" + canonical(record(7)))
    for target in (
        *("/checkpoint", "/tile/0/000", "/tile/0/001.p/49", "/tile/entries/000"),
        *("/tile/1/000.p/1", "/tile/0/002", "/api/v2/checkpoint", "/api/v2/tile/0/000"),
        *("/api/v1/entries/3", "/api/v1/entries?start=250&end=305"),
        *("/api/v1/proof/inclusion?index=8", "/api/v1/proof/inclusion?index=400"),
        f"/api/v1/proof/inclusion?leaf_hash={known.hexdigest()}",
        f"/api/v1/proof/inclusion?leaf_hash={'0' * 64}",
        *("/api/v1/proof/consistency?old=3", f"/api/v1/search?digest=sha256:{subject}"),
        *("/", "/openapi.json", "/healthz", "/api/v1/log", "/nothing"),
        *("/api/v1/log?x", "//api/v1/log", "/%61pi/v1/log", "/explorer/nothing.js"),
    ):
        answer = await same(twins, target)
        assert answer.status in {200, 400, 404}
        assert told(await ask(twins.fronted.url, target, method="HEAD")) == told(
            await ask(twins.plain.url, target, method="HEAD")
        )


async def until_published(server: ServerProcess, size: int) -> None:
    """Wait until the public checkpoint names a size."""

    async def names() -> bool:
        lines = (await ask(server.url, "/checkpoint")).body.splitlines()
        return lines[1:2] == [b"%d" % size]

    while not await names():
        pass


def test_a_log_of_one_process_has_no_child_and_no_socket(twins: Twins) -> None:
    children = Path(f"/proc/{twins.plain.pid}/task/{twins.plain.pid}/children")
    assert "" == children.read_text("ascii")
    assert [] == list((twins.plain.folder / "tmp").iterdir())
    found = {it.name for it in (twins.fronted.folder / "tmp").iterdir()}
    assert {"leader.sock", "front-1.sock", "front-2.sock"} == found
    modes = {
        it.stat().st_mode & 0o777 for it in (twins.fronted.folder / "tmp").iterdir()
    }
    assert {0o600} == modes


async def test_documents_go_through_any_front_end(twins: Twins) -> None:
    named = {**record("named"), "provenance": {"sha256": NAME.removeprefix("sha256:")}}
    places = [(await post(it.url, json_body(named))).json() for it in twins]
    (index,) = {it["entries"][0]["index"] for it in places}
    place = f"/api/v1/documents/{NAME}"
    put = {"method": "PUT", "body": DOCUMENT}
    assert 201 == (await same(twins, f"{place}?entry={index}", **put)).status
    assert DOCUMENT == (await same(twins, place)).body
    part = await same(twins, place, headers={"Range": "bytes=5-9"})
    assert (206, DOCUMENT[5:10]) == (part.status, part.body)
    other = f"/api/v1/documents/sha256:{'0' * 64}"
    # Who leaves within an upload is no fault of the log.
    host, port = twins.fronted.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"PUT {other}?entry=1 HTTP/1.1\r\nHost: a\r\n".encode())
    writer.write(b"Content-Length: 9\r\n\r\nfour")
    await writer.drain()
    await same(twins, place)
    writer.transport.abort()
    assert 404 == (await same(twins, other)).status
    assert 422 == (await same(twins, f"{other}?entry={index}", **put)).status
    for it in twins:
        await asyncio.to_thread(it.wait_until_searchable, index + 1)
    for target in (
        f"/api/v1/attestations/{NAME}",
        "/api/v1/components?name=a",
        f"/repos/a/b/attestations/{NAME}",
    ):
        await same(twins, target)
    assert "a request failed" not in twins.fronted.stderr


async def test_listeners_are_told_of_new_entries_by_any_front_end(
    twins: Twins,
) -> None:
    log = twins.fronted
    last = (await ask(log.url, "/api/v1/log")).json()["size"] - 1
    host, port = log.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    target = f"/api/v1/events?start={last}"
    writer.write(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    await reader.readuntil(b"id: %d\nevent: entry\n" % last)
    answer = await post(log.url, json_body(record("heard")))
    index = answer.json()["entries"][0]["index"]
    await reader.readuntil(b"id: %d\nevent: entry\n" % index)
    writer.transport.abort()


async def test_what_all_have_counted_is_one_sum(twins: Twins) -> None:
    log, row = twins.fronted, 'tlog_requests_total{route="/openapi.json",status="200"}'
    before = await totals(log)
    for _ in range(20):
        await ask(log.url, "/openapi.json")
    after = await totals(log)
    assert 20 == after[row] - before.get(row, 0)
    size = (await ask(log.url, "/api/v1/log")).json()["size"]
    assert (2, size) == (after["tlog_front_ends"], after["tlog_tree_size"])
    # The same as of one process that has been asked, and each once.
    await ask(twins.plain.url, "/openapi.json")
    plain = {name.partition("{")[0] for name in await totals(twins.plain)}
    assert plain == {name.partition("{")[0] for name in after}
    # What a front end had counted when it was last asked outlives it.
    for front in processes_of(log).fronts:
        os.kill(front, signal.SIGKILL)
        await until_whole(log)
    assert 20 == (await totals(log))[row] - before.get(row, 0)
    lines = [json.loads(it) for it in log.stderr.splitlines()]
    ended = [it for it in lines if it["event"] == "front end ended"]
    assert {"front end 1", "front end 2"} == {it["name"] for it in ended}
    assert {-signal.SIGKILL} == {it["status"] for it in ended}
    assert {"parent"} == {it["process"] for it in ended}


async def test_limits_and_tokens_are_the_whole_logs(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{sha256(b'secret').hexdigest()} ci\n")
    flags = ("--tokens-file", str(tokens), "--rate-entries-per-s", "1")
    with serving(tmp_path / "log", *FRONTS, *flags, "--rate-burst-entries=40") as log:
        refused = await post(log.url, json_body(record("none")))
        assert (401, "unauthorized") == (refused.status, refused.json()["type"])
        headers = {"Authorization": "Bearer secret"}
        answers = [
            await post(log.url, json_body(record(it)), headers=headers)
            for it in range(60)
        ]
        limited = [it for it in answers if it.status == 429]
        size = (await ask(log.url, "/api/v1/log")).json()["size"]
        assert size == sum(it.status == 201 for it in answers)
        # Whoever answered: 40, and one for each second that this took.
        assert 40 <= size
        assert len(limited) == 60 - size
        if limited:
            assert "retry-after" in limited[0].headers


async def test_cosigned_heads_are_shown_by_any_front_end(tmp_path: Path) -> None:
    key = generate_key("log.example/system", KeyType.ED25519)
    keys = tmp_path / "log" / "keys"
    keys.mkdir(parents=True, mode=0o700)
    key.write(keys / "log.ed25519")
    witness = WitnessProcess(
        tmp_path / "witness", "--log", key.verifier_key.encode(), origin="w.example"
    )
    try:
        witness.start()
        policy = tmp_path / "witnesses"
        policy.write_text(f"witness w {witness.vkey} {witness.url}\nquorum w\n")
        flags = (f"--witness-policy={policy}", "--witness-interval-ms=5")
        with serving(tmp_path / "log", *FRONTS, *flags) as log:
            told_policy = Policy.read(log.folder / "policy")
            for nth in range(4):
                async with LogClient(log.url, told_policy) as client:
                    (proof,) = await client.submit([entry(f"{nth}")])
                # With the cosignature that the policy asks for.
                head = told_policy.open_checkpoint(proof.note).checkpoint
                assert (nth, nth + 1) == (proof.index, head.size)
                await until_published(log, nth + 1)
            document = (await ask(log.url, "/api/v1/log")).json()
            assert ["cosigned"] == [it["outcome"] for it in document["witnesses"]]
    finally:
        witness.end()


def test_what_cannot_go_with_front_ends_is_refused_in_words(tmp_path: Path) -> None:
    address = free_address()
    for flags, why in (
        (("--workers=0",), "workers is at least 1: found 0"),
        (("--workers=65",), "workers is at most 64: found 65"),
        (
            ("--workers=2", "--database=postgresql://h/n", "--objects=s3://b/p"),
            "front ends share one folder",
        ),
    ):
        done = run_tlog(
            "serve", "--data", tmp_path / "log", "--origin=a.example", *flags
        )
        assert 2 == done.returncode
        assert why in done.stderr
    listen = ("--listen", address)
    with serving(tmp_path / "log", *FRONTS, *listen) as log:
        for folder, why in ((tmp_path / "other", "in use"), (log.folder, "holds")):
            wanted = () if folder == log.folder else listen
            done = run_tlog(
                *("serve", "--data", folder, "--origin=b.example", *FRONTS, *wanted),
                *(() if wanted else ("--listen=127.0.0.1:0",)),
            )
            assert 2 == done.returncode, done.stderr
            assert why in done.stderr
        assert 0 == log.terminate()
        assert not list((log.folder / "tmp").iterdir())
