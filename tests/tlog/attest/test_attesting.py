"""Attesting against a log that runs here; verified by the verifier alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import published, running_log
from tests.tlogverify.attestation.stories import BOB, Signer
from tlog.attest.artifacts import Artifact, Sought, hash_artifacts
from tlog.attest.attesting import Attested, Claim, attest, name_artifacts
from tlog.attest.document import NamedDigest, encode_statement, sign_statement
from tlog.attest.predicates import read_predicate
from tlog.errors import RejectedError
from tlog.log.life import Log
from tlogclient import LogClient, UnavailableError
from tlogverify import Policy, Proof, VerificationError
from tlogverify.attestation import Rules, verify_attestation
from tlogverify.attestation.dsse import Envelope
from tlogverify.attestation.rules import TrustedKey
from tlogverify.attestation.signers import SignerKey
from tlogverify.attestation.statement import parse_statement
from tlogverify.errors import FormatError

SLSA = "https://slsa.dev/provenance/v1"
BUILDER = "https://b.example"


@dataclass(frozen=True)
class KeyOfTests:
    """A key of the tests, behind the seam that a device has."""

    signer: Signer

    @property
    def public(self) -> bytes:
        return self.signer.spki

    def sign(self, message: bytes) -> bytes:
        return self.signer.sign(message)


KEY = KeyOfTests(Signer("releases"))


def predicate(**metadata: str) -> dict[str, object]:
    return {
        "buildDefinition": {"buildType": "b:1", "externalParameters": {}},
        "runDetails": {"builder": {"id": BUILDER}, "metadata": metadata},
    }


def claim(
    folder: Path,
    *names: str,
    content: Mapping[str, object] | None = None,
    predicate_type: str = SLSA,
) -> Claim:
    paths = [folder / name for name in names or ("app.whl",)]
    for path in paths:
        path.write_text(f"the bytes of {path.name}")
    artifacts = hash_artifacts([Sought(path) for path in paths])
    subjects, _ = name_artifacts(artifacts, ())
    said = predicate() if content is None else content
    return Claim(artifacts, subjects, predicate_type, said)


def rules_of(*keys: KeyOfTests) -> Rules:
    trusted = tuple(TrustedKey(SignerKey(it.public), (BUILDER,)) for it in keys)
    return Rules(keys=trusted, predicate_types=(SLSA,), any_source=True)


def policy_of(log: Log) -> Policy:
    keys = "".join(f"log {it.encode()}\n" for it in log.keys)
    return Policy.parse(f"{keys}quorum none\n".encode())


def verify(artifact: Artifact, policy: Policy, *keys: KeyOfTests) -> int:
    proven = verify_attestation(
        artifact.path,
        artifact.attestation.read_bytes(),
        Proof.read(artifact.proof),
        policy,
        rules_of(*keys or (KEY,)),
    )
    return proven.artifact.index


async def test_many_artifacts_are_one_statement_and_one_entry(tmp_path: Path) -> None:
    async with running_log(tmp_path / "log") as (url, log):
        said = claim(tmp_path, *(f"{number}.bin" for number in range(256)))
        async with LogClient(url, policy_of(log)) as client:
            attested = await attest(said, KEY, client)
        assert 1 == log.heads.signed.size
        assert {0} == {verify(it, policy_of(log)) for it in said.artifacts}
    assert {attested.envelope} == {it.attestation.read_bytes() for it in said.artifacts}
    assert 1 == attested.envelope.count(b"\n")


async def test_artifacts_of_the_same_bytes_are_one_subject_of_the_record(
    tmp_path: Path,
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("the same")
    artifacts = hash_artifacts([Sought(tmp_path / it) for it in ("a", "b")])
    subjects, _ = name_artifacts(artifacts, ())
    async with running_log(tmp_path / "log") as (url, log):
        async with LogClient(url, policy_of(log)) as client:
            await attest(Claim(artifacts, subjects, SLSA, predicate()), KEY, client)
        assert [0, 0] == [verify(it, policy_of(log)) for it in artifacts]


async def test_attesting_again_is_a_success_with_the_same_entry(
    tmp_path: Path,
) -> None:
    async with running_log(tmp_path / "log") as (url, log):
        async with LogClient(url, policy_of(log)) as client:
            first = await attest(
                claim(
                    tmp_path, content=predicate(finishedOn="1", tlog_traceparent="a")
                ),
                KEY,
                client,
            )
            again = claim(
                tmp_path, content=predicate(finishedOn="2", tlog_traceparent="b")
            )
            second = await attest(again, KEY, client)
            await published(log)
        assert (False, True) == (first.is_kept, second.is_kept)
        assert first.envelope == second.envelope
        assert (0, 1) == (second.proof.index, log.heads.signed.size)


async def test_a_run_that_died_before_the_log_answered_is_gone_on_with(
    tmp_path: Path,
) -> None:
    said = claim(tmp_path, "a", "b")
    async with running_log(tmp_path / "log") as (url, log):
        policy = policy_of(log)
    with pytest.raises(UnavailableError):
        async with LogClient(url, policy, attempts=1) as client:
            await attest(said, KEY, client)
    left = said.artifacts[0].attestation.read_bytes()
    assert not said.artifacts[0].proof.exists()
    # As if it had died between the two files, too.
    said.artifacts[1].attestation.unlink()
    async with running_log(tmp_path / "log") as (url, log):
        async with LogClient(url, policy_of(log)) as client:
            attested = await attest(said, KEY, client)
        assert (left, True) == (attested.envelope, attested.is_kept)
        assert [0, 0] == [verify(it, policy_of(log)) for it in said.artifacts]


OTHERS = [
    pytest.param({"content": predicate(invocationId="x")}, KEY, id="predicate"),
    pytest.param({"content": {}, "predicate_type": "t:1"}, KEY, id="type"),
    pytest.param({}, KeyOfTests(Signer("another")), id="key"),
]


@pytest.mark.parametrize(("change", "key"), OTHERS)
async def test_another_attestation_is_replaced_only_by_force(
    tmp_path: Path, change: dict[str, Any], key: KeyOfTests
) -> None:
    async with running_log(tmp_path / "log") as (url, log):
        policy = policy_of(log)
        async with LogClient(url, policy) as client:
            first = await attest(claim(tmp_path), KEY, client)
            other = claim(tmp_path, **change)
            with pytest.raises(RejectedError, match="another attestation: --force"):
                await attest(other, key, client)
            (artifact,) = other.artifacts
            assert first.envelope == artifact.attestation.read_bytes()
            assert 0 == verify(artifact, policy)
            replaced = await attest(other, key, client, replace=True)
        assert replaced.envelope == artifact.attestation.read_bytes()
        assert 1 == Proof.read(artifact.proof).index


async def test_what_is_no_attestation_is_not_replaced(tmp_path: Path) -> None:
    async with running_log(tmp_path / "log") as (url, log):
        async with LogClient(url, policy_of(log)) as client:
            said = claim(tmp_path, "a", "b")
            first, second = said.artifacts
            first.attestation.write_text("by somebody else")
            with pytest.raises(RejectedError, match="--force"):
                await attest(said, KEY, client)
            second.attestation.write_text("by another")
            with pytest.raises(RejectedError, match="than its neighbour's"):
                await attest(said, KEY, client)
            first.attestation.unlink()
            second.attestation.unlink()
            second.proof.write_text("of tlog submit")
            with pytest.raises(RejectedError, match="a proof of something else"):
                await attest(said, KEY, client)
            assert "of tlog submit" == second.proof.read_text()
        assert 0 == log.heads.signed.size


async def test_what_is_replaced_stays_until_the_log_has_answered(
    tmp_path: Path,
) -> None:
    async with running_log(tmp_path / "log") as (url, log):
        async with LogClient(url, policy_of(log)) as client:
            await attest(claim(tmp_path), KEY, client)
        policy = policy_of(log)
    other = claim(tmp_path, content=predicate(invocationId="x"))
    (artifact,) = other.artifacts
    with pytest.raises(UnavailableError):
        async with LogClient(url, policy, attempts=1) as client:
            await attest(other, KEY, client, replace=True)
    assert 0 == verify(artifact, policy)
    signed = artifact.next_attestation.read_bytes()
    async with (
        running_log(tmp_path / "log") as (url, log),
        LogClient(url, policy) as client,
    ):
        attested = await attest(other, KEY, client, replace=True)
    assert (signed, True) == (attested.envelope, attested.is_kept)
    assert signed == artifact.attestation.read_bytes()
    assert 1 == verify(artifact, policy)
    assert not artifact.next_attestation.exists()


@pytest.mark.parametrize("is_proof", [True, False])
async def test_a_strangers_proof_beside_an_own_attestation_is_not_replaced(
    tmp_path: Path, *, is_proof: bool
) -> None:
    async with (
        running_log(tmp_path / "log") as (url, log),
        LogClient(url, policy_of(log)) as client,
    ):
        await attest(claim(tmp_path, "b"), KEY, client)
        said = claim(tmp_path, "a")
        await attest(said, KEY, client)
        (artifact,) = said.artifacts
        stranger = (tmp_path / "b.tlog-proof").read_bytes() if is_proof else b"x"
        artifact.proof.write_bytes(stranger)
        with pytest.raises(RejectedError, match="a proof of something else"):
            await attest(said, KEY, client)
        assert stranger == artifact.proof.read_bytes()


async def test_another_attempt_of_a_job_is_no_other_attestation(tmp_path: Path) -> None:
    run, kept = "https://ci.example/runs/7/attempts/", []
    async with (
        running_log(tmp_path / "log") as (url, log),
        LogClient(url, policy_of(log)) as client,
    ):
        for number in ("1", "2"):
            said = claim(tmp_path, content=predicate(invocationId=run + number))
            kept.append((await attest(said, KEY, client)).is_kept)
    assert [False, True] == kept


async def test_a_log_that_is_not_trusted_leaves_no_proof(tmp_path: Path) -> None:
    said = claim(tmp_path)
    nobody = Policy.parse(b"quorum none\n")
    async with (
        running_log(tmp_path / "log") as (url, _),
        LogClient(url, nobody) as client,
    ):
        with pytest.raises(VerificationError):
            await attest(said, KEY, client)
    assert not said.artifacts[0].proof.exists()


def test_a_statement_is_in_totos(tmp_path: Path) -> None:
    said = claim(tmp_path, "a.bin")
    envelope = sign_statement(said.statement, KEY)
    members = json.loads(envelope)
    assert "application/vnd.in-toto+json" == members["payloadType"]
    first, second = members["signatures"]
    assert ({"keyid": "", "sig": first["sig"]}, 64) == (second, len(first["keyid"]))
    parsed = Envelope.parse(envelope)
    assert 1 == len(parsed.verify([SignerKey(KEY.public)], 1))
    assert {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {
                "name": "a.bin",
                "digest": {"sha256": said.artifacts[0].sha256.hex()},
            }
        ],
        "predicateType": SLSA,
        "predicate": predicate(),
    } == json.loads(parsed.payload)


def test_a_name_that_looks_secret_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / ("ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a.zip")
    path.touch()
    subjects, omissions = name_artifacts(hash_artifacts([Sought(path)]), ())
    assert [""] == [it.name for it in subjects]
    assert ["subject[0].name"] == [it.what for it in omissions]
    statement = encode_statement(subjects, "t:1", {})
    assert "name" not in json.loads(statement)["subject"][0]


def test_a_claim_that_is_too_large_is_refused() -> None:
    statement = encode_statement(
        [NamedDigest("a", b"\0" * 32)], "t:1", {"x": "y" * (12 << 20)}
    )
    with pytest.raises(FormatError, match="an attestation has at most"):
        sign_statement(statement, KEY)


def test_artifacts_are_bounded_and_differ_by_name(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "a").touch()
    with pytest.raises(RejectedError, match="at most 256 files"):
        hash_artifacts([Sought(tmp_path / "a")] * 257)
    with pytest.raises(RejectedError, match="two artifacts are named a"):
        hash_artifacts([Sought(tmp_path / it) for it in ("a", "b/a")])
    with pytest.raises(OSError):  # noqa: PT011  # which one is the system's
        hash_artifacts([Sought(tmp_path / "missing")])


def test_a_predicate_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "predicate.json"
    for said, predicate_type in ((predicate(), SLSA), ({"a": [1.5, None]}, "t:1")):
        path.write_text(json.dumps(said))
        assert said == read_predicate(path, predicate_type)


@pytest.mark.parametrize(
    ("text", "predicate_type"),
    [
        ("", "t:1"),
        ("[]", "t:1"),
        ('{"a":1,"a":2}', "t:1"),
        ("{}", SLSA),
        (json.dumps({"runDetails": {"builder": {"id": "b"}}}), SLSA),
    ],
)
def test_a_predicate_that_no_verifier_takes_is_refused(
    tmp_path: Path, text: str, predicate_type: str
) -> None:
    path = tmp_path / "predicate.json"
    path.write_text(text)
    with pytest.raises(FormatError):
        read_predicate(path, predicate_type)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "hunter2",}',
        '{"hunter2": 1, "hunter2": 2}',
        "-----BEGIN PRIVATE " + "KEY-----\nhunter2",
        '{"a": "hunter2\udce9"}',
        '{"a": NaN, "hunter2": 1}',
    ],
)
def test_a_predicate_that_cannot_be_read_is_not_shown(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "predicate.json"
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(FormatError) as caught:
        read_predicate(path, "t:1")
    assert "hunter2" not in str(caught.value)


async def test_a_key_of_p256_attests_too(tmp_path: Path) -> None:
    key = KeyOfTests(BOB)
    async with running_log(tmp_path / "log") as (url, log):
        said = claim(tmp_path)
        async with LogClient(url, policy_of(log)) as client:
            attested: Attested = await attest(said, key, client)
        assert 0 == verify(said.artifacts[0], policy_of(log), key)
    assert parse_statement(Envelope.parse(attested.envelope)).subjects
