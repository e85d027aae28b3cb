"""GitHub's shape: bundles about an artifact, as its clients ask for them.

The requests are those of `gh attestation verify` and of @actions/attest, by GitHub's
documentation.
"""

import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.oracle import rfc6962
from tests.support.cases import case
from tests.support.http import Answer, ask
from tests.support.openapi import require_documented
from tests.support.records import digest
from tests.support.rekor import P256, body_of, certificate, dsse, private_key
from tests.support.running import published
from tests.tlog.documents.kept import Kept, keeping
from tlogverify.checkpoint import Checkpoint
from tlogverify.hashing import to_hash
from tlogverify.merkle import verify_inclusion
from tlogverify.signed import open_checkpoint
from tlogverify.sigstore import Bundle, LogEntry

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLSA = "https://slsa.dev/provenance/v1"
PATHS = ("/repos/team/app", "/orgs/team", "/users/somebody")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def github(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Kept]:
    changes = {"sigstore": True, "sigstore_native": True, "origin": "log.test"}
    async with keeping(tmp_path_factory.mktemp("github") / "log", **changes) as kept:
        yield kept


async def get(kept: Kept, target: str) -> Answer:
    answer = await ask(kept.url, target, headers={"Accept": "application/json"})
    require_documented("GET", target, answer)
    return answer


async def stored_envelope(kept: Kept, label: str, *, is_logged: bool = True) -> bytes:
    """Store the envelope of a statement about the artifact of a label."""
    request = dsse(f"statement about {label}".encode(), P256)
    if is_logged:
        sent = {"Content-Type": "application/json"}
        answer = await ask(
            kept.url,
            "/api/v2/log/entries",
            method="POST",
            headers=sent,
            body=body_of(request),
        )
        assert 201 == answer.status
    envelope = json.dumps(request["dsseRequestV002"]["envelope"]).encode()
    await kept.log_entry(envelope, label, predicateType=SLSA)
    assert 201 == (await kept.put(envelope)).status
    await published(kept.log)
    return envelope


async def keyed_bundles(kept: Kept, label: str, count: int, **more: str) -> None:
    """Store bundles about the artifact of a label, with hints from 0 on."""
    for number in range(count):
        signature = base64.b64encode(f"{label} {number}".encode()).decode()
        bundle = {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": f"{number}"}},
            "messageSignature": {"signature": signature},
        }
        content = json.dumps(bundle).encode()
        await kept.log_entry(content, label, **more)
        assert 201 == (await kept.put(content)).status


def proven(kept: Kept, bundle: dict[str, Any]) -> LogEntry:
    """Return the log entry of a bundle, after its path led to this log's head."""
    parsed = Bundle.parse(json.dumps(bundle).encode())
    (entry,) = parsed.entries
    assert entry.proof is not None
    head: Checkpoint = open_checkpoint(entry.proof.checkpoint, *kept.log.keys)
    assert (head.size, head.root) == (entry.proof.size, entry.proof.root)
    leaf = to_hash(rfc6962.leaf_hash(entry.body))
    verify_inclusion(entry.index, head.size, leaf, entry.proof.path, head.root)
    return entry


async def test_an_envelope_is_told_as_a_bundle_with_this_logs_entry(
    github: Kept,
) -> None:
    envelope = await stored_envelope(github, "enveloped")
    for path in PATHS:
        target = f"{path}/attestations/sha256:{digest('enveloped')}"
        with case(path):
            answer = await get(github, f"{target}?per_page=30&predicate_type={SLSA}")
            (found,) = answer.json()["attestations"]
            said = {name: it for name, it in found.items() if name != "bundle"}
            assert {
                "bundle_url": None,
                "repository_id": 0,
                "initiator": "user",
            } == said
            entry = proven(github, found["bundle"])
            assert ("hashedrekord", "0.0.2") == (entry.kind, entry.version)
            sent, told = json.loads(envelope), found["bundle"]["dsseEnvelope"]
            assert sent["payload"] == told["payload"]
            assert sent["signatures"][0]["sig"] == told["signatures"][0]["sig"]
            assert "link" not in answer.headers


async def test_a_bundle_is_told_as_it_was_stored(github: Kept) -> None:
    cert = certificate(private_key(P256))
    bundle = json.dumps(
        {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": base64.b64encode(cert).decode()}
            },
            "messageSignature": {"signature": base64.b64encode(b"x").decode()},
        },
        indent=1,
    ).encode()
    await github.log_entry(bundle, "bundled")
    assert 201 == (await github.put(bundle)).status
    target = f"/orgs/team/attestations/sha256:{digest('bundled')}"
    answer = await get(github, target)
    (found,) = answer.json()["attestations"]
    assert json.loads(bundle) == found["bundle"]
    assert bundle in answer.body


async def test_where_nothing_is_found_the_answer_is_404(github: Kept) -> None:
    await stored_envelope(github, "not in the log", is_logged=False)
    await github.log_entry(b"no bundle at all", "no bundle")
    await github.put(b"no bundle at all")
    for label in ("not in the log", "no bundle", "never heard of"):
        with case(label):
            target = f"/users/somebody/attestations/sha256:{digest(label)}"
            answer = await get(github, target)
            assert (404, "no-document") == (answer.status, answer.json()["type"])
    target = f"/orgs/team/attestations/sha256:{digest('enveloped')}"
    assert 404 == (await get(github, f"{target}?predicate_type=a:b")).status


async def test_pages_are_linked(github: Kept) -> None:
    await keyed_bundles(github, "linked", 5)
    target = f"/repos/team/app/attestations/sha256:{digest('linked')}?per_page=2"
    hints = []
    while target:
        answer = await get(github, target)
        hints += [
            it["bundle"]["verificationMaterial"]["publicKey"]["hint"]
            for it in answer.json()["attestations"]
        ]
        link = answer.headers.get("link", "")
        assert not link or link.endswith('>; rel="next"')
        target = link.partition(">")[0].removeprefix("<http://log.example")
    assert list("01234") == hints


GH = {
    "Host": "api.github.localhost",
    "User-Agent": "GitHub CLI v2.83.0",
    "Accept": "application/vnd.github.merge-info-preview+json, "
    "application/vnd.github.nebula-preview",
    "Authorization": "token nobody's",
    "Content-Type": "application/json; charset=utf-8",
    "Time-Zone": "Etc/UTC",
    "Accept-Encoding": "gzip",
}
"""What `gh attestation verify` sends, as `tests/system/test_gh.py` has recorded it."""


async def test_requests_recorded_of_gh_are_answered_as_it_needs_them(
    github: Kept,
) -> None:
    """It passes over what no user has initiated, and follows whole URLs alone."""
    await keyed_bundles(github, "of gh", 3, predicateType=SLSA)
    subject = f"sha256:{digest('of gh')}"
    hosts = {
        "as recorded": ({}, "http://api.github.localhost"),
        "behind TLS": (
            {"Host": "api.t.ghe.com", "X-Forwarded-Proto": "https"},
            "https://api.t.ghe.com",
        ),
        "at a port": ({"Host": "[::1]:8080"}, "http://[::1]:8080"),
        "another scheme": (
            {"X-Forwarded-Proto": "javascript"},
            "http://api.github.localhost",
        ),
        "no host": ({"Host": 'a>; rel="x"'}, ""),
    }
    for path in ("/repos/team/app", "/orgs/team"):
        query = f"per_page=2&predicate_type={SLSA}"
        target = f"{path}/attestations/{subject}?{query}"
        for what, (changed, server) in hosts.items():
            with case(f"{what}: {path}"):
                answer = await ask(github.url, target, headers=GH | changed)
                require_documented("GET", target, answer)
                told = answer.json()["attestations"]
                assert ["user", "user"] == [it["initiator"] for it in told]
                (link,) = re.findall('<([^>]+)>; rel="next"', answer.headers["link"])
                assert f"{server}{target}&after=" == link.rstrip("0123456789")
                rest = await ask(
                    github.url, link.removeprefix(server), headers=GH | changed
                )
                assert (200, 1) == (rest.status, len(rest.json()["attestations"]))
                assert "link" not in rest.headers


async def test_many_artifacts_are_asked_for_at_once(github: Kept) -> None:
    await stored_envelope(github, "one of many")
    known = f"sha256:{digest('one of many')}"
    unknown = f"sha256:{digest('none of many')}"
    for path in PATHS[1:]:
        target = f"{path}/attestations/bulk-list"
        body = json.dumps({"subject_digests": [known, unknown]}).encode()
        sent = {"Content-Type": "application/json"}
        answer = await ask(github.url, target, method="POST", headers=sent, body=body)
        require_documented("POST", target, answer)
        told = answer.json()["attestations_subject_digests"]
        with case(path):
            assert (None, 1) == (told[unknown], len(told[known]))
            proven(github, told[known][0]["bundle"])
            assert False is answer.json()["page_info"]["has_next"]


async def test_what_is_no_question_is_refused(github: Kept) -> None:
    name = f"sha256:{hashlib.sha256(b'x').hexdigest()}"
    for target in (
        "/orgs/team/attestations/sha256:00",
        f"/orgs/team/attestations/{name}?per_page=0",
        f"/orgs/team/attestations/{name}?per_page=101",
        f"/orgs/team/attestations/{name}?before=x",
    ):
        with case(target):
            assert 400 == (await get(github, target)).status
    target = "/orgs/team/attestations/bulk-list"
    for body in (
        b"",
        b"[]",
        b"{}",
        b'{"subject_digests":[]}',
        b'{"subject_digests":["sha256:00"]}',
        b'{"subject_digests":[1]}',
        json.dumps({"subject_digests": [name] * 101}).encode(),
        json.dumps({"subject_digests": [name], "more": 1}).encode(),
        b"[" * 60_000,
    ):
        sent = {"Content-Type": "application/json"}
        with case(body[:40].decode()):
            answer = await ask(
                github.url, target, method="POST", headers=sent, body=body
            )
            require_documented("POST", target, answer)
            assert 400 == answer.status
