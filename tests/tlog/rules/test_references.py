"""SBOMs that a statement refers to: judged as if they stood in it, and else not."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.cases import case
from tests.tlog.rules.test_conditions import DENYING, sbom, spdx
from tests.tlog.rules.workshop import (
    CYCLONEDX,
    NOW,
    OTHER_SHA256,
    SPDX,
    Paper,
    block,
    keys,
)
from tests.tlogverify.attestation.stories import MALLORY
from tests.tlogverify.documents import ARTIFACT_SHA256, POLICY
from tlog.rules import (
    Attested,
    Document,
    Referred,
    Trust,
    Verdict,
    decide,
    opening,
    parse_rules,
    references,
)
from tlog.rules.folders import find_referred, read_document

REFERENCE = "https://in-toto.io/attestation/reference/v0.1"
EVIL = sbom(purl="pkg:npm/evil@1")


def content_of(document: object) -> bytes:
    return json.dumps(document).encode()


def to(*contents: bytes) -> Paper:
    """Return a signed statement that refers to documents."""
    told = [{"digest": {"sha256": hashlib.sha256(it).hexdigest()}} for it in contents]
    predicate = {"attester": {"id": "https://log.example"}, "references": told}
    return Paper(REFERENCE, predicate)


def judged(keyring: Path, *documents: Document, kind: str = CYCLONEDX) -> Verdict:
    text = keys() + block(kind, "alice", lines=DENYING)
    rules = parse_rules(text.encode(), keyring)
    return decide(ARTIFACT_SHA256, documents, rules, Trust(POLICY), NOW)


def test_a_referred_sbom_is_judged_as_one_in_the_statement(keyring: Path) -> None:
    for kind, document, why in (
        (CYCLONEDX, sbom(), ""),
        (CYCLONEDX, EVIL, "denied packages: pkg:npm/evil@1"),
        (SPDX.removesuffix("/v2.3"), spdx(), ""),
        (
            SPDX.removesuffix("/v2.3"),
            spdx(licenseDeclared="AGPL-3.0-only"),
            "denied licences: b",
        ),
    ):
        content = content_of(document)
        # As a file, and as a log has it: as the document of an entry of its own.
        for bare in (
            Referred("bom.json", content),
            Attested("entry 7", content, to().proof),
        ):
            with case(f"{kind} {why} {bare.name}"):
                found = judged(keyring, to(content).document, bare, kind=kind)
                assert (not why, ()) == (found.allowed, found.unopened)
                assert [] == [it for it in found.reasons if why not in it]


def test_whoever_may_not_sign_vouches_for_nothing(keyring: Path) -> None:
    content = content_of(sbom())
    bare, good = Referred("bom.json", content), to(content)
    assert judged(keyring, good.document, bare).allowed
    for what, paper in {
        "another signer": good.but(signers=(MALLORY,)),
        "another artifact": good.but(subject=OTHER_SHA256),
        "another digest": to(content + b" "),
        "no statement that refers": good.but(predicate_type="https://a.example/type"),
        "no digest": good.but(predicate={"references": [{"digest": {"sha256": "a"}}]}),
    }.items():
        with case(what):
            found = judged(keyring, paper.document, bare)
            assert not found.allowed
            told = {it.document: it.why for it in found.unopened}
            assert "no statement that counts refers to it" == told["bom.json"]
    assert not judged(keyring, good.document).allowed
    assert not judged(keyring, good.document, Referred("bom", content[:-1])).allowed


def test_what_is_referred_to_is_bounded_and_an_sbom(
    keyring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = content_of(sbom())
    documents = (to(content).document, Referred("bom.json", content))
    for name, value, why in (
        ("MAX_REFERRED_BYTES", len(content) - 1, "bytes of referred documents"),
        ("MAX_REFERRED_VALUES", 3, "at most 3 brackets and commas"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(opening, name, value)
            found = judged(keyring, *documents)
        with case(name):
            assert (False, 1) == (found.allowed, len(found.unopened))
            assert why in found.unopened[0].why
    for other in (b"[]", b"{}", content_of({"bomFormat": "other"})):
        found = judged(keyring, to(other).document, Referred("other", other))
        assert (False, 1) == (found.allowed, len(found.unopened))
    assert 64 << 20 == references.MAX_REFERRED_BYTES


def test_a_folder_has_it_by_its_digest_and_a_file_by_what_it_says(
    keyring: Path, tmp_path: Path
) -> None:
    content = content_of(EVIL)
    document = to(content).document
    assert () == find_referred(tmp_path, (document,))
    (tmp_path / hashlib.sha256(content).hexdigest()).write_bytes(content)
    (found,) = find_referred(tmp_path, (document, Referred("other", b"")))
    assert not judged(keyring, document, found).allowed
    (tmp_path / "bom.json").write_bytes(content)
    assert Referred("bom.json", content) == read_document(tmp_path / "bom.json")
