"""What a search proves."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509

from tests.support.rekor import P256, certificate, private_key
from tests.tlogclient.fake_log import PROVENANCE, FakeLog, entry, record
from tlogclient.findings import (
    Page,
    Sought,
    open_hit,
    open_page,
    parse_digest,
    parse_sought,
)
from tlogverify import FormatError, ProofError, Record, VerificationError
from tlogverify.record import Subject
from tlogverify.rekor import RekorEntry, Signature

DIGEST = parse_digest(f"sha256:{PROVENANCE.hex()}")


def page(change: Callable[[dict[str, Any]], object] = lambda answer: None) -> Any:
    log = FakeLog()
    log.submit([entry(number) for number in range(7)])
    answer = log.search(DIGEST.encode(), 2)
    change(answer)
    return open_page(json.dumps(answer).encode(), 2, log.policy)


def test_a_hit_is_proven_by_its_entry() -> None:
    opened = page()
    hits = [
        open_hit(opened, hit, entry(hit.index), DIGEST) for hit in opened.unproven_hits
    ]
    assert [hit.index for hit in hits] == [2, 3, 4]
    assert [hit.entry for hit in hits] == [record(number) for number in (2, 3, 4)]
    assert opened.next == 5


def test_a_hit_with_another_entry_is_refused() -> None:
    opened = page()
    with pytest.raises(ProofError):
        open_hit(opened, opened.unproven_hits[0], entry(3), DIGEST)


def test_an_entry_that_does_not_name_the_digest_is_no_hit() -> None:
    opened = page()
    other = parse_digest("sha256:" + "ab" * 32)
    with pytest.raises(VerificationError, match="does not name"):
        open_hit(opened, opened.unproven_hits[0], entry(2), other)


@pytest.mark.parametrize(
    "name", ["subject", "sha384", "sha512", "provenance", "signer"]
)
def test_every_digest_of_a_record_can_be_found(name: str) -> None:
    subject = Subject(b"2" * 32, b"3" * 48, b"5" * 64)
    item = Record((subject,), PROVENANCE, None, b"s" * 32)
    text = {
        "subject": f"sha256:{(b'2' * 32).hex()}",
        "sha384": f"sha384:{(b'3' * 48).hex()}",
        "sha512": f"sha512:{(b'5' * 64).hex()}",
        "provenance": f"sha256:{PROVENANCE.hex()}",
        "signer": f"sha256:{(b's' * 32).hex()}",
    }[name]
    log = FakeLog()
    log.submit([item.encode()])
    opened = open_page(json.dumps(log.search(text, 0)).encode(), 0, log.policy)
    hit = open_hit(opened, opened.unproven_hits[0], item.encode(), parse_digest(text))
    assert hit.entry == item


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda a: a["hits"].reverse(), id="descending"),
        pytest.param(lambda a: a["hits"].insert(0, a["hits"][0]), id="twice"),
        pytest.param(lambda a: a["hits"][0].update(index=1), id="before-start"),
        pytest.param(lambda a: a.update(next=4), id="next-standing-still"),
        pytest.param(lambda a: a.update(hits=[], next=2), id="next-without-hits"),
        pytest.param(lambda a: a.update(next="5"), id="next-text"),
        pytest.param(lambda a: a.update(complete_to=8), id="complete-beyond-head"),
        pytest.param(lambda a: a.update(complete_to=None), id="complete-null"),
        pytest.param(lambda a: a.pop("next"), id="next-missing"),
        pytest.param(lambda a: a["hits"][0].update(entry=1), id="hit-member"),
        pytest.param(lambda a: a.update(hits={}), id="hits-object"),
    ],
)
def test_a_page_that_breaks_its_form_is_malformed(
    change: Callable[[dict[str, Any]], object],
) -> None:
    with pytest.raises(FormatError):
        page(change)


def test_a_page_under_an_unsigned_head_is_refused() -> None:
    other = FakeLog(b"o" * 32).note().decode()
    with pytest.raises(VerificationError):
        page(lambda answer: answer.update(checkpoint=other, complete_to=0))


def test_a_hit_outside_the_tree_is_refused() -> None:
    opened = page()
    hit = replace(opened.unproven_hits[0], index=7)
    with pytest.raises(ProofError):
        open_hit(opened, hit, entry(2), DIGEST)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 65,
        "sha256:" + "a" * 64 + "\n",
        "sha384:" + "a" * 64,
        "sha1:" + "a" * 40,
        "a" * 64,
    ],
)
def test_a_digest_has_one_spelling(text: str) -> None:
    with pytest.raises(FormatError):
        parse_digest(text)


CERTIFICATE = certificate(
    private_key(P256), x509.RFC822Name("a@example.org"), issuer="https://issuer.example"
)
OTHER = Signature(b"t", P256.details, b"another key", False)
SIGNED = RekorEntry(
    "dsse",
    "SHA2_256",
    b"d" * 32,
    (Signature(b"s", P256.details, CERTIFICATE, True), OTHER),
)
SHA256 = hashlib.sha256(CERTIFICATE).hexdigest()


def page_of(*entries: bytes, after: int | None = None) -> Page:
    """Return a page that claims each entry of a log to be a hit."""
    log = FakeLog()
    log.submit(list(entries))
    answer = log.search("", 0)
    answer["next"] = after
    return open_page(json.dumps(answer).encode(), 0, log.policy)


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ({"digest": f"sha256:{'64' * 32}"}, ("digest", f"sha256:{'64' * 32}")),
        ({"digest": f"sha256:{SHA256}"}, ("digest", f"sha256:{SHA256}")),
        ({"key": f"sha256:{SHA256}"}, ("key", f"sha256:{SHA256}")),
        ({"identity": "a@example.org"}, ("identity", "a@example.org")),
        ({"issuer": "https://issuer.example"}, ("issuer", "https://issuer.example")),
    ],
)
def test_a_rekor_entry_is_a_hit_by_all_that_it_names(
    asked: dict[str, str], query: tuple[str, str]
) -> None:
    opened = page_of(SIGNED.encode())
    sought = sought_of(**asked)
    assert query == sought.query()
    hit = open_hit(opened, opened.unproven_hits[0], SIGNED.encode(), sought)
    assert SIGNED == hit.entry


@pytest.mark.parametrize(
    "asked",
    [
        {"digest": f"sha256:{'65' * 32}"},
        {"digest": f"sha384:{'64' * 48}"},
        {"key": f"sha256:{'64' * 32}"},
        {"identity": "A@example.org"},
        {"identity": "https://issuer.example"},
        {"issuer": "a@example.org"},
    ],
)
def test_a_rekor_entry_that_does_not_name_it_is_no_hit(asked: dict[str, str]) -> None:
    opened = page_of(SIGNED.encode())
    with pytest.raises(VerificationError, match="does not name"):
        open_hit(opened, opened.unproven_hits[0], SIGNED.encode(), sought_of(**asked))


def test_a_record_is_a_hit_of_its_signer_alone() -> None:
    signed = Record((Subject(b"2" * 32),), PROVENANCE, None, b"s" * 32)
    opened = page_of(signed.encode())
    (hit,) = opened.unproven_hits
    signer = sought_of(key=f"sha256:{(b's' * 32).hex()}")
    assert signed == open_hit(opened, hit, signed.encode(), signer).entry
    for other in (sought_of(key=f"sha256:{'32' * 32}"), sought_of(identity="a")):
        with pytest.raises(VerificationError, match="does not name"):
            open_hit(opened, hit, signed.encode(), other)


def sought_of(
    digest: str | None = None,
    key: str | None = None,
    identity: str | None = None,
    issuer: str | None = None,
) -> Sought:
    return parse_sought(digest, key, identity, issuer)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"digest": f"sha256:{SHA256}", "identity": "a"},
        {"identity": "a", "issuer": "a"},
        {"key": f"sha512:{'a' * 128}"},
        {"key": SHA256},
    ],
)
def test_a_search_is_for_one_thing(asked: dict[str, str]) -> None:
    with pytest.raises(FormatError):
        sought_of(**asked)


def test_a_page_without_hits_moves_forward() -> None:
    log = FakeLog()
    log.submit([entry(number) for number in range(7)])
    answer = log.search(DIGEST.encode(), 2)
    answer.update(hits=[], next=3)
    opened = open_page(json.dumps(answer).encode(), 2, log.policy)
    assert ((), 3) == (opened.unproven_hits, opened.next)
    answer.update(next=2)
    with pytest.raises(FormatError, match="next"):
        open_page(json.dumps(answer).encode(), 2, log.policy)
