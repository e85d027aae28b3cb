"""Bundles: by identities and by keys, with a trusted root or a policy."""

import base64
import copy
import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from tests.tlog.bundles.world import (
    ARTIFACT,
    EMAIL,
    ISSUER,
    STATEMENT,
    V01,
    World,
    as_version,
    pem_of,
)
from tests.tlog.rules.workshop import SCANNED, block, keys, scan
from tests.tlogverify.actors import OTHER_LOG, WITNESS
from tlog.bundles.certified import judge_named
from tlog.rules import Bundled, Trust, Verdict, decide, parse_rules
from tlog.trial.timestamps import TimestampAuthority
from tlogverify.policy import Policy

SHA256 = hashlib.sha256(ARTIFACT).digest()
SAID = "https://a.example/said"
IDENTITY = f"""
[[identities]]
name = "ci"
issuer = "{ISSUER}"
san = "{EMAIL}"
"""
RULES = IDENTITY + block(SAID, "ci")
AGED = block(SAID, "ci", lines='max_age = "1h"\nclock = "tsa"')


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def trust_in(world: World, policy: Policy | None = None) -> Trust:
    return Trust(policy, json.dumps(world.root).encode(), judge_named)


def policy_of(world: World) -> Policy:
    vkey = world.new_log.actor.vkey
    return Policy.parse(b"log " + vkey + b"\nquorum none\n")


def judged(
    text: str,
    trust: Trust,
    *bundles: dict[str, Any],
    folder: Path = Path("nowhere"),
    now: datetime.datetime | None = None,
) -> Verdict:
    rules = parse_rules(text.encode(), folder)
    documents = [Bundled("bundle", json.dumps(it).encode()) for it in bundles]
    now_s = int((now or datetime.datetime.now(datetime.UTC)).timestamp())
    return decide(SHA256, documents, rules, trust, now_s)


def test_an_identity_of_the_rules_counts(world: World) -> None:
    verdict = judged(RULES, trust_in(world), world.statement(world.der))
    assert (True, ("ci",)) == (verdict.allowed, verdict.outcomes[0].signers)
    assert ("what is said (bundle)",) == verdict.unjudged


@pytest.mark.parametrize(
    ("old", "new", "is_allowed"),
    [
        (f'san = "{EMAIL}"', 'san = "other@tests.example"', False),
        (f'san = "{EMAIL}"', f'san_prefix = "{EMAIL[:9]}"', True),
        (f'san = "{EMAIL}"', 'san_prefix = "nobody@"', False),
        (ISSUER, ISSUER + "/", False),
    ],
)
def test_the_certificate_names_who_the_rules_name(
    world: World, old: str, new: str, is_allowed: bool
) -> None:
    assert "somebody@" == EMAIL[:9]
    text = RULES.replace(old, new)
    verdict = judged(text, trust_in(world), world.statement(world.der))
    assert is_allowed == verdict.allowed
    assert is_allowed or "the rules name no such identity" in verdict.unopened[0].why


def test_a_certificate_that_nobody_judged_does_not_count(world: World) -> None:
    root = json.dumps(world.root).encode()
    for trust in (Trust(policy_of(world)), Trust(None, root)):
        verdict = judged(RULES, trust, world.statement(world.der))
        assert not verdict.allowed
        assert "nobody judged its certificate" in verdict.unopened[0].why


def test_a_certificate_of_another_authority_does_not_count(world: World) -> None:
    stranger = World()
    root = copy.deepcopy(world.root)
    root["tlogs"] = stranger.root["tlogs"]
    trust = Trust(None, json.dumps(root).encode(), judge_named)
    verdict = judged(RULES, trust, stranger.statement(stranger.der))
    assert "the certificate or its time is not proven" in verdict.unopened[0].why


def test_a_log_that_the_policy_names_must_satisfy_it_too(world: World) -> None:
    bundle = world.statement(world.der)
    assert judged(RULES, trust_in(world, policy_of(world)), bundle).allowed
    # The same log under a policy whose witness has not signed.
    witness = b"witness w " + WITNESS.vkey + b"\nquorum w\n"
    strict = Policy.parse(b"log " + world.new_log.actor.vkey + b"\n" + witness)
    verdict = judged(RULES, trust_in(world, strict), bundle)
    assert "too few witnesses" in verdict.unopened[0].why
    # A policy that does not name the log has no word on it.
    other = Policy.parse(b"log " + OTHER_LOG.vkey + b"\nquorum none\n")
    assert judged(RULES, trust_in(world, other), bundle).allowed


def test_another_artifact_does_not_count(world: World) -> None:
    statement = copy.deepcopy(STATEMENT)
    statement["subject"][0]["digest"]["sha256"] = "ab" * 32
    verdict = judged(RULES, trust_in(world), world.statement(world.der, statement))
    assert "does not name" in verdict.unopened[0].why


def test_a_bundle_over_the_file_itself_says_nothing(world: World) -> None:
    verdict = judged(RULES, trust_in(world), world.message(der=world.der))
    assert "rules are for statements" in verdict.unopened[0].why


@pytest.mark.parametrize(("hours", "is_allowed"), [(0, True), (1, True), (2, False)])
def test_age_by_timestamps_that_were_verified(
    world: World, hours: int, is_allowed: bool
) -> None:
    now = world.now + datetime.timedelta(hours=hours)
    bundle = world.statement(world.der)
    verdict = judged(IDENTITY + AGED, trust_in(world), bundle, now=now)
    assert is_allowed == verdict.allowed, verdict.reasons


def test_a_promise_is_no_timestamp(world: World) -> None:
    bundle = world.old_statement("dsse", world.der)
    assert judged(RULES, trust_in(world), bundle).allowed
    verdict = judged(IDENTITY + AGED, trust_in(world), bundle)
    assert "no timestamp that was verified" in verdict.reasons[0]
    older = as_version(world.old_statement("dsse", world.der), V01)
    assert judged(RULES, trust_in(world), older).allowed
    assert not judged(IDENTITY + AGED, trust_in(world), older).allowed


def test_a_timestamp_that_nobody_trusts_tells_no_time(world: World) -> None:
    bundle = world.old_statement("dsse", world.der)
    (signed,) = bundle["dsseEnvelope"]["signatures"]
    stamps = world.stamps(base64.b64decode(signed["sig"]), tsa=TimestampAuthority())
    bundle["verificationMaterial"]["timestampVerificationData"] = stamps
    # The log's promise shows when the certificate was used, and holds alone.
    assert judged(RULES, trust_in(world), bundle).allowed
    verdict = judged(IDENTITY + AGED, trust_in(world), bundle)
    assert "no timestamp that was verified" in verdict.reasons[0]


def test_a_certificate_that_names_two_is_nobodys(world: World) -> None:
    names = [x509.RFC822Name(it) for it in (EMAIL, "other@tests.example")]
    subject = x509.Name([])
    certificate = (
        x509.CertificateBuilder(subject, subject, world.key.public_key(), 1)
        .not_valid_before(world.now)
        .not_valid_after(world.now + datetime.timedelta(minutes=10))
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .add_extension(
            x509.UnrecognizedExtension(
                x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1"), ISSUER.encode()
            ),
            critical=False,
        )
        .sign(world.key, hashes.SHA256())
    )
    text = RULES.replace(f'san = "{EMAIL}"', 'san_prefix = "somebody@"')
    bundle = world.statement(certificate.public_bytes(Encoding.DER))
    verdict = judged(text, trust_in(world), bundle)
    assert "the rules name no such identity" in verdict.unopened[0].why


def test_a_bundle_of_a_key_counts_by_policy_or_root(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "key.pub").write_bytes(pem_of(world.key))
    key = '[[keys]]\nname = "k"\nfile = "key.pub"\n'
    text = key + block(SAID, "k")
    bundle = world.statement()
    root = json.dumps(world.root).encode()
    for trust in (Trust(policy_of(world)), Trust(None, root)):
        verdict = judged(text, trust, bundle, folder=tmp_path)
        assert verdict.allowed, verdict.unopened
        assert "timestamps (bundle)" in verdict.unjudged
    assert "whom to trust" in (
        judged(text, Trust(), bundle, folder=tmp_path).unopened[0].why
    )
    aged = key + AGED.replace('"ci"', '"k"')
    verdict = judged(aged, Trust(None, root), bundle, folder=tmp_path)
    assert "no timestamp that was verified" in verdict.reasons[0]
    revoked = key.replace("file", "revoked_from = 3\nfile") + block(SAID, "k")
    verdict = judged(revoked, Trust(policy_of(world)), bundle, folder=tmp_path)
    assert "this is entry 3" in verdict.reasons[0]
    assert judged(
        revoked.replace("= 3", "= 4"), Trust(policy_of(world)), bundle, folder=tmp_path
    ).allowed
    # A trusted root has several logs: nobody knows in which one the index is.
    assert not judged(
        revoked.replace("= 3", "= 4"), Trust(None, root), bundle, folder=tmp_path
    ).allowed


def test_a_scan_in_a_bundle_and_keys_count_together(
    world: World, keyring: Path
) -> None:
    statement = {
        **STATEMENT,
        "predicateType": "https://in-toto.io/attestation/vulns/v0.2",
        "predicate": scan(("CVE-1", "critical")),
    }
    text = keys() + IDENTITY + SCANNED.replace('"bob"', '"bob", "ci"')
    verdict = judged(
        text, trust_in(world), world.statement(world.der, statement), folder=keyring
    )
    assert "above high: CVE-1" in verdict.reasons[0]
    verdict = judged(
        keys() + SCANNED, trust_in(world), world.statement(), folder=keyring
    )
    assert not verdict.allowed
    verdict = judged(RULES, trust_in(world), world.statement())
    assert "the rules name none" in verdict.unopened[0].why
