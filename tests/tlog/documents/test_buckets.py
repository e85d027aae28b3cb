"""A log whose documents lie in a bucket: the same answers, and no lock of nodes."""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.bucket import NAME, Bucket, bucket
from tests.support.cases import case
from tests.support.http import ask
from tests.support.running import ORIGIN
from tests.tlog.documents.kept import Kept, keeping, named
from tests.tlog.documents.test_disposing import client_of, sha256
from tests.tlog.documents.test_getting import tampered
from tests.tlog.documents.test_upkeep import LaterClock, upkeep_of
from tlog.clock import SystemClock
from tlog.documents.disposing import Disposer, judge_all
from tlog.documents.facts import Facts
from tlog.documents.opening import find_far_store, find_store
from tlog.documents.refusals import GoneError
from tlog.documents.retention import parse_rules
from tlog.documents.shelf_bucket import open_shelf
from tlog.documents.store import DocumentStore
from tlog.documents.tombstones import Tombstone
from tlog.errors import MachineError, RejectedError
from tlogverify.errors import FormatError

HOT, COLD = f"s3://{NAME}/hot", f"s3://{NAME}/cold"
STORE = f"hot/{ORIGIN}/documents"
LONG = bytes(range(256)) * (6 << 12)
WHEN = "2026-01-31T12:00:00Z"


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with bucket() as found:
        for name, value in found.variables.items():
            monkeypatch.setenv(name, value)
        yield found


@asynccontextmanager
async def keeping_far(folder: Path, **changes: object) -> AsyncIterator[Kept]:
    places = {"documents": HOT, "document_cold": COLD, "open_shelf": open_shelf}
    async with keeping(folder, **{**places, **changes}) as kept:
        yield kept


def key_of(content: bytes, tier: str = "hot") -> str:
    digits = hashlib.sha256(content).hexdigest()
    return f"{tier}/{ORIGIN}/documents/stored/{digits[:2]}/{digits}"


def other_node(folder: Path) -> DocumentStore:
    """Return the same store as another node has it."""
    return find_far_store(f"{HOT}/{ORIGIN}", folder, open_shelf)


async def kept_there(kept: Kept, *contents: bytes, **more: object) -> list[int]:
    indexes = await kept.log_entries(contents, "artifact", **more)
    for content in contents:
        answer = await kept.put(content)
        assert 201 == answer.status, answer.body
    return indexes


async def test_documents_in_a_bucket_are_answered_as_those_in_a_folder(
    tmp_path: Path, stored: Bucket
) -> None:
    async with keeping_far(tmp_path / "log") as kept:
        await kept_there(kept, b"", b"short", LONG)
        assert LONG == stored.objects[key_of(LONG)]
        assert {} == stored.uploads
        assert 200 == (await kept.put(LONG)).status
        for content in (b"", b"short", LONG):
            answer = await kept.get(content)
            assert (200, content) == (answer.status, answer.body)
        half = {"Range": f"bytes={len(LONG) // 2}-{len(LONG) // 2 + 300_000}"}
        part = await kept.get(LONG, headers=half)
        assert 206 == part.status
        assert LONG[len(LONG) // 2 :][:300_001] == part.body
        head = await kept.get(LONG, method="HEAD")
        assert str(len(LONG)) == head.headers["content-length"]
        assert 404 == (await kept.get(b"never there")).status
        artifact = f"sha256:{hashlib.sha256(b'artifact').hexdigest()}"
        told = (await kept.attestations(artifact)).json()["attestations"]
        sizes = [(it["document"]["size"], "content" in it["document"]) for it in told]
        assert [(0, True), (5, True), (len(LONG), False)] == sizes
        # Before its entry, and what is cut short.
        assert 202 == (await kept.put(b"early")).status
        assert 404 == (await kept.get(b"early")).status
        await kept.log_entry(b"early")
        assert b"early" == (await kept.get(b"early")).body
        assert not [it for it in stored.objects if "/pending/" in it]
        # What changes while it waits is told, and never served.
        assert 202 == (await kept.put(b"waits")).status
        waits = f"{STORE}/pending/{sha256(b'waits').hex()}"
        stored.objects[waits] = b"other"
        await kept.log_entry(b"waits")
        assert tampered(await kept.get(b"waits"))
        assert (b"", {}) == (stored.objects[waits], kept.documents.store.pending())
        assert 201 == (await kept.put(b"waits")).status
        assert b"waits" == (await kept.get(b"waits")).body
        assert 422 == (await kept.put(b"other", name=named(b"early"))).status
        assert not [*(tmp_path / "log/documents-here/tmp").iterdir()]
    # What is in the bucket is all that there is.
    async with keeping_far(tmp_path / "log") as kept:
        assert LONG == (await kept.get(LONG)).body


async def test_a_changed_object_is_never_served_and_never_called_absent(
    tmp_path: Path, stored: Bucket
) -> None:
    async with keeping_far(tmp_path / "log") as kept:
        await kept_there(kept, b"short", LONG, b"scrubbed")
        for content in (b"short", LONG):
            for changed in (content[:-1] + b"x", content[1:], b""):
                with case(f"{len(changed)} of {len(content)} bytes"):
                    stored.objects[key_of(content)] = changed
                    assert tampered(await kept.get(content))
                    aside = f"{STORE}/damaged/{sha256(content).hex()}"
                    assert changed == stored.objects[aside]
                    assert b"" == stored.objects[key_of(content)]
                    assert tampered(await kept.get(content))
                    assert 201 == (await kept.put(content)).status
                    assert content == (await kept.get(content)).body
                    assert aside not in stored.objects
        stored.objects[key_of(b"scrubbed")] = b"other"
        upkeep = upkeep_of(kept, LaterClock(0))
        assert 0 == await upkeep.scrub(1 << 30)
        assert 3 == await upkeep.scrub(1 << 30)
        rendered = kept.log.metrics.render().decode()
        assert 'tlog_tamper_detections_total{kind="document"} 7.0' in rendered
        # The right bytes come at the moment at which the wrong ones are put aside.
        store = kept.documents.store
        stored.objects[key_of(b"short")] = b"wrong"
        seen = store.hot.open(key_of(b"short").removeprefix(f"{STORE}/"))
        assert seen is not None
        stored.objects[key_of(b"short")] = b"short"
        name = key_of(b"short").removeprefix(f"{STORE}/")
        assert not store.hot.put_aside(name, "damaged/x", seen)
        assert b"short" == (await kept.get(b"short")).body
        assert f"{STORE}/damaged/x" not in stored.objects


async def test_trouble_of_the_bucket_is_503_and_no_absence(
    tmp_path: Path, stored: Bucket
) -> None:
    async with keeping_far(tmp_path / "log") as kept:
        await kept_there(kept, b"kept")
        stored.trouble = "NoSuchBucket"
        assert 503 == (await kept.get(b"kept")).status
        assert 503 == (await kept.put(b"kept")).status
        stored.trouble = ""
        assert b"kept" == (await kept.get(b"kept")).body
        rendered = kept.log.metrics.render().decode()
        assert "\ntlog_document_failures 2.0" in rendered


async def test_retention_redaction_and_holds_hold_in_every_tier(
    tmp_path: Path, stored: Bucket
) -> None:
    async with keeping_far(tmp_path / "log") as kept, client_of(kept) as log:
        contents = [b"stays", b"held", b"goes", LONG]
        kinds = ("urn:stays", "urn:goes", "urn:goes", "urn:cold")
        for content, kind in zip(contents, kinds, strict=True):
            entry = {"predicateType": kind}
            await kept.log_entry(content, "artifact", **entry)
            await kept.put(content)
        rules = parse_rules(
            "rules",
            b'[[keep]]\npredicate_type = "urn:goes"\nkeep = "1d"\n'
            b'[[keep]]\npredicate_type = "urn:cold"\nkeep = "9y"\ncold_after = "1d"\n'
            b'[[hold]]\ndigest = "sha256:%b"\nreason = "case 17"\n'
            % sha256(b"held").hex().encode(),
        )
        # As a command does, beside the server.
        store = other_node(tmp_path / "beside")
        now_s = SystemClock().now_s() + 2 * 86_400
        judged = {
            it: verdict.action for it, _, verdict in judge_all(store, rules, now_s)
        }
        actions = ["keep", "hold", "expire", "cold"]
        assert actions == [judged[sha256(it)] for it in contents]
        assert store.cool(sha256(LONG))
        assert (False, True) == (
            key_of(LONG) in stored.objects,
            key_of(LONG, "cold") in stored.objects,
        )
        assert LONG == (await kept.get(LONG)).body
        # Stored again, it lies in both tiers; redacted, in none.
        stored.objects[key_of(LONG)] = LONG
        disposer = Disposer(store, log, SystemClock())
        await disposer.dispose("expired", [sha256(b"goes")], "retention")
        stone = await disposer.redact(sha256(LONG), "it named a person")
        assert stone == await disposer.redact(sha256(LONG), "again")
        for content, disposition in ((b"goes", "expired"), (LONG, "redacted")):
            gone = await kept.get(content)
            assert (410, disposition) == (gone.status, gone.json()["disposition"])
            digits = sha256(content).hex()
            left = {it for it in stored.objects if digits in it}
            beside = f"{digits[:2]}/{digits}.json"
            assert {f"{STORE}/facts/{beside}", f"{STORE}/tombs/{beside}"} == left
            assert 410 == (await kept.put(content)).status
        assert not [it for it in stored.objects if "/intents/" in it]
        assert [stone] == [
            it for it in store.tombstones() if it.disposition == "redacted"
        ]


async def test_a_write_that_is_lost_at_any_step_leaves_nothing_half(
    tmp_path: Path, stored: Bucket
) -> None:
    async with keeping_far(tmp_path / "log") as kept, client_of(kept) as log:
        for nth in range(1, 5):
            for persists in (False, True):
                content = b"lost at write %d, %d" % (nth, persists)
                index = await kept.log_entry(content)
                with case(content.decode()):
                    stored.break_write(nth, persists=persists)
                    first = await kept.put(content, f"?entry={index}")
                    assert (503 if nth < 3 else 201) == first.status
                    answer = await kept.get(content)
                    is_there = nth > 2 or (nth == 2 and persists)
                    assert (200 if is_there else 404) == answer.status
                    again = await kept.put(content, f"?entry={index}")
                    assert (200 if is_there else 201) == again.status
                    assert content == (await kept.get(content)).body
                    # Of a removal: intent, facts and bytes of it, tombstone.
                    store = other_node(tmp_path / f"{nth} {persists}")
                    disposer = Disposer(store, log, SystemClock())
                    size = kept.log.heads.signed.size
                    stored.break_write(nth, persists=persists)
                    with pytest.raises(OSError, match=r"."):
                        await disposer.redact(sha256(content), "it named a person")
                    stored.break_write(0, persists=False)
                    if nth == 1 and not persists:
                        assert content == (await kept.get(content)).body
                        assert size == kept.log.heads.signed.size
                        await disposer.redact(sha256(content), "it named a person")
                    await disposer.finish()
                    assert 410 == (await kept.get(content)).status
                    assert size + 1 == kept.log.heads.signed.size
                    assert not [it for it in stored.objects if "/intents/" in it]


async def test_nodes_that_write_one_document_at_once_lose_nothing(
    tmp_path: Path, stored: Bucket
) -> None:
    async with keeping_far(tmp_path / "log") as kept:
        nodes = [other_node(tmp_path / f"node {it}") for it in range(4)]
        content = b"written by all"

        def keep(number: int) -> str:
            store = nodes[number % len(nodes)]
            with store.begin(len(content)) as draft:
                draft.write(content)
                facts = Facts(1_000 - number, len(content), ((number, ""),), ())
                return store.keep(draft, facts)

        with ThreadPoolExecutor(16) as pool:
            assert {"new", "known"} >= {*pool.map(keep, range(32))}
        facts = nodes[0].facts(sha256(content))
        assert facts is not None
        assert (969, {*range(32)}) == (facts.stored_s, {it for it, _ in facts.named})
        # A tombstone that another node writes while the bytes come.
        real, store = nodes[0].hot.adopt, nodes[0]
        stone = Tombstone(sha256(b"late"), "redacted", "why", WHEN, 0, bytes(32))

        def adopt(draft: Any, name: str) -> None:
            nodes[1].bury(stone)
            real(draft, name)

        store.hot.adopt = adopt  # type: ignore[method-assign]  # at that moment
        with store.begin(4) as draft:
            draft.write(b"late")
            with pytest.raises(GoneError):
                store.keep(draft, Facts(1, 4))
        assert key_of(b"late") not in stored.objects
        assert 410 == (await kept.get(b"late")).status


async def test_a_node_learns_of_sboms_that_others_store_and_of_their_going(
    tmp_path: Path, stored: Bucket
) -> None:
    async with keeping_far(tmp_path / "log") as kept:
        content = json.dumps(
            {
                "bomFormat": "CycloneDX",
                "components": [{"purl": "pkg:pypi/requests@2.31.0"}],
            }
        ).encode()
        entry = await kept.log_entry(
            content, "artifact", predicateType="https://cyclonedx.org/bom"
        )

        async def found() -> tuple[list[int], int]:
            target = "/api/v1/components?purl=pkg:pypi/requests"
            told = (await ask(kept.url, target)).json()
            return [it["index"] for it in told["hits"]], told["unread"]

        assert ([], 0) == await found()
        other = other_node(tmp_path / "other")
        kind = "https://cyclonedx.org/bom"
        with other.begin(len(content)) as draft:
            draft.write(content)
            other.keep(draft, Facts(1, len(content), ((entry, kind),)))
        # Known at once, and told as unread until it is read.
        assert ([], 1) == await found()
        await upkeep_of(kept, LaterClock(0)).look_after_components()
        assert ([entry], 0) == await found()
        # Also behind a name of a clock that is far ahead.
        later = json.dumps({**json.loads(content), "version": 2}).encode()
        stored.objects[f"{STORE}/sboms/999999999999-{'0' * 64}-7"] = b""
        assert ([entry], 1) == await found()
        with other.begin(len(later)) as draft:
            draft.write(later)
            other.keep(draft, Facts(1, len(later), ((entry + 1, kind),)))
        assert ([entry], 2) == await found()
        stone = Tombstone(sha256(content), "redacted", "why", WHEN, 0, bytes(32))
        other.bury(stone)
        assert ([], 2) == await found()
        # What was announced and is not there may come, and stays counted.
        await upkeep_of(kept, LaterClock(0)).look_after_components()
        assert ([], 1) == await found()
    # A node with a new folder makes its index of what is stored.
    async with keeping_far(tmp_path / "new") as kept:
        assert ([], 0) == ([], kept.documents.store.components.unread())


async def test_places_that_cannot_be_are_refused(
    tmp_path: Path, stored: Bucket
) -> None:
    for changes, error, why in (
        ({"document_cold": HOT}, RejectedError, "the first tier and the cold one"),
        ({"document_cold": tmp_path}, RejectedError, "is a bucket"),
        ({"origin": "log.example/a%b"}, FormatError, "plain path"),
    ):
        with case(why), pytest.raises(error, match=why):
            async with keeping_far(tmp_path / why, **changes):
                pass
    async with keeping_far(tmp_path / "log"):
        pass
    # Two nodes with two cold tiers would each miss what the other has moved.
    with pytest.raises(RejectedError, match="have the cold tier"):
        async with keeping_far(tmp_path / "log", document_cold=f"{COLD}/2"):
            pass
    async with keeping_far(tmp_path / "log", document_cold=None) as kept:
        assert 2 == len(kept.documents.store.tiers)
    with pytest.raises(RejectedError, match="holds no documents"):
        find_far_store(f"{HOT}/other", tmp_path / "here", open_shelf)
    with pytest.raises(RejectedError, match="cannot be used here"):
        async with keeping(tmp_path / "no extra", documents=HOT):
            pass
    stored.is_conditional = False
    with pytest.raises(RejectedError, match="If-None-Match"):
        async with keeping_far(tmp_path / "log"):
            pass
    stored.trouble = "NoSuchBucket"
    with pytest.raises(MachineError, match="cannot be used now"):
        async with keeping_far(tmp_path / "log"):
            pass


async def test_a_folder_may_have_its_cold_tier_in_a_bucket(
    tmp_path: Path, stored: Bucket
) -> None:
    async with keeping_far(tmp_path / "log", documents=True) as kept:
        await kept_there(kept, b"cold", LONG)
        store = find_store(tmp_path / "log", open_shelf)
        for content in (b"cold", LONG):
            assert store.cool(sha256(content))
            assert content == stored.objects[key_of(content, "cold")]
            assert content == (await kept.get(content)).body
        stored.objects[key_of(LONG, "cold")] = LONG[1:]
        assert tampered(await kept.get(LONG))
        assert LONG[1:] == stored.objects[f"{key_of(LONG, 'cold')}.damaged"]
        assert 201 == (await kept.put(LONG)).status
        store.remove_bytes(sha256(LONG))
        assert not [it for it in stored.objects if sha256(LONG).hex() in it]
    with pytest.raises(RejectedError, match="cannot be used here"):
        find_store(tmp_path / "log")
