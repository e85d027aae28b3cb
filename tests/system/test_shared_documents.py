"""Documents of a log that nodes share: any node takes, serves and finds them.

PostgreSQL is real, and the bucket is one in memory.
"""

import hashlib
import json
from typing import Any

from tests.support.bucket import NAME
from tests.support.cases import case
from tests.support.http import Answer, ask
from tests.support.sharing import Shared, ending
from tests.system.server import ServerProcess
from tlogclient import LogClient
from tlogverify import Record
from tlogverify.record import Subject

COLD = f"s3://{NAME}/cold"
ARTIFACT = hashlib.sha256(b"artifact").digest()
ABOUT = f"/api/v1/attestations/sha256:{ARTIFACT.hex()}"
BUNDLE = {
    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
    "verificationMaterial": {"publicKey": {"hint": "a key"}},
    "messageSignature": {"signature": "c2lnbmF0dXJl"},
}
KEPT = json.dumps(BUNDLE).encode()
LONG = bytes(range(256)) * (6 << 12)


def named(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


async def submit(node: ServerProcess, *contents: bytes) -> list[int]:
    """Log, by one node, records about the artifact that name documents."""
    subject = Subject(ARTIFACT)
    records = [
        Record((subject,), hashlib.sha256(it).digest(), "urn:kind") for it in contents
    ]
    async with LogClient(node.url, node.policy, attempts=1) as client:
        return [it.index for it in await client.submit(records)]


async def put(node: ServerProcess, content: bytes, query: str = "") -> Answer:
    target = f"/api/v1/documents/{named(content)}{query}"
    return await ask(node.url, target, method="PUT", body=content)


async def get(node: ServerProcess, content: bytes, method: str = "GET") -> Answer:
    return await ask(node.url, f"/api/v1/documents/{named(content)}", method=method)


async def dispositions(node: ServerProcess) -> dict[str, str]:
    told = (await ask(node.url, ABOUT)).json()["attestations"]
    documents: list[Any] = [it["document"] for it in told]
    return {it["digest"]: it["disposition"] for it in documents}


async def test_any_node_takes_serves_finds_and_misses_what_went(log: Shared) -> None:
    flags = ("--documents", "--document-cold", COLD)
    nodes = [log.node(name, *flags) for name in ("first", "second")]
    writing, following = nodes
    place = f"s3://{NAME}/logs/{log.origin}"
    with ending(*nodes):
        for node in nodes:
            node.start()
        contents = [KEPT, b"redacted", b"expired", LONG]
        indexes = await submit(writing, *contents)
        # By either node, whether or not it has the entry so far.
        for content, index in zip(contents, indexes, strict=True):
            for node in (following, writing):
                stored = await put(node, content, f"?entry={index}")
                assert stored.status in {200, 201, 202}, stored.body
        for node in nodes:
            for content in contents:
                with case(f"{named(content)} of {node.folder.name}"):
                    answer = await get(node, content)
                    assert (200, content) == (answer.status, answer.body)
                    assert 200 == (await get(node, content, "HEAD")).status
            assert {named(it): "stored" for it in contents} == await dispositions(node)
            target = f"/repos/o/r/attestations/sha256:{ARTIFACT.hex()}"
            (told,) = (await ask(node.url, target)).json()["attestations"]
            assert BUNDLE == told["bundle"]
        assert LONG in log.published().values()
        # What comes before its entry by one node is served by the other.
        assert 202 == (await put(following, b"early")).status
        assert 404 == (await get(writing, b"early")).status
        await submit(writing, b"early")
        for node in (writing, following):
            assert b"early" == (await get(node, b"early")).body

        # A command that needs no node's folder, and the log says so first.
        done = log.run_tlog(
            *("documents", "redact", place, named(b"redacted"), "--log", following.url),
            *("--policy", following.folder / "policy", "--reason", "a name", "--json"),
        )
        assert 0 == done.returncode, done.stderr
        assert ("redacted", 5) == tuple(
            json.loads(done.stdout)[it] for it in ("disposition", "entry")
        )
        rules = log.folder / "retention.toml"
        rules.write_text(
            '[[keep]]\nkeep = "forever"\ncold_after = "1d"\n'
            f'[[hold]]\ndigest = "{named(KEPT)}"\nreason = "case 17"\n'
        )
        done = log.run_tlog("documents", "prune", place, "--rules", rules, "--dry-run")
        assert "0 would be expired, 0 would be moved" in done.stdout, done.stderr
        assert "hold" in done.stdout
        for node in nodes:
            assert 410 == (await get(node, b"redacted")).status
            assert "redacted" == (await dispositions(node))[named(b"redacted")]
            assert 200 == (await get(node, KEPT)).status
        done = log.run_tlog("fsck", place, "--documents", "--json")
        found = json.loads(done.stdout)
        assert {"whole": True, "documents": 5, "removed": 1} == found, done.stderr

        # The node that writes is lost, and the other one goes on with all of it.
        writing.kill()
        await log.until_it_writes(following)
        (index,) = await submit(following, b"after")
        assert 201 == (await put(following, b"after", f"?entry={index}")).status
        for content in (KEPT, LONG, b"after"):
            assert content == (await get(following, content)).body
        assert 410 == (await put(following, b"redacted")).status


async def test_damage_is_found_by_fsck_and_told_by_every_node(log: Shared) -> None:
    nodes = [log.node(name, "--documents") for name in ("first", "second")]
    place = f"s3://{NAME}/logs/{log.origin}/documents"
    with ending(*nodes):
        for node in nodes:
            node.start()
        (index,) = await submit(nodes[0], KEPT)
        assert 201 == (await put(nodes[0], KEPT, f"?entry={index}")).status
        (path,) = (
            it for it in log.published() if named(KEPT)[7:] in it and "/st" in it
        )
        key = f"logs/{log.origin}/{path}"
        log.bucket.objects[key] = b"other"
        done = log.run_tlog("fsck", place, "--documents", "--json")
        assert 1 == done.returncode
        assert "does not have the digest" in json.loads(done.stdout)["why"]
        for node in nodes:
            answer = await get(node, KEPT)
            assert (500, "corrupt") == (answer.status, answer.json()["type"])
            assert {named(KEPT): "damaged"} == await dispositions(node)
        # The right bytes by one node mend it for all.
        assert 201 == (await put(nodes[1], KEPT, f"?entry={index}")).status
        for node in nodes:
            assert KEPT == (await get(node, KEPT)).body
        assert 0 == log.run_tlog("fsck", place, "--documents").returncode
        # The right to write is handed over, behind doors that stay open.
        assert 0 == nodes[0].terminate()
        await log.until_it_writes(nodes[1])
        assert KEPT == (await get(nodes[1], KEPT)).body
        assert 200 == (await put(nodes[1], KEPT, f"?entry={index}")).status
        assert 0 == nodes[1].terminate()
        for node in nodes:
            assert "Traceback" not in node.stderr
            assert "RuntimeError" not in node.stderr
