"""What an answer about a package proves, and each thing that makes it prove less."""

import base64 as b64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.cases import case
from tests.tlogclient.boms import CYCLONEDX, cyclonedx, enveloped
from tests.tlogclient.fake_log import FakeLog, base64, path_of
from tlogclient.holdings import HoldingPage, open_holding, open_holdings
from tlogclient.purls import parse_purl
from tlogverify import FormatError, Record, VerificationError
from tlogverify.record import Subject

APP = b"an artifact"
PURL = "pkg:pypi/held@1.2"
QUESTION = parse_purl(PURL)
BARE = json.dumps(cyclonedx(APP, PURL, "pkg:pypi/other@3")).encode()
SIGNED = enveloped(cyclonedx(None, PURL), APP)
UNSTATED = json.dumps(cyclonedx(None, PURL)).encode()
WITHOUT = json.dumps(cyclonedx(APP, "pkg:pypi/held@1.3")).encode()
OF_ANOTHER = enveloped(cyclonedx(None, PURL), b"another")
NO_SBOM = b"{}"
CONTENTS = [BARE, SIGNED, UNSTATED, WITHOUT, OF_ANOTHER, NO_SBOM]

Change = Callable[[dict[str, Any]], object]


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def opened(
    change: Change = lambda answer: None, kind: str = CYCLONEDX, start: int = 0
) -> HoldingPage:
    log = FakeLog()
    subjects = tuple(Subject(it) for it in sorted([sha256(APP), sha256(b"beside")]))
    entries = [Record(subjects, sha256(it), kind).encode() for it in CONTENTS]
    log.submit(entries)
    answer: dict[str, Any] = {
        "checkpoint": log.note().decode(),
        "unread": 2,
        "hits": [
            {
                "index": index,
                "entry": b64.b64encode(entries[index]).decode(),
                "path": base64(path_of(index, log.leaves)),
                "document": {
                    "digest": f"sha256:{sha256(it).hex()}",
                    "disposition": "stored",
                    "size": len(it),
                    "url": "/x",
                },
            }
            for index, it in enumerate(CONTENTS)
        ],
        "next": None,
    }
    change(answer)
    return open_holdings(json.dumps(answer).encode(), start, log.policy)


def test_a_holding_says_of_which_artifacts_it_is() -> None:
    page = opened()
    assert (2, None, 6) == (page.unread, page.next, len(page.attestations))
    both = tuple(sorted([sha256(APP), sha256(b"beside")]))
    for content, artifacts in (
        (BARE, (sha256(APP),)),
        (SIGNED, (sha256(APP),)),
        (UNSTATED, both),
    ):
        it = page.attestations[CONTENTS.index(content)]
        for question in (QUESTION, parse_purl("pkg:pypi/held")):
            found = open_holding(it, content, question)
            assert (artifacts, (QUESTION,), it) == (
                found.artifacts,
                found.packages,
                found.attestation,
            )


def test_a_run_beside_the_artifact_is_no_artifact() -> None:
    document = json.loads(SIGNED)
    statement = json.loads(b64.b64decode(document["payload"]))
    run = "run:01941b0c-7c2e-7d3a-9f0e-6f5d2c1b0a99"
    digest = sha256(run.encode())
    statement["subject"].append({"name": run, "digest": {"sha256": digest.hex()}})
    document["payload"] = b64.b64encode(json.dumps(statement).encode()).decode()
    content = json.dumps(document).encode()
    log = FakeLog()
    subjects = tuple(Subject(it) for it in sorted([sha256(APP), digest]))
    entry = Record(subjects, sha256(content), CYCLONEDX).encode()
    log.submit([entry])
    hit = {
        "index": 0,
        "entry": b64.b64encode(entry).decode(),
        "path": [],
        "document": {
            "digest": f"sha256:{sha256(content).hex()}",
            "disposition": "stored",
        },
    }
    answer = {
        "checkpoint": log.note().decode(),
        "unread": 0,
        "hits": [hit],
        "next": None,
    }
    (it,) = open_holdings(json.dumps(answer).encode(), 0, log.policy).attestations
    assert (sha256(APP),) == open_holding(it, content, QUESTION).artifacts


def test_a_document_that_does_not_prove_it_is_refused() -> None:
    page = opened()
    for what, content, error in (
        ("another version", WITHOUT, VerificationError),
        ("another artifact", OF_ANOTHER, VerificationError),
        ("no SBOM", NO_SBOM, FormatError),
    ):
        it = page.attestations[CONTENTS.index(content)]
        with case(what), pytest.raises(error):
            open_holding(it, content, QUESTION)
    with pytest.raises(VerificationError):
        open_holding(page.attestations[0], SIGNED, QUESTION)


def test_what_is_not_proven_is_refused() -> None:
    other_head = FakeLog(b"x" * 32).note().decode()
    for what, change in {
        "another head": lambda it: it.update(checkpoint=other_head),
        "no path": lambda it: it["hits"][1].update(path=[]),
        "another index": lambda it: it["hits"][5].update(index=6),
        "another document": lambda it: it["hits"][1]["document"].update(
            digest=f"sha256:{'00' * 32}"
        ),
    }.items():
        with case(what), pytest.raises(VerificationError):
            opened(change)
    with pytest.raises(VerificationError, match="names no SBOM"):
        opened(kind="https://slsa.dev/provenance/v1")


def test_what_is_malformed_is_refused() -> None:
    for what, change in {
        "a member more": lambda it: it.update(more=1),
        "no unread": lambda it: it.pop("unread"),
        "a negative count": lambda it: it.update(unread=-1),
        "out of order": lambda it: it["hits"].reverse(),
        "next behind": lambda it: it.update(next=5),
        "no list": lambda it: it.update(hits={}),
    }.items():
        with case(what), pytest.raises(FormatError):
            opened(change)
    with pytest.raises(FormatError):
        opened(start=1)
