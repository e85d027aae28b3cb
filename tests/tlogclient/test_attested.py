"""What an answer about an artifact proves, and each thing that makes it prove less."""

import base64 as b64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.cases import case
from tests.support.rekor import P256, private_key, spki
from tests.tlogclient.fake_log import FakeLog, base64, path_of
from tlogclient.attested import (
    Artifact,
    AttestationPage,
    Document,
    Tombstone,
    open_attestations,
    open_document,
    parse_document_digest,
)
from tlogclient.findings import parse_digest
from tlogverify import FormatError, Record, VerificationError
from tlogverify.record import Subject
from tlogverify.rekor import RekorEntry, Signature

CONTENTS = [b"", b"one document", b"another document", b"gone"]
TYPE = "https://slsa.dev/provenance/v1"


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def named(content: bytes) -> str:
    return f"sha256:{sha256(content).hex()}"


ARTIFACT = Artifact(parse_digest(named(b"artifact")), TYPE)


def honest(log: FakeLog) -> dict[str, Any]:
    """Return the answer of an honest log about one artifact of four documents."""
    subject = (Subject(sha256(b"artifact")),)
    entries = [Record(subject, sha256(it), TYPE).encode() for it in CONTENTS]
    log.submit(entries)
    documents: list[dict[str, Any]] = [
        {"digest": named(it), "disposition": "stored", "size": len(it), "url": "/x"}
        for it in CONTENTS
    ]
    for document, content in zip(documents, CONTENTS, strict=True):
        document["content"] = b64.b64encode(content).decode()
    documents[3] = {
        "digest": named(CONTENTS[3]),
        "disposition": "redacted",
        "tombstone": {
            "digest": named(CONTENTS[3]),
            "disposition": "redacted",
            "reason": "a reason",
            "when": "2026-01-31T12:00:00Z",
            "entry": 9,
            "record": named(b"said"),
        },
    }
    return {
        "checkpoint": log.note().decode(),
        "complete_to": 4,
        "attestations": [
            {
                "index": index,
                "entry": b64.b64encode(entries[index]).decode(),
                "path": base64(path_of(index, log.leaves)),
                "document": documents[index],
            }
            for index in range(4)
        ],
        "next": None,
    }


def opened(
    change: Callable[[dict[str, Any]], object] = lambda answer: None,
    artifact: Artifact = ARTIFACT,
    start: int = 0,
) -> AttestationPage:
    log = FakeLog()
    answer = honest(log)
    change(answer)
    return open_attestations(json.dumps(answer).encode(), start, artifact, log.policy)


def test_each_entry_comes_with_its_proof_and_its_document() -> None:
    page = opened()
    assert (4, None) == (page.complete_to, page.next)
    assert [0, 1, 2, 3] == [it.index for it in page.attestations]
    stored = [it.document for it in page.attestations[:3]]
    assert [
        Document(sha256(it), "stored", len(it), it) for it in CONTENTS[:3]
    ] == stored
    stone = Tombstone("a reason", "2026-01-31T12:00:00Z", 9, sha256(b"said"))
    assert page.attestations[3].document == Document(
        sha256(CONTENTS[3]), "redacted", tombstone=stone
    )
    assert CONTENTS[1] == open_document(CONTENTS[1], sha256(CONTENTS[1]))


def of(number: int, name: str, value: object) -> Callable[[dict[str, Any]], object]:
    def change(answer: dict[str, Any]) -> None:
        answer["attestations"][number][name] = value

    return change


def document_of(
    number: int, name: str, value: object
) -> Callable[[dict[str, Any]], object]:
    def change(answer: dict[str, Any]) -> None:
        answer["attestations"][number]["document"][name] = value

    return change


def test_what_is_not_proven_is_refused() -> None:
    log = FakeLog()
    entries = [it["entry"] for it in honest(log)["attestations"]]
    other_head = FakeLog(b"x" * 32).note().decode()
    for what, change in {
        "another entry": of(1, "entry", entries[2]),
        "another index": of(3, "index", 2**40),
        "no path": of(1, "path", []),
        "another document": document_of(1, "digest", named(b"other")),
        "other bytes": document_of(1, "content", b64.b64encode(b"x").decode()),
        "another head": lambda it: it.update(checkpoint=other_head),
    }.items():
        with case(what), pytest.raises(VerificationError):
            opened(change)
    for what, artifact in {
        "another artifact": Artifact(parse_digest(named(b"other")), TYPE),
        "the document": Artifact(parse_digest(named(CONTENTS[1])), TYPE),
        "another algorithm": Artifact(parse_digest(f"sha512:{'00' * 64}"), TYPE),
        "another type": Artifact(ARTIFACT.digest, "a:b"),
    }.items():
        with case(what), pytest.raises(VerificationError):
            opened(artifact=artifact)
    assert 4 == len(opened(artifact=Artifact(ARTIFACT.digest, None)).attestations)
    with pytest.raises(VerificationError):
        open_document(b"other", sha256(CONTENTS[1]))


def test_what_is_malformed_is_refused() -> None:
    stone = {"digest": named(b"other"), "disposition": "redacted", "reason": "r"}
    stone |= {"when": "w", "record": named(b"")}
    for what, change in {
        "a member more": lambda it: it.update(more=1),
        "no next": lambda it: it.pop("next"),
        "next behind": lambda it: it.update(next=3),
        "beyond the head": lambda it: it.update(complete_to=5),
        "out of order": lambda it: it["attestations"].reverse(),
        "twice": lambda it: it["attestations"].append(it["attestations"][3]),
        "no list": lambda it: it.update(attestations={}),
        "no disposition": lambda it: it["attestations"][1]["document"].pop(
            "disposition"
        ),
        "unknown disposition": document_of(1, "disposition", "lost"),
        "an unknown member": document_of(1, "other", 1),
        "a negative size": document_of(1, "size", -1),
        "no base64": document_of(1, "content", "*"),
        "upper case": document_of(1, "digest", named(CONTENTS[1]).upper()),
        "sha512": document_of(1, "digest", f"sha512:{'00' * 64}"),
        "a tombstone of another": document_of(3, "tombstone", {**stone, "entry": 1}),
        "half a tombstone": document_of(3, "tombstone", stone),
        "no object": of(1, "document", "stored"),
        "no document where the entry names one": of(1, "document", None),
    }.items():
        with case(what), pytest.raises(FormatError):
            opened(change)
    with pytest.raises(FormatError):
        opened(start=1)
    for text in ("", "sha256:00", f"sha512:{'00' * 64}"):
        with pytest.raises(FormatError):
            parse_document_digest(text)


def test_an_entry_that_names_no_document_has_none() -> None:
    """It is a signature over the artifact, by a client of Sigstore's."""
    log = FakeLog()
    key = private_key(P256)
    signature = Signature(b"signature", P256.details, spki(key), is_certificate=False)
    entry = RekorEntry("hashedrekord", "SHA2_256", sha256(b"artifact"), (signature,))
    log.submit([entry.encode()])
    told: dict[str, Any] = {
        "index": 0,
        "entry": b64.b64encode(entry.encode()).decode(),
        "path": [],
        "document": None,
    }
    answer = {"checkpoint": log.note().decode(), "complete_to": 1, "next": None}
    artifact = Artifact(ARTIFACT.digest, None)

    def ask() -> AttestationPage:
        body = json.dumps({**answer, "attestations": [told]}).encode()
        return open_attestations(body, 0, artifact, log.policy)

    (found,) = ask().attestations
    assert (entry, None) == (found.entry, found.document)
    told["document"] = {"digest": named(b"artifact"), "disposition": "stored"}
    with pytest.raises(VerificationError):
        ask()
