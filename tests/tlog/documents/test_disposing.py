"""Documents that go: on record first, then everywhere, and no proof needs them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.cases import case
from tests.support.running import published
from tests.tlog.documents.kept import Kept, keeping, named
from tlog.clock import SystemClock
from tlog.documents.disposing import Disposer, judge_all
from tlog.documents.refusals import NoDocumentError
from tlog.documents.retention import parse_rules
from tlog.documents.tombstones import DISPOSITION_TYPE, Disposition
from tlogclient import LogClient, RefusedError, UnavailableError
from tlogverify import Policy, Proof, Record
from tlogverify.artifact import verify_artifact
from tlogverify.errors import FormatError, VerificationError
from tlogverify.record import Subject


def policy_of(kept: Kept) -> Policy:
    return Policy.parse(kept.log.standing.policy.encode())


@asynccontextmanager
async def client_of(kept: Kept) -> AsyncIterator[LogClient]:
    async with LogClient(kept.url, policy_of(kept), attempts=1) as log:
        yield log


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def files_below(folder: Path) -> set[str]:
    return {it.name for it in folder.rglob("*")}


async def test_a_redaction_breaks_no_proof_made_before(tmp_path: Path) -> None:
    """Not of the document's own entry, nor of any other, by the old head or the new."""
    async with keeping(tmp_path / "log") as kept, client_of(kept) as log:
        contents = [b"document %d" % number for number in range(20)]
        records = [
            Record((Subject(sha256(b"artifact of " + it)),), sha256(it))
            for it in contents
        ]
        proofs = await log.submit(records)
        old = await log.checkpoint()
        for content, proof in zip(contents, proofs, strict=True):
            await log.put_document(content, entry=proof.index)
        subject = sha256(b"artifact of " + contents[3])
        found = await log.attestations(f"sha256:{subject.hex()}")
        proofs += [it.proof for it in found.attestations]
        disposer = Disposer(kept.documents.store, log, SystemClock())
        stone = await disposer.redact(sha256(contents[3]), "it named a person")
        await published(kept.log)
        assert 20 == stone.entry
        for proof in proofs:
            entry = proof.extra or b""
            subject = sha256(b"artifact of " + contents[proof.index])
            with case(f"entry {proof.index}"):
                verify_artifact(f"sha256:{subject.hex()}", proof, policy_of(kept))
                again = await log.prove(proof.index)
                assert entry == again.extra
        await log.checkpoint(extending=old.checkpoint)
        assert 410 == (await kept.get(contents[3])).status
        for content in (*contents[:3], *contents[4:]):
            assert content == await log.document(named(content))


async def test_the_log_says_what_became_of_it_and_keeps_what_it_says(
    tmp_path: Path,
) -> None:
    cold = tmp_path / "cold"
    content = b"to be redacted"
    async with (
        keeping(tmp_path / "log", document_cold=cold) as kept,
        client_of(kept) as log,
    ):
        index = await kept.log_entry(content, "artifact")
        await kept.put(content)
        store = kept.documents.store
        store.cool(sha256(content))
        await kept.put(content)
        stone = await Disposer(store, log, SystemClock()).redact(
            sha256(content), "why not"
        )
        await published(kept.log)
        assert sha256(content).hex() not in files_below(tmp_path)
        # The entry names the document that went as its subject, and what is said.
        found = await log.attestations(named(content))
        (it,) = found.attestations
        assert isinstance(it.entry, Record)
        assert (stone.entry, DISPOSITION_TYPE, stone.record) == (
            it.index,
            it.entry.predicate_type,
            it.entry.provenance,
        )
        said = Disposition.parse(await log.document(f"sha256:{stone.record.hex()}"))
        assert ("redacted", (sha256(content),), "why not", stone.when) == (
            said.disposition,
            said.digests,
            said.reason,
            said.when,
        )
        with pytest.raises(RefusedError) as gone:
            await log.document(named(content))
        assert ("gone", 410) == (gone.value.type, gone.value.status)
        with pytest.raises(RefusedError):
            await log.put_document(content, entry=index)
        # A second time changes nothing.
        again = await Disposer(store, log, SystemClock()).redact(
            sha256(content), "another reason"
        )
        assert stone == again
        assert not [*(store.root / "intents").iterdir()]


async def test_nothing_goes_that_is_not_on_record(tmp_path: Path) -> None:
    content = b"stays until the log has said so"
    async with keeping(tmp_path / "log") as kept:
        await kept.log_entry(content)
        await kept.put(content)
        store = kept.documents.store
        nowhere = LogClient("http://127.0.0.1:1", policy_of(kept), attempts=1)
        async with nowhere as log:
            with pytest.raises(UnavailableError):
                await Disposer(store, log, SystemClock()).redact(
                    sha256(content), "a reason"
                )
        assert content == (await kept.get(content)).body
        (intent,) = (store.root / "intents").iterdir()
        said = intent.read_bytes()
        # The next removal carries out what that one began, in the same words.
        async with client_of(kept) as log:
            stone = await Disposer(store, log, SystemClock()).redact(
                sha256(content), "another reason"
            )
        assert ("a reason", sha256(said)) == (stone.reason, stone.record)
        assert 410 == (await kept.get(content)).status


async def test_what_a_crash_left_behind_a_tombstone_goes(tmp_path: Path) -> None:
    content = b"left behind"
    async with keeping(tmp_path / "log") as kept, client_of(kept) as log:
        await kept.log_entry(content)
        await kept.put(content)
        store, disposer = kept.documents.store, None
        disposer = Disposer(store, log, SystemClock())
        await disposer.redact(sha256(content), "a reason")
        kept.stored(content).write_bytes(content)
        assert 410 == (await kept.get(content)).status
        await disposer.redact(sha256(content), "a reason")
        assert not kept.stored(content).exists()


async def test_what_is_not_here_cannot_be_redacted(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log") as kept, client_of(kept) as log:
        disposer = Disposer(kept.documents.store, log, SystemClock())
        with pytest.raises(NoDocumentError):
            await disposer.redact(bytes(32), "a reason")
        await kept.put(b"waits")
        for reason in ("", "two\nlines", "x" * 1_001):
            with pytest.raises(FormatError):
                await disposer.redact(sha256(b"waits"), reason)
        assert 0 == kept.log.heads.signed.size
        await disposer.redact(sha256(b"waits"), "a reason")
        assert {"stored"} == {it.partition("/")[0] for it in kept.files()}


async def test_a_redaction_while_the_document_is_read_or_stored(
    tmp_path: Path,
) -> None:
    """Whoever is later, the bytes are gone; an answer is whole, or says so."""
    contents = [b"%d" % number + bytes(700_000) for number in range(4)]
    async with keeping(tmp_path / "log") as kept, client_of(kept) as log:
        disposer = Disposer(kept.documents.store, log, SystemClock())
        for content in contents:
            index = await kept.log_entry(content)
            await kept.put(content)
            redacting = asyncio.create_task(
                disposer.redact(sha256(content), "a reason")
            )
            answers = await asyncio.gather(
                *(kept.get(content) for _ in range(4)),
                *(kept.put(content, f"?entry={index}") for _ in range(4)),
            )
            await redacting
            for answer in answers:
                assert answer.status in (200, 201, 410)
                if answer.status == 200 and answer.media_type != "application/json":
                    assert content == answer.body
            assert 410 == (await kept.get(content)).status
            assert not kept.stored(content).exists()


async def test_rules_expire_many_by_one_entry(tmp_path: Path) -> None:
    contents = [b"old %d" % number for number in range(300)]
    async with keeping(tmp_path / "log") as kept, client_of(kept) as log:
        await kept.log_entries(contents, "artifact")
        for start in range(0, 300, 30):
            await asyncio.gather(*map(kept.put, contents[start : start + 30]))
        store, size = kept.documents.store, kept.log.heads.signed.size
        rules = parse_rules("rules", b'[[keep]]\nkeep = "7d"\n')
        now_s = SystemClock().now_s()
        assert {"keep"} == {it.action for _, _, it in judge_all(store, rules, now_s)}
        later_s = now_s + 8 * 86_400
        judged = judge_all(store, rules, later_s)
        expired = [digest for digest, _, it in judged if it.action == "expire"]
        assert 300 == len(expired)
        stones = await Disposer(store, log, SystemClock()).dispose(
            "expired", expired, "retention"
        )
        assert {size: 256, size + 1: 44} == {
            entry: sum(it.entry == entry for it in stones)
            for entry in {it.entry for it in stones}
        }
        assert 410 == (await kept.get(contents[7])).status
        # What says so is kept, whatever the rules say.
        left = judge_all(store, rules, later_s)
        assert [("keep", 2)] == [(left[0][2].action, len(left))]


async def test_a_client_takes_nothing_that_is_not_proven(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log") as kept, client_of(kept) as log:
        content, file = b"by a client", tmp_path / "file"
        file.write_bytes(content)
        record = Record((Subject(sha256(b"artifact")),), sha256(content), "a:b")
        (proof,) = await log.submit([record])
        assert named(content) == await log.put_document(
            file, entry=proof.index, environment="release"
        )
        await published(kept.log)
        assert content == await log.document(named(content))
        found = await log.attestations(
            f"sha256:{sha256(b'artifact').hex()}", predicate_type="a:b"
        )
        (it,) = found.attestations
        assert it.document is not None
        assert (content, record, 1) == (
            it.document.content,
            it.entry,
            found.complete_to,
        )
        facts = kept.documents.store.facts(sha256(content))
        assert facts is not None
        assert (((0, "a:b"),), ("release",)) == (facts.named, facts.environments)
        assert Proof.parse(it.proof.encode()) == it.proof
        with pytest.raises(RefusedError) as unnamed:
            await log.put_document(b"not named", entry=proof.index)
        assert 422 == unnamed.value.status
        other = Policy.parse(b"quorum none\n")
        async with LogClient(kept.url, other, attempts=1) as stranger:
            with pytest.raises(VerificationError):
                await stranger.attestations(f"sha256:{sha256(b'artifact').hex()}")
