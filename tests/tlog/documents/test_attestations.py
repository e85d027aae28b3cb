"""From an artifact to every entry about it, with proofs that hold, page by page."""

import base64
import hashlib
from pathlib import Path
from typing import Any, cast

import pytest

from tests.oracle import rfc6962
from tests.support.cases import case
from tests.support.http import Answer, ask
from tests.support.records import digest
from tests.tlog.documents.kept import Kept, keeping, named
from tlog.documents.tombstones import Removal, Tombstone
from tlogclient.attested import Disposition
from tlogverify.checkpoint import Checkpoint
from tlogverify.hashing import to_hash
from tlogverify.merkle import verify_inclusion
from tlogverify.signed import open_checkpoint

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLSA = "https://slsa.dev/provenance/v1"
SBOM = "https://cyclonedx.org/bom"


def proven(kept: Kept, answer: Answer) -> list[dict[str, Any]]:
    """Return what is said, after every path was found to lead to the checkpoint."""
    head, found = _proven(kept, answer, "attestations")
    assert answer.json()["complete_to"] <= head.size
    return found


def proven_hits(kept: Kept, answer: Answer) -> list[dict[str, Any]]:
    """Return the hits of an answer about a package, likewise."""
    return _proven(kept, answer, "hits")[1]


def _proven(
    kept: Kept, answer: Answer, name: str
) -> tuple[Checkpoint, list[dict[str, Any]]]:
    told = answer.json()
    head: Checkpoint = open_checkpoint(told["checkpoint"].encode(), *kept.log.keys)
    for it in told[name]:
        leaf = to_hash(rfc6962.leaf_hash(base64.b64decode(it["entry"])))
        path = [to_hash(base64.b64decode(one)) for one in it["path"]]
        verify_inclusion(it["index"], head.size, leaf, path, head.root)
    return head, told[name]


async def test_every_entry_about_an_artifact_comes_with_its_document(
    kept: Kept,
) -> None:
    artifact = "an artifact of several documents"
    short, long, never = b"short", b"long" * 50_000, b"never stored"
    indexes = [
        await kept.log_entry(short, artifact, predicateType=SLSA),
        await kept.log_entry(b"about another", "another"),
        await kept.log_entry(long, artifact, predicateType=SBOM),
        await kept.log_entry(never, artifact),
    ]
    assert 201 == (await kept.put(short)).status
    assert 201 == (await kept.put(long)).status
    target = f"sha256:{digest(artifact)}"
    found = proven(kept, await kept.attestations(target))
    assert [indexes[0], *indexes[2:]] == [it["index"] for it in found]
    url = "/api/v1/documents/"
    assert [
        {
            "digest": named(short),
            "disposition": "stored",
            "size": len(short),
            "url": url + named(short),
            "content": base64.b64encode(short).decode(),
        },
        {
            "digest": named(long),
            "disposition": "stored",
            "size": len(long),
            "url": url + named(long),
        },
        {"digest": named(never), "disposition": "absent"},
    ] == [it["document"] for it in found]
    assert long == (await ask(kept.url, found[1]["document"]["url"])).body
    linked = proven(kept, await kept.attestations(f"{target}?documents=link"))
    assert all("content" not in it["document"] for it in linked)
    for wanted, expected in ((SLSA, indexes[:1]), (SBOM, indexes[2:3]), ("a:b", [])):
        with case(wanted):
            answer = await kept.attestations(f"{target}?predicate_type={wanted}")
            assert expected == [it["index"] for it in proven(kept, answer)]


async def test_an_entry_that_names_the_digest_for_another_purpose_is_none(
    kept: Kept,
) -> None:
    content = b"a document and no artifact"
    await kept.log_entry(content)
    answer = await kept.attestations(named(content))
    assert [] == proven(kept, answer)


async def test_every_digest_of_an_artifact_finds_it(kept: Kept) -> None:
    names = ("sha256", "sha384", "sha512")
    subject = {name: digest("all three", name) for name in names}
    index = await kept.log_entry(b"by all three", subject=[subject])
    for name in names:
        with case(name):
            answer = await kept.attestations(f"{name}:{subject[name]}")
            assert [index] == [it["index"] for it in proven(kept, answer)]


async def test_pages_hold_all_and_each_once(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log") as kept:
        contents = [b"document %d" % number for number in range(205)]
        entries = await kept.log_entries(contents, "paged")
        for content in contents[:3]:
            await kept.put(content)
        target = f"sha256:{digest('paged')}"
        found: list[int] = []
        start: int | None = 0
        pages = 0
        while start is not None:
            answer = await kept.attestations(f"{target}?start={start}")
            found += [it["index"] for it in proven(kept, answer)]
            start, pages = answer.json()["next"], pages + 1
        assert (entries, 3) == (found, pages)


async def test_what_became_of_a_document_is_told(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log") as kept:
        store = kept.documents.store
        states: tuple[Disposition, ...] = ("redacted", "expired", "damaged")
        for state in states:
            content = f"to be {state}".encode()
            index = await kept.log_entry(content, state)
            await kept.put(content)
            sha256 = hashlib.sha256(content).digest()
            expected: dict[str, object] = {
                "digest": named(content),
                "disposition": state,
            }
            if state == "damaged":
                kept.stored(content).write_bytes(b"x" * len(content))
            else:
                stone = Tombstone(
                    sha256,
                    cast(Removal, state),
                    "a reason",
                    "2026-01-31T12:00:00Z",
                    index,
                    bytes(32),
                )
                store.bury(stone)
                expected["tombstone"] = stone.members()
                gone = await kept.get(content)
                assert (410, stone.members()) == (
                    gone.status,
                    {name: gone.json()[name] for name in stone.members()},
                )
                again = await kept.put(content, f"?entry={index}")
                assert (410, "gone") == (again.status, again.json()["type"])
                assert not kept.stored(content).exists()
            answer = await kept.attestations(f"sha256:{digest(state)}")
            (it,) = proven(kept, answer)
            with case(state):
                assert expected == it["document"]


async def test_a_document_that_waited_is_stored_when_its_entry_is_asked_for(
    kept: Kept,
) -> None:
    content = b"waited for its entry"
    assert 202 == (await kept.put(content)).status
    await kept.log_entry(content, "waited")
    (it,) = proven(kept, await kept.attestations(f"sha256:{digest('waited')}"))
    assert "stored" == it["document"]["disposition"]


async def test_what_is_no_question_is_refused(kept: Kept) -> None:
    digits = digest("x")
    for target in (
        f"md5:{digits[:32]}",
        f"sha256:{digits[:-1]}",
        f"sha256:{digits.upper()}",
        f"sha512:{digits}",
        f"sha256:{digits}?documents=no",
        f"sha256:{digits}?predicate_type=",
        f"sha256:{digits}?start=-1",
        f"sha256:{digits}?other=1",
    ):
        with case(target):
            assert 400 == (await kept.attestations(target)).status
