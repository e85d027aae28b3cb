"""A signature submitted as Sigstore's clients do, and what an answer proves."""

import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.rekor import P256, dsse, hashedrekord, private_key, spki
from tests.tlogclient.fake_log import Handler
from tests.tlogverify.documents import ARTIFACT, POLICY
from tests.tlogverify.refusal import flip
from tests.tlogverify.sigstore.documents import (
    body_of,
    certified,
    changed,
    encoded,
    entry_of,
)
from tlogclient import LogClient, RefusedError
from tlogclient.answers import open_logged_entry
from tlogclient.batches import encode_rekor_request
from tlogclient.problems import parse_refusal
from tlogverify import FormatError, ProofError, VerificationError
from tlogverify.attestation.dsse import Envelope
from tlogverify.lines import parse_base64
from tlogverify.rekor import RekorEntry, Signature, parse_rekor

REQUEST = hashedrekord(ARTIFACT)["hashedRekordRequestV002"]
CONTENT = parse_base64("content", REQUEST["signature"]["content"].encode())
BODY = body_of(P256.digest(ARTIFACT), CONTENT)
ANSWER = entry_of(BODY)


def test_the_request_is_as_sigstores_clients_write_it() -> None:
    assert {"hashedRekordRequestV002": REQUEST} == json.loads(
        encode_rekor_request(parse_rekor(BODY))
    )
    der = certified()
    signature = Signature(b"s", P256.details, der, True)
    entry = RekorEntry("hashedrekord", "SHA2_256", bytes(32), (signature,))
    sent = json.loads(encode_rekor_request(entry))["hashedRekordRequestV002"]
    assert {"keyDetails", "x509Certificate"} == set(sent["signature"]["verifier"])
    given = dsse(b"{}", P256, payload_type="a type")
    envelope = Envelope.parse(json.dumps(given["dsseRequestV002"]["envelope"]).encode())
    assert given == json.loads(encode_rekor_request(parse_rekor(BODY), envelope))


def test_an_answer_is_believed_once_it_is_proven() -> None:
    logged = open_logged_entry(encoded(ANSWER), (BODY,), POLICY)
    assert (3, BODY) == (logged.index, logged.body)
    assert logged == open_logged_entry(encoded(ANSWER), (b"another", BODY), POLICY)
    hashes = ("inclusionProof", "hashes")
    for answer, entry, error in (
        (ANSWER, flip(BODY), VerificationError),
        (ANSWER, BODY[:-1], VerificationError),
        (changed(ANSWER, hashes, []), BODY, ProofError),
        (changed(ANSWER, ("inclusionProof", "treeSize"), "8"), BODY, VerificationError),
        (changed(ANSWER, ("more",), 1), BODY, FormatError),
    ):
        with pytest.raises(error):
            open_logged_entry(encoded(answer), (entry,), POLICY)


async def submit(handler: Handler) -> int:
    app = web.Application()
    app.router.add_post("/api/v2/log/entries", handler)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        async with LogClient(url, POLICY) as log:
            return (await log.submit_signature(parse_rekor(BODY))).index


async def test_a_client_submits_and_gets_the_entry() -> None:
    seen: list[object] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(await request.json())
        return web.json_response(ANSWER, status=201)

    assert 3 == await submit(answer)
    assert [{"hashedRekordRequestV002": REQUEST}] == seen


async def test_a_refusal_in_rekors_words_is_told() -> None:
    async def refuse(_: web.Request) -> web.Response:
        document = {"code": 3, "message": "the digest is odd", "details": []}
        return web.json_response(document, status=400)

    with pytest.raises(RefusedError, match="the digest is odd") as caught:
        await submit(refuse)
    assert 400 == caught.value.status
    assert "x" == parse_refusal(400, b'{"detail":"x","message":"y"}').detail


def test_the_key_is_this_runs() -> None:
    assert spki(private_key(P256)) == parse_rekor(BODY).signatures[0].der
