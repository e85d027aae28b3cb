"""A Sigstore client that holds each answer against the specification."""

import base64
from typing import Any

from tests.oracle.rfc6962 import leaf_hash
from tests.support.http import Answer, ask
from tests.support.openapi import require_documented
from tests.support.proofs import hashes
from tests.support.rekor import b64, body_of
from tlog.log.life import Log
from tlogverify.merkle import verify_inclusion
from tlogverify.signed import open_checkpoint

PATH = "/api/v2/log/entries"
ORIGIN = "log.example"


class Client:
    """Posts to one log, and holds each answer against the specification."""

    def __init__(self, url: str, log: Log) -> None:
        self.url = url
        self.log = log

    async def post(self, body: bytes, path: str = PATH, **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await ask(self.url, path, method="POST", headers=given, body=body)
        require_documented("POST", PATH, answer)
        return answer

    async def submit(self, request: dict[str, Any], path: str = PATH) -> dict[str, Any]:
        """Submit what is right; return the entry, which is proven."""
        answer = await self.post(body_of(request), path)
        assert (201, "application/json") == (answer.status, answer.media_type)
        entry: dict[str, Any] = answer.json()
        self.require_proven(entry)
        return entry

    def require_proven(self, entry: dict[str, Any]) -> None:
        """Assert what clients verify: head, proof and body belong together."""
        proof = entry["inclusionProof"]
        note = proof["checkpoint"]["envelope"].encode()
        head = open_checkpoint(note, *self.log.keys)
        assert ORIGIN == head.origin
        assert (str(head.size), b64(head.root)) == (
            proof["treeSize"],
            proof["rootHash"],
        )
        assert entry["logIndex"] == proof["logIndex"]
        path = hashes(proof["hashes"])
        leaf = leaf_hash(base64.b64decode(entry["canonicalizedBody"], validate=True))
        index = int(entry["logIndex"])
        verify_inclusion(index, head.size, leaf, path, head.root)


def require_error(answer: Answer, status: int, code: int, reason: str) -> None:
    """Assert that an answer is this error, in the shape that clients print."""
    document = answer.json()
    assert (status, code) == (answer.status, document["code"]), document
    assert reason in document["message"]
    assert {"code", "message", "details"} == set(document)
    assert [] == document["details"]
