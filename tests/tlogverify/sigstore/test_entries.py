"""Log entries: a door's answer, and the same values as a proof file holds."""

import json
from dataclasses import replace

import pytest

from tests.support.rekor import P256, b64, private_key, sign_digest
from tests.tlogverify.actors import LOG
from tests.tlogverify.documents import ARTIFACT, ENTRY, NO_EXTRA, PROOF, Story
from tests.tlogverify.sigstore.documents import (
    MISSING,
    body_of,
    changed,
    encoded,
    entry_of,
)
from tlogverify.errors import FormatError, VerificationError
from tlogverify.sigstore import LogEntry, parse_log_entry
from tlogverify.sigstore.entries import MAX_ANSWER_BYTES

DIGEST = P256.digest(ARTIFACT)
BODY = body_of(DIGEST, sign_digest(P256, private_key(P256), DIGEST))


def test_an_answer_is_read_as_the_log_gives_it() -> None:
    answer = changed(entry_of(BODY), ("inclusionPromise",), None)
    answer["integratedTime"] = "0"
    entry = parse_log_entry(encoded(answer))
    assert entry_of(BODY) == json.loads(json.dumps(entry.members()))
    assert (BODY, LOG.key.key_hash) == (entry.body, entry.log_id)


def test_an_entry_and_a_proof_file_are_made_of_each_other() -> None:
    proof = Story(BODY).proof
    entry = LogEntry.of_proof(proof, LOG.key)
    assert parse_log_entry(encoded(entry_of(BODY))) == entry
    assert proof == entry.to_proof()


def test_only_a_rekor_entry_has_a_place_in_a_bundle() -> None:
    for proof, rule in (
        (NO_EXTRA, "no extra line"),
        (PROOF, "a Rekor entry in canonical form"),
    ):
        with pytest.raises(FormatError, match=rule):
            LogEntry.of_proof(proof, LOG.key)
    assert ENTRY == PROOF.extra


def test_an_entry_without_a_checkpoint_is_no_proof() -> None:
    entry = parse_log_entry(encoded(entry_of(BODY)))
    assert entry.proof is not None
    bare = replace(entry, proof=replace(entry.proof, checkpoint=b""))
    for other in (replace(entry, proof=None), bare):
        with pytest.raises(VerificationError, match="no proof with a checkpoint"):
            other.to_proof()
    with pytest.raises(VerificationError, match="a log's promise alone, which proves"):
        replace(entry, proof=None, promise=b"p").to_proof()


def test_a_promise_and_a_time_are_kept() -> None:
    members = entry_of(BODY)
    members["integratedTime"] = "1790000000"
    members["inclusionPromise"] = {"signedEntryTimestamp": b64(b"promise")}
    entry = parse_log_entry(encoded(members))
    assert (1_790_000_000, b"promise") == (entry.integrated_time_s, entry.promise)
    assert members == entry.members()
    alone = replace(entry, proof=None)
    assert changed(members, ("inclusionProof",), MISSING) == alone.members()


def test_an_answer_of_another_form_is_refused() -> None:
    for answer, rule in (
        (b" " * (MAX_ANSWER_BYTES + 1), "at most"),
        (b"[]", "must be a JSON object"),
        (encoded(changed(entry_of(BODY), ("code",), 6)), "no member of this name"),
    ):
        with pytest.raises(FormatError, match=rule):
            parse_log_entry(answer)
