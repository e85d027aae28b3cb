"""The gate's door: hostile bodies, what it says of itself, and /v1/decide."""

import copy
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.cases import case
from tests.support.http import ask
from tests.tlog.gate.workshop import (
    BAD_SHA256,
    GOOD,
    Served,
    place,
    pod,
    review,
    running_gate,
)
from tests.tlog.rules.workshop import NOW
from tests.tlogverify.actors import LOG
from tests.tlogverify.documents import ARTIFACT_SHA256
from tlog.gate.reviews import MAX_VALUES
from tlog.signing import AttestationKeyType, generate_attestation_key
from tlogverify.attestation.dsse import Envelope
from tlogverify.attestation.signers import SignerKey
from tlogverify.attestation.statement import parse_statement

ARTIFACT = f"sha256:{ARTIFACT_SHA256.hex()}"
OTHER = f"sha256:{BAD_SHA256.hex()}"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("gate")
    generate_attestation_key(AttestationKeyType.P256).write(folder / "vsa.key")
    signing = {"vsa_key": str(folder / "vsa.key"), "verifier": "https://gate.example"}
    async with running_gate(place(folder), **signing) as found:
        yield found


def public_half(served: Served) -> bytes:
    """Return the public key of the gate's summaries."""
    secret = Path(served.gate.settings.vsa_key)
    assert secret is not None
    return secret.with_name(f"{secret.name}.pub").read_bytes()


def changed(**changes: object) -> dict[str, Any]:
    """Return a review with other members in its request; None takes one away."""
    made = review(pod(GOOD))
    for name, value in changes.items():
        made["request"][name] = value
    return made


async def test_a_review_that_breaks_its_form_is_refused_and_names_the_rule(
    served: Served,
) -> None:
    whole = json.dumps(review(pod(GOOD)))
    twice = whole.replace('"operation"', '"operation": "DELETE", "operation"', 1)
    table: list[tuple[str, bytes]] = [
        ("nothing", b""),
        ("no JSON", b"{"),
        ("no UTF-8", b"\xff{}"),
        ("a list", b"[]"),
        ("a member twice", twice.encode()),
        ("deep", b'{"request":' + b"[" * 100_000),
        ("many values", b"[" + b"0," * (MAX_VALUES + 1) + b"0]"),
        ("not finite", whole.replace("-10", "NaN").encode()),
        ("a number without end", b'{"a":' + b"9" * 5_000 + b"}"),
        ("an older version", whole.replace(".io/v1", ".io/v1beta1").encode()),
        ("another kind", whole.replace("AdmissionReview", "Review").encode()),
        (
            "no request",
            b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}',
        ),
    ]
    odd: dict[str, list[object]] = {
        "uid": [None, 7, "", "a" * 129, "a\nb", {}, ["x"]],
        "kind": [None, "Pod", {"kind": "Pod"}, {"group": 1, "kind": "Pod"}],
        "operation": [None, 1, ["CREATE"]],
        "userInfo": [None, "alice", []],
        "namespace": [7, ["shop"]],
        "object": ["", 7, [pod(GOOD)]],
        "oldObject": ["", 7],
        "dryRun": ["false", 0, {}],
    }
    for name, values in odd.items():
        table += [
            (f"{name}: {value!r}", json.dumps(changed(**{name: value})).encode())
            for value in values
        ]
    for name, body in table:
        with case(name):
            answer = await served.post("/admit/enforce", body)
            assert (400, "invalid-request") == (answer.status, answer.json()["type"])
            answer = await served.post("/break-glass", body)
            assert 400 == answer.status


async def test_members_of_later_versions_are_passed_over(served: Served) -> None:
    made = changed(newMember={"a": [1.5, None, True]}, options=None)
    made["request"]["object"]["spec"]["newMember"] = -1
    assert (await served.admit(made))["allowed"]


async def test_a_body_has_a_bound_a_type_and_no_coding(served: Served) -> None:
    headers = {"Content-Type": "application/json"}
    table: list[tuple[dict[str, str], bytes, int]] = [
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({**headers, "Content-Encoding": "gzip"}, b"{}", 415),
        (headers, b" " * ((8 << 20) + 1), 413),
    ]
    for given, body, status in table:
        with case(str(given)):
            answer = await ask(
                served.url, "/admit/warn", method="POST", headers=given, body=body
            )
            assert status == answer.status
    large = changed()
    large["request"]["object"]["metadata"]["annotations"] = {"a": "x" * (1 << 20)}
    assert (await served.admit(large))["allowed"]
    answer = await served.post("/admit/other", {})
    assert 404 == answer.status
    answer = await served.post("/admit/enforce?timeout=5s", review(pod(GOOD)))
    assert 200 == answer.status


async def test_a_question_is_answered_with_all_that_it_rests_on(
    served: Served,
) -> None:
    told = await served.decide(ARTIFACT, environment="default", requester="ci")
    assert (True, "allowed", "met", LOG.name, 3) == (
        told["allowed"],
        told["outcome"],
        told["reason"],
        told["origin"],
        told["index"],
    )
    assert [] == told["reasons"]
    told = await served.decide(OTHER)
    assert (False, "refused", "no-entry") == (
        told["allowed"],
        told["outcome"],
        told["reason"],
    )
    assert ["build: nobody"] == [it[:13] for it in told["reasons"]]


async def test_a_question_that_breaks_its_form_is_refused(served: Served) -> None:
    plain = {"artifact": ARTIFACT}
    table: list[object] = [
        {},
        [],
        {"artifact": "app.whl"},
        {"artifact": ARTIFACT.upper()},
        {"artifact": f"{ARTIFACT}0"},
        {"artifact": 7},
        {**plain, "environment": "no such\nname"},
        {**plain, "environment": None},
        {**plain, "requester": "x" * 257},
        {**plain, "mode": "warn"},
        {**plain, "more": 1},
        b'{"artifact":"'
        + ARTIFACT.encode()
        + b'","artifact":"'
        + OTHER.encode()
        + b'"}',
    ]
    for body in table:
        with case(str(body)):
            assert 400 == (await served.post("/v1/decide", body)).status
    assert 400 == (await served.post("/v1/decide?other=1", plain)).status


async def test_a_verdict_is_signed_as_a_summary_where_that_is_asked(
    served: Served,
) -> None:
    key = SignerKey.of_pem(public_half(served))
    for artifact, result in ((ARTIFACT, "PASSED"), (OTHER, "FAILED")):
        with case(result):
            answer = await served.post("/v1/decide?vsa=1", {"artifact": artifact})
            told = answer.json()
            envelope = Envelope.parse(told["vsa"].encode())
            envelope.verify([key], 1)
            statement = parse_statement(envelope)
            assert artifact[7:] == (statement.subjects[0].sha256 or b"").hex()
            assert result == statement.predicate["verificationResult"]
            assert {"id": "https://gate.example"} == {
                "id": statement.predicate["verifier"]["id"]  # type: ignore[index]  # as SLSA has it
            }
    assert "vsa" not in await served.decide(ARTIFACT)


async def test_a_gate_without_a_key_says_that_it_signs_nothing(
    tmp_path: Path,
) -> None:
    async with running_gate(place(tmp_path)) as plain:
        answer = await plain.post("/v1/decide?vsa=1", {"artifact": ARTIFACT})
        assert (409, "no-summary") == (answer.status, answer.json()["type"])


async def test_people_see_what_was_decided_and_why(served: Served) -> None:
    await served.decide(ARTIFACT)
    answer = await ask(served.url, "/status")
    assert (200, "text/html; charset=utf-8") == (
        answer.status,
        answer.headers["content-type"],
    )
    page = answer.body.decode()
    assert "Can decide" in page
    assert 'aria-label="Why. allowed met: ' in page


async def test_it_says_whether_it_lives_and_what_it_lacks(
    served: Served, tmp_path: Path
) -> None:
    assert {"alive": True} == (await ask(served.url, "/healthz")).json()
    answer = await ask(served.url, "/readyz")
    claims = {"rules_read": True, "documents_readable": True}
    assert (200, claims) == (answer.status, answer.json())
    made = place(tmp_path)
    async with running_gate(made, spool=tmp_path / "spool") as spooling:
        (tmp_path / "spool" / "logged").rmdir()
        (tmp_path / "spool").rmdir()
        answer = await ask(spooling.url, "/readyz")
        assert (503, False) == (answer.status, answer.json()["spool_writable"])


async def test_a_review_is_left_as_it_is_and_no_answer_changes_an_object(
    served: Served,
) -> None:
    made = review(pod(GOOD))
    before = copy.deepcopy(made)
    found = await served.admit(made)
    assert before == made
    assert {"patch", "patchType"} & found.keys() == set()
    assert NOW == served.gate.clock.now_s()
