"""Documents of a log, of its store and of a registry; who is asked, and when."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.cases import case
from tests.support.http import ask
from tests.support.lying import lying_about
from tests.support.registry import NAME, OCI_MANIFEST, StandIn, told
from tests.support.running import published, running_log
from tests.tlog.gate.workshop import (
    Place,
    Served,
    place,
    pod,
    review,
    running_gate,
)
from tests.tlog.rules.workshop import BUILD, SCANNED, built, keys
from tests.tlogverify.attestation.stories import ALICE, BUILDER, SLSA, SOURCE
from tests.tlogverify.documents import ARTIFACT, ARTIFACT_SHA256
from tlog.attest import NamedDigest, encode_statement, record_of, sign_statement
from tlog.documents.opening import find_store
from tlog.gate import following, sources
from tlog.gate.sources import Asked, LogBounds, LogSource
from tlog.log.life import Log
from tlog.registry import judging
from tlog.registry.payloads import BUNDLE_TYPE, ENVELOPE_TYPE, PROOF_TYPE
from tlog.rules import Referred
from tlog.signing import AttestationKey, AttestationKeyType, generate_attestation_key
from tlogclient import LogClient
from tlogclient.sboms import REFERENCE_TYPE
from tlogverify import Record
from tlogverify.policy import Policy
from tlogverify.record import Subject

RULES = (
    f'[[keys]]\nname = "release"\nfile = "release.key.pub"\nbuilders = ["{BUILDER}"]\n'
    f'[[require]]\npredicate_types = ["{SLSA}"]\nsigners = ["release"]\n'
    f'sources = ["{SOURCE}"]\n'
)


@dataclass
class Attested:
    """A running log with documents, and who attests in it."""

    url: str
    log: Log
    folder: Path
    key: AttestationKey

    @property
    def policy(self) -> Path:
        return self.folder / "log" / "policy"

    async def store(self, artifact: bytes, content: bytes, kind: str) -> None:
        """Log that a document without a signature is of an artifact, and keep it."""
        subject = Subject(hashlib.sha256(artifact).digest())
        record = Record((subject,), hashlib.sha256(content).digest(), kind)
        async with LogClient(self.url, Policy.read(self.policy)) as log:
            (proof,) = await log.submit([record])
            await log.put_document(content, entry=proof.index)
        await published(self.log)

    async def attest(
        self,
        artifact: bytes,
        *,
        is_kept: bool = True,
        pad: int = 0,
        kind: str = SLSA,
        predicate: object = None,
    ) -> tuple[bytes, bytes]:
        """Log the provenance of an artifact, and keep the document.

        Return the envelope and the proof of its entry.
        """
        key = self.key
        predicate = predicate or built().predicate
        assert isinstance(predicate, dict)
        subjects = (NamedDigest("a", hashlib.sha256(artifact).digest()),)
        padded = {**predicate, "padding": "x" * pad}
        envelope = sign_statement(encode_statement(subjects, kind, padded), key)
        async with LogClient(self.url, Policy.read(self.policy)) as log:
            (proof,) = await log.submit([record_of(envelope, subjects, kind, key)])
            if is_kept:
                await log.put_document(envelope, entry=proof.index)
        await published(self.log)
        return envelope, proof.encode()


@asynccontextmanager
async def attesting(folder: Path) -> AsyncIterator[Attested]:
    async with running_log(folder / "log", documents=True) as (url, log):
        key = generate_attestation_key(AttestationKeyType.P256)
        key.write(folder / "release.key")
        yield Attested(url, log, folder, key)


def logged_place(folder: Path, found: Attested) -> Place:
    """Return a place whose rules name who attests in a log, and an empty folder."""
    made = Place(folder)
    made.rules.write_text(RULES)
    made.policy.write_bytes(found.policy.read_bytes())
    made.documents.mkdir()
    return made


def digest(artifact: bytes) -> str:
    return f"sha256:{hashlib.sha256(artifact).hexdigest()}"


async def test_a_logs_documents_are_judged_short_ones_and_long_ones(
    tmp_path: Path,
) -> None:
    async with attesting(tmp_path) as found:
        await found.attest(b"short")
        await found.attest(b"long", pad=200_000)
        await found.attest(b"forgotten", is_kept=False)
        made = logged_place(tmp_path, found)
        for store in (None, tmp_path / "log" / "documents", tmp_path / "log"):
            async with running_gate(made, log=found.url, store=store) as served:
                for artifact, reason in (
                    (b"short", "met"),
                    (b"long", "met"),
                    (b"forgotten", "no-entry"),
                    (b"never seen", "no-entry"),
                ):
                    with case(f"{artifact!r} {store}"):
                        decided = await served.decide(digest(artifact))
                        assert reason == decided["reason"]
                        origin = found.log.standing.origin if reason == "met" else None
                        assert origin == decided["origin"]


async def test_a_verdict_on_a_logs_documents_is_kept_for_its_time(
    tmp_path: Path,
) -> None:
    async with attesting(tmp_path) as found:
        await found.attest(b"app")
        made = logged_place(tmp_path, found)
        async with running_gate(made, log=found.url, allowed_s=600) as served:
            assert not (await served.decide(digest(b"app")))["cached"]
            made.clock.wait(599)
            assert (await served.decide(digest(b"app")))["cached"]
            made.clock.wait(1)
            assert not (await served.decide(digest(b"app")))["cached"]


async def test_where_all_are_asked_a_logs_later_document_is_seen_in_time(
    tmp_path: Path,
) -> None:
    async with attesting(tmp_path) as found:
        # The log has its entry, and no document of it yet.
        envelope, proof = await found.attest(b"app", is_kept=False)
        made = logged_place(tmp_path, found)
        (made.documents / "app.intoto.jsonl").write_bytes(envelope)
        (made.documents / "app.tlog-proof").write_bytes(proof)
        asking = {"log": found.url, "ask": "all", "allowed_s": 600}
        async with running_gate(made, **asking) as served:
            decided = await served.decide(digest(b"app"))
            assert ("allowed", False) == (decided["outcome"], decided["cached"])
            made.clock.wait(599)
            assert (await served.decide(digest(b"app")))["cached"]
            made.clock.wait(1)
            assert not (await served.decide(digest(b"app")))["cached"]


async def test_more_than_is_read_of_a_log_is_said_and_never_passed_over(
    tmp_path: Path,
) -> None:
    async with attesting(tmp_path) as found:
        for pad in (0, 1, 200_000):
            await found.attest(b"app", pad=pad)
        asked = Asked("", hashlib.sha256(b"app").digest())
        table = [
            (LogBounds(60), 3, ""),
            (LogBounds(60, entries=3), 3, ""),
            (LogBounds(60, entries=2), 2, "more entries"),
            (LogBounds(60, all_bytes=200_000), 2, "more documents"),
        ]
        made = logged_place(tmp_path, found)
        async with running_gate(made, log=found.url) as served:
            log = served.gate.log
            assert log is not None
            for bounds, count, why in table:
                with case(str(bounds)):
                    told = await LogSource(log, None, bounds).find(asked)
                    assert count == len(told.documents)
                    assert bool(why) == bool(told.left_out)
                    assert why in told.left_out
            with pytest.raises(TimeoutError):
                await LogSource(log, None, LogBounds(0)).find(asked)


async def test_a_damaged_document_is_not_an_absent_one(tmp_path: Path) -> None:
    async with attesting(tmp_path) as found:
        envelope, _ = await found.attest(b"app", pad=200_000)
        made = logged_place(tmp_path, found)
        async with running_gate(made, log=found.url) as served:
            log = served.gate.log
            assert log is not None
            source = LogSource(log, None, LogBounds(60))
            asked = Asked("", hashlib.sha256(b"app").digest())
            assert "" == (await source.find(asked)).left_out
            damage(tmp_path / "log", envelope)
            # The log says so once somebody wanted the bytes.
            sha256 = hashlib.sha256(envelope).hexdigest()
            answer = await ask(found.url, f"/api/v1/documents/sha256:{sha256}")
            assert 200 != answer.status
            told = await source.find(asked)
            assert ((), True) == (tuple(told.documents), "damaged" in told.left_out)
            decided = await served.decide(digest(b"app"))
            assert ("undecided", "source") == (decided["outcome"], decided["reason"])


async def test_a_long_sbom_is_read_if_a_document_refers_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.dumps({"bomFormat": "CycloneDX", "x": "y" * 200_000}).encode()
    digits = hashlib.sha256(content).hexdigest()
    references = [{"digest": {"sha256": digits}}]
    referring = {"attester": {"id": "a"}, "references": references}
    async with attesting(tmp_path) as found:
        made = logged_place(tmp_path, found)
        async with running_gate(made, log=found.url) as served:
            log = served.gate.log
            assert log is not None
            monkeypatch.setattr(sources, "LARGEST_BYTES", 100_000)
            await found.store(b"app", content, "https://cyclonedx.org/bom")
            asked = Asked("", hashlib.sha256(b"app").digest())
            for store in (None, find_store(tmp_path / "log")):
                source = LogSource(log, store, LogBounds(60))
                if store is None:
                    # Whoever may log can name any artifact: alone it is not read.
                    assert ([], "") == tuple(await source.find(asked))
                    await found.attest(b"app", kind=REFERENCE_TYPE, predicate=referring)
                told = await source.find(asked)
                (envelope, referred) = told.documents
                assert (Referred("entry 0", content), "") == (referred, told.left_out)
                monkeypatch.setattr(sources, "MAX_REFERRED_BYTES", 200_000)
                told = await source.find(asked)
                assert (envelope,) == tuple(told.documents)
                assert "longer than is judged" in told.left_out
                monkeypatch.setattr(sources, "MAX_REFERRED_BYTES", 64 << 20)


async def test_what_is_too_long_to_count_unsettles_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's long document makes no refusal undecided, and no allowed one."""
    for reads in (sources, following):
        monkeypatch.setattr(reads, "LARGEST_BYTES", 150_000)
    async with attesting(tmp_path) as found:
        await found.attest(b"refused", pad=200_000)
        for pad in (0, 200_000):
            await found.attest(b"allowed", pad=pad)
        made = logged_place(tmp_path, found)
        for store in (None, tmp_path / "log"):
            asking = {"log": found.url, "store": store, "ask": "all"}
            async with running_gate(made, **asking) as served:
                for outcome in ("refused", "allowed"):
                    with case(f"{outcome} {store}"):
                        decided = await served.decide(digest(outcome.encode()))
                        assert outcome == decided["outcome"]


def damage(log: Path, document: bytes) -> None:
    """Change one byte of a stored document."""
    found = [it for it in (log / "documents").rglob("*") if it.is_file()]
    (stored,) = (it for it in found if it.read_bytes() == document)
    stored.write_bytes(b"x" + document[1:])


async def test_a_log_that_lies_decides_nothing(tmp_path: Path) -> None:
    async with attesting(tmp_path) as found:
        await found.attest(b"app")
        # The policy of another log: no answer of this one is proven.
        (tmp_path / "other").mkdir()
        made = place(tmp_path / "other")
        async with running_gate(made, log=found.url) as served:
            decided = await served.decide(digest(b"app"))
            assert ("undecided", "source") == (decided["outcome"], decided["reason"])
            # Its own policy is believed without a restart, and so are its answers.
            made.rules.write_text(RULES)
            (tmp_path / "other" / "release.key.pub").write_bytes(
                (tmp_path / "release.key.pub").read_bytes()
            )
            made.policy.write_bytes(found.policy.read_bytes())
            assert "met" == (await served.decide(digest(b"app")))["reason"]


async def test_what_a_log_answers_about_another_artifact_decides_nothing(
    tmp_path: Path,
) -> None:
    async with attesting(tmp_path) as found:
        envelope, _ = await found.attest(b"app")
        await found.attest(b"long", pad=200_000)
        made = logged_place(tmp_path, found)
        about = f"/api/v1/attestations/{digest(b'app')}"
        of_app = (await ask(found.url, about)).body
        lies = [
            ("attestations", of_app, b"never seen", "no-entry"),
            ("documents", envelope, b"long", "met"),
        ]
        with lying_about(found.url) as (url, lying):
            for path, lie, artifact, honest in lies:
                with case(path):
                    async with running_gate(made, log=url, refused_s=0) as served:
                        lying.lies = {f"/api/v1/{path}/": partial(replaced, lie)}
                        told = await served.decide(digest(artifact))
                        assert ("undecided", "source") == (
                            told["outcome"],
                            told["reason"],
                        )
                        lying.lies = {}
                        told = await served.decide(digest(artifact))
                        assert honest == told["reason"]


def replaced(lie: bytes, _: bytes) -> bytes:
    """Answer with something else."""
    return lie


@asynccontextmanager
async def registered(made: Place, **changes: object) -> AsyncIterator[Any]:
    """Give a gate that asks registries, a registry, and its image's name."""
    async with StandIn(has_api=True).serve() as registry:
        assert registry.put(ARTIFACT, OCI_MANIFEST, "release") == digest(ARTIFACT)
        async with running_gate(made, **changes) as served:
            yield served, registry, f"{registry.authority}/{NAME}"


def attach(registry: StandIn, content: bytes, kind: str) -> None:
    registry.attach(content, kind, subject=told(ARTIFACT, OCI_MANIFEST))


def emptied(folder: Path) -> Place:
    """Return a place with no document."""
    made = place(folder)
    for path in made.documents.iterdir():
        path.unlink()
    return made


async def reason_of(served: Served, image: str) -> str:
    found = await served.admit(review(pod(image)))
    return str(found["auditAnnotations"]["reason"])


async def test_a_registry_is_asked_last_and_what_is_attached_is_judged(
    tmp_path: Path,
) -> None:
    document = built().document
    made = emptied(tmp_path)
    async with registered(made, registry=True, refused_s=0) as (served, registry, name):
        image = f"{name}@sha256:{ARTIFACT_SHA256.hex()}"
        assert "no-entry" == await reason_of(served, image)
        attach(registry, document.envelope, ENVELOPE_TYPE)
        attach(registry, b"{}", "application/spdx+json")
        assert "no-entry" == await reason_of(served, image)
        attach(registry, b"no bundle", BUNDLE_TYPE)
        attach(registry, document.proof, PROOF_TYPE)
        assert "met" == await reason_of(served, image)
        asked = len(registry.requests)
        assert "met" == await reason_of(served, image)
        assert asked == len(registry.requests)
        # What lies in the folder needs no registry.
        made.put("build", built())
        assert "met" == await reason_of(served, image)
        assert asked == len(registry.requests)
        # A question that names no image has no registry.
        assert "met" == (await served.decide(digest(ARTIFACT)))["reason"]


async def test_a_refusal_without_a_registry_is_not_one_of_its_images(
    tmp_path: Path,
) -> None:
    document = built().document
    made = emptied(tmp_path)
    async with registered(made, registry=True) as (served, registry, name):
        attach(registry, document.envelope, ENVELOPE_TYPE)
        attach(registry, document.proof, PROOF_TYPE)
        assert "no-entry" == (await served.decide(digest(ARTIFACT)))["reason"]
        image = f"{name}@sha256:{ARTIFACT_SHA256.hex()}"
        assert "met" == await reason_of(served, image)


async def test_what_is_attached_and_not_read_is_said_and_never_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = built().document
    made = emptied(tmp_path)
    monkeypatch.setattr(judging, "MAX_ALL_BYTES", len(document.proof))
    async with registered(made, registry=True, refused_s=0) as (served, registry, name):
        image = f"{name}@sha256:{ARTIFACT_SHA256.hex()}"
        attach(registry, document.proof, PROOF_TYPE)
        assert "no-entry" == await reason_of(served, image)
        attach(registry, document.envelope, ENVELOPE_TYPE)
        found = await served.admit(review(pod(image)))
        assert "source" == found["auditAnnotations"]["reason"]
        assert (
            "not all that is attached was read: too much" in found["status"]["message"]
        )
    monkeypatch.undo()
    async with registered(made, registry=True, refused_s=0) as (served, registry, name):
        # The registry lists it, and has it no more.
        attach(registry, document.proof, PROOF_TYPE)
        attach(registry, document.envelope, ENVELOPE_TYPE)
        del registry.blobs[digest(document.envelope)]
        assert "source" == await reason_of(served, f"{name}@{digest(ARTIFACT)}")


async def test_what_is_attached_and_can_never_count_unsettles_no_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is longer than its kind can be is not fetched, and nobody waits for it."""
    made = emptied(tmp_path)
    limits = {**judging._LIMITS, BUNDLE_TYPE: 10}
    monkeypatch.setattr(judging, "_LIMITS", limits)
    async with registered(made, registry=True, refused_s=0) as (served, registry, name):
        image = f"{name}@{digest(ARTIFACT)}"
        attach(registry, b"longer than ten", BUNDLE_TYPE)
        assert "no-entry" == await reason_of(served, image)


async def test_a_tag_is_resolved_once_where_that_is_set_and_told(
    tmp_path: Path,
) -> None:
    made = place(tmp_path)
    async with registered(made, resolve=True) as (served, registry, name):
        found = await served.admit(review(pod(f"{name}:release")))
        told_digest = found["auditAnnotations"]["digest"]
        assert (True, digest(ARTIFACT)) == (found["allowed"], told_digest)
        assert ["GET"] == [it.split()[0] for it in registry.requests]
        found = await served.admit(review(pod(f"{name}:1.0")))
        assert not found["allowed"]
        assert "its tag led to sha256:" in found["status"]["message"]
        for image in (f"{name}:gone", "127.0.0.1:1/team/app:1"):
            with case(image):
                found = await served.admit(review(pod(image)))
                assert not found["allowed"]
                assert "undecided (source)" in found["status"]["message"]
    async with registered(made) as (served, registry, name):
        assert "no-digest" == await reason_of(served, f"{name}:release")
        assert [] == registry.requests


async def test_documents_of_several_places_count_together(tmp_path: Path) -> None:
    made = place(tmp_path, keys() + BUILD + SCANNED)
    (made.documents / "build.intoto.jsonl").unlink()
    document = built(signers=(ALICE,)).document
    async with registered(made, registry=True, refused_s=0) as (served, registry, name):
        image = f"{name}@sha256:{ARTIFACT_SHA256.hex()}"
        assert "not-met" == await reason_of(served, image)
        attach(registry, document.envelope, ENVELOPE_TYPE)
        attach(registry, document.proof, PROOF_TYPE)
        assert "met" == await reason_of(served, image)
