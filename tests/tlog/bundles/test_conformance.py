"""The cases of Sigstore's conformance suite, rebuilt, each with that suite's verdict.

A name is that of a folder below `test/assets/bundle-verify` of
sigstore/sigstore-conformance; one that ends in `_fail` must not verify.  The inputs are
made here, by keys and authorities of this run, and each differs from one that verifies
in one thing.
"""

import base64
import copy
import dataclasses
import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.cases import in_one_test
from tests.support.rekor import b64
from tests.tlog.bundles.world import (
    ARTIFACT,
    EMAIL,
    ISSUER,
    STATEMENT,
    V01,
    V02,
    V03_OLD,
    NewLog,
    World,
    cosigned,
    sign,
    spki,
    text_of,
    trusted_authority,
)
from tests.tlogverify.actors import line
from tests.tlogverify.refusal import flip
from tests.tlogverify.sigstore.documents import (
    ENTRY,
    MATERIAL,
    MISSING,
    NOTE,
    PROOF,
    Place,
    changed,
)
from tlog.bundles.certified import Who, judge_certified
from tlog.bundles.judging import Judgement, judge_keyed
from tlog.trial.certificates import new_key
from tlog.trial.ctlog import CtLog
from tlog.trial.fulcio import Fulcio
from tlog.trial.timestamps import TimestampAuthority
from tlogverify.errors import FormatError, VerificationError
from tlogverify.sigstore import Bundle, BundleKey

SIG: Place = ("messageSignature", "signature")
ENVELOPE_SIG: Place = ("dsseEnvelope", "signatures", 0, "sig")
STAMPS: Place = (*MATERIAL, "timestampVerificationData")
CHAIN: Place = (*MATERIAL, "x509CertificateChain", "certificates")
PROMISE: Place = (*ENTRY, "inclusionPromise", "signedEntryTimestamp")
HOUR = datetime.timedelta(hours=1)


@dataclass
class Case:
    """What a client is handed; keys: those that it trusts, of a bundle of a key."""

    document: Any
    root: dict[str, Any]
    artifact: bytes = ARTIFACT
    keys: tuple[bytes, ...] = ()
    who: Who | None = field(default_factory=lambda: Who(EMAIL, ISSUER))


def judge(case: Case, path: Path) -> Judgement:
    """Do what `tlog verify` does with these inputs."""
    path.write_bytes(case.artifact)
    text = case.document
    if not isinstance(text, bytes):
        text = json.dumps(text).encode()
    bundle, root = Bundle.parse(text), json.dumps(case.root).encode()
    if case.who is not None:
        return judge_certified(path, bundle, case.who, root)
    keys = tuple(BundleKey(it) for it in case.keys)
    return judge_keyed(path, bundle, keys, root)


@cache
def world() -> World:
    return World()


def of_person(document: Any, root: dict[str, Any] | None = None) -> Case:
    return Case(document, root or world().root)


def of_key(document: Any, *keys: bytes) -> Case:
    trusted = keys or (spki(world().key),)
    return Case(document, world().root, keys=trusted, who=None)


def new() -> Any:
    return world().message(der=world().der)


def attested() -> Any:
    return world().statement(der=world().der)


def old(media_type: str = V03_OLD) -> Any:
    return world().old_message(media_type, world().der)


def old_attested(kind: str = "dsse") -> Any:
    return world().old_statement(kind, world().der)


def at(document: Any, place: Place) -> Any:
    for step in place:
        document = document[step]
    return document


def flipped(document: Any, place: Place, bit: int = 0) -> Any:
    value = flip(base64.b64decode(at(document, place)), bit)
    return changed(document, place, b64(value))


def with_note(document: Any, change: Callable[[str], str]) -> Any:
    return changed(document, NOTE, change(at(document, NOTE)))


def without_line(number: int) -> Callable[[str], str]:
    """Take a line of the head away, and sign what is left as the log does."""

    def change(note: str) -> str:
        lines = note.partition("\n\n")[0].split("\n")
        text = "".join(f"{it}\n" for it in lines[:number] + lines[number + 1 :])
        actor = world().new_log.actor
        signed = line(actor.name, actor.key_id + actor.sign(text.encode()))
        return f"{text}\n{signed.decode()}"

    return change


def stranger_first(note: str) -> str:
    """Put a line of somebody else above the log's."""
    text, _, lines = cosigned(note, 1).partition("\n\n")
    mine, theirs = lines.splitlines(keepends=True)
    return f"{text}\n\n{theirs}{mine}"


def second_of_origin(note: str) -> str:
    """Add a line under the log's name, by a key that is not trusted."""
    other = line(world().new_log.host, b"0123" + bytes(64))
    return note + other.decode()


def stamped(*times: datetime.datetime, **how: Any) -> Any:
    document = new()
    signature = base64.b64decode(at(document, SIG))
    return changed(document, STAMPS, world().stamps(signature, *times, **how))


def with_tsa(tsa: TimestampAuthority, document: Any) -> Case:
    root = changed(
        world().root, ("timestampAuthorities",), [trusted_authority(tsa.chain_pem)]
    )
    return of_person(document, root)


def tsa_until(end: datetime.datetime) -> Case:
    place = ("timestampAuthorities", 0, "validFor", "end")
    return of_person(new(), changed(world().root, place, end.isoformat()))


def log_until(end: datetime.datetime, number: int) -> dict[str, Any]:
    place = ("tlogs", number, "publicKey", "validFor", "end")
    root: dict[str, Any] = changed(world().root, place, end.isoformat())
    return root


def expired_chain() -> Case:
    """What was signed and stamped while certificates held that are over by now."""
    made = World(tsa=TimestampAuthority((world().now - HOUR * 0.9, HOUR / 2)))
    made.fulcio = Fulcio(made.provider, made.ctlog, (made.now - HOUR * 0.9, HOUR * 0.5))
    then = made.now - HOUR * 0.7
    made.now = then
    der = made.certify(start=then - HOUR / 60)
    return of_person(made.message(der=der), made.root)


def sct_with_extensions() -> Case:
    der = world().certify(promised=b"\x01\x02")
    return of_person(world().message(der=der))


def duplicate_name() -> Case:
    """Another authority of the same name and another key, before the right one."""
    decoy = Fulcio(world().provider, world().ctlog)
    theirs = trusted_authority(decoy.chain_pem)
    both = [theirs, *world().root["certificateAuthorities"]]
    return of_person(new(), changed(world().root, ("certificateAuthorities",), both))


def signed_by_another() -> Any:
    """Return what another person signed, whom the log knows as well."""
    other = World(key=new_key())
    other.fulcio, other.tsa = world().fulcio, world().tsa
    return other.message(der=other.certify("other@tests.example"))


def swapped(document: Any, other: Any) -> Any:
    return changed(document, ENTRY, at(other, ENTRY))


VERIFIES: dict[str, Callable[[], Case]] = {
    "happy-path": lambda: of_person(old(V01)),
    "happy-path-v0.1": lambda: of_person(old(V01)),
    "happy-path-v0.2": lambda: of_person(old(V02)),
    "happy-path-v0.3": lambda: of_person(old(V03_OLD)),
    "happy-path-v0.3-new-mediaType": lambda: of_person(old(new()["mediaType"])),
    "happy-path-intoto-in-dsse-v3": lambda: of_person(old_attested()),
    "bundle-with-sct-with-extensions": sct_with_extensions,
    "intoto-canonical-log-entry": lambda: of_key(
        world().old_statement("intoto", None, 0)
    ),
    "managed-key-and-trusted-root": lambda: of_key(world().message()),
    "managed-key-happy-path": lambda: of_key(world().old_message(V03_OLD, None)),
    "rekor2-happy-path": lambda: of_person(new()),
    "rekor2-dsse-happy-path": lambda: of_person(attested()),
    "rekor2-checkpoint-cosigned": lambda: of_person(
        with_note(new(), lambda note: cosigned(note, 1))
    ),
    "rekor2-checkpoint-multiple-cosigs": lambda: of_person(
        with_note(new(), lambda note: cosigned(note, 5))
    ),
    "rekor2-checkpoint-origin-not-first": lambda: of_person(
        with_note(new(), stranger_first)
    ),
    "rekor2-checkpoint-two-sigs-from-origin": lambda: of_person(
        with_note(new(), second_of_origin)
    ),
    "rekor2-checkpoint-two-sigs-cosigned": lambda: of_person(
        with_note(new(), lambda note: cosigned(second_of_origin(note), 1))
    ),
    "rekor2-timestamp-with-embedded-cert": lambda: of_person(stamped()),
    "rekor2-timestamp-without-embedded-cert": lambda: of_person(stamped(is_bare=True)),
    "rekor2-timestamp-with-expired-cert-chain": expired_chain,
    "sct-duplicate-intermediate-name": duplicate_name,
    "trust-root-tlog-validity-end-inclusive": lambda: of_person(
        old(), log_until(world().now, 1)
    ),
    "trust-root-tsa-validity-end-inclusive": lambda: tsa_until(world().now),
}


UNKNOWN_KIND = {
    # The `sigstore` library judges certificates beside neither of these entries.
    "dsse-with-hashedrekord-happy-path": "hashedrekord",
    "intoto-with-custom-trust-root": "intoto",
}
"""What the suite lets pass and nobody here judges: not proven, which errs safely."""


def wrong_root_hash() -> Case:
    """The log's true head, which is of another tree than the entry's proof."""
    return of_person(changed(new(), NOTE, at(world().message(b"other"), NOTE)))


def invalid_signature_of(document: Any) -> Any:
    def change(note: str) -> str:
        text, _, signed = note.partition("\n\n")
        name, encoded = signed.split()[1:]
        other = flip(base64.b64decode(encoded), 8 * 20)
        return f"{text}\n\n{line(name, other).decode()}"

    return with_note(document, change)


def bad_key_hint(note: str) -> str:
    text, _, signed = note.partition("\n\n")
    name, encoded = signed.split()[1:]
    return f"{text}\n\n{line(name, flip(base64.b64decode(encoded))).decode()}"


def other_identity(note: str) -> str:
    """Sign as the log's key, under another name."""
    actor = dataclasses.replace(world().new_log.actor, name="other.example")
    return (text_of(note).text + b"\n" + actor.line(text_of(note))).decode()


def with_root_certificate() -> Case:
    chain = x509.load_pem_x509_certificates(world().fulcio.chain_pem)
    root = {"rawBytes": b64(chain[-1].public_bytes(Encoding.DER))}
    document = old(V01)
    return of_person(changed(document, CHAIN, [*at(document, CHAIN), root]))


def other_instance() -> Case:
    return of_person(new(), World(new_log=NewLog("staging.example")).root)


def mismatched_signature() -> Any:
    """Another right signature of the same artifact by the same key."""
    return changed(new(), SIG, b64(sign(world().key, ARTIFACT)))


def envelope_signed_again(document: Any) -> Any:
    other = World(key=world().key, tsa=world().tsa).statement(der=world().der)
    return changed(document, ENVELOPE_SIG, at(other, ENVELOPE_SIG))


def other_envelope(document: Any) -> Any:
    said = {**STATEMENT, "predicateType": "https://a.example/other"}
    other = world().statement(der=world().der, statement=said)
    return changed(document, ("dsseEnvelope",), other["dsseEnvelope"])


def of_statement(statement: Any) -> Case:
    return of_key(world().statement(statement=statement))


def borrowed_validity() -> Case:
    """A stamp by an authority whose trust is over, beside one whose trust is not."""
    document = new()
    ended = trusted_authority(world().tsa.chain_pem)
    ended["validFor"]["end"] = (world().now - HOUR).isoformat()
    other = trusted_authority(TimestampAuthority().chain_pem)
    root = changed(world().root, ("timestampAuthorities",), [ended, other])
    return of_person(document, root)


def ct_key_of_another() -> Case:
    other = World(ctlog=CtLog()).root["ctlogs"]
    return of_person(new(), changed(world().root, ("ctlogs",), other))


def wrong_stamp() -> Any:
    return changed(new(), STAMPS, world().stamps(b"another signature"))


def wrong_key_entry(document: Any) -> Any:
    """The entry of the same signature, said to be by another certificate."""
    digest = base64.b64decode(
        at(document, ("messageSignature", "messageDigest", "digest"))
    )
    signature = base64.b64decode(at(document, SIG))
    made = world().new_body(digest, signature, world().certify("x@tests.example"))
    entry = world().new_log.entry(made, "hashedrekord", "0.0.2")
    return changed(document, ENTRY, entry)


def later() -> int:
    return int((world().now + HOUR).timestamp())


FAILS: dict[str, tuple[Callable[[], Case], str]] = {
    "bundle-empty-certificate-chain_fail": (
        lambda: of_person(changed(old(V01), CHAIN, [])),
        "has a certificate",
    ),
    "bundle-from-wrong-instance_fail": (other_instance, "names no log of the id"),
    "bundle-invalid-base64-signature_fail": (
        lambda: of_person(changed(new(), SIG, "not*base64==")),
        "must be base64",
    ),
    "bundle-malformed-json_fail": (
        lambda: of_person(json.dumps(new()).encode()[:-9]),
        "must be one JSON object",
    ),
    "bundle-negative-log-index_fail": (
        lambda: of_person(changed(new(), (*ENTRY, "logIndex"), "-1")),
        "must be a decimal",
    ),
    "bundle-unknown-version_fail": (
        lambda: of_person(changed(new(), ("mediaType",), V02.replace("0.2", "99.9"))),
        "versions 0.1 to 0.3",
    ),
    "bundle-with-root-cert_fail": (with_root_certificate, "a root of its own"),
    "checkpoint-bad-keyhint_fail": (
        lambda: of_person(with_note(old(), bad_key_hint)),
        "no line of the checkpoint is by",
    ),
    "checkpoint-wrong-roothash_fail": (wrong_root_hash, "not the checkpoint's"),
    "invalid-checkpoint-signature_fail": (
        lambda: of_person(invalid_signature_of(old())),
        "the checkpoint is not signed by",
    ),
    "cve-2022-36056-swapped-tlog-entry_fail": (
        lambda: of_person(swapped(new(), signed_by_another())),
        "entry is of another signature",
    ),
    "dsse-invalid-sig_fail": (
        lambda: of_person(flipped(old_attested(), ENVELOPE_SIG, 99)),
        "not of this key and of what is signed",
    ),
    "dsse-mismatch-envelope_fail": (
        lambda: of_person(other_envelope(old_attested())),
        "entry is of another signature",
    ),
    "dsse-mismatch-sig_fail": (
        lambda: of_person(envelope_signed_again(old_attested())),
        "entry is of another signature",
    ),
    "dsse-statement-missing-type_fail": (
        lambda: of_statement({**STATEMENT, "_type": None}),
        "a statement is https://in-toto.io/Statement/v1",
    ),
    "dsse-statement-unknown-type_fail": (
        lambda: of_statement({**STATEMENT, "_type": "https://in-toto.io/Statement/v9"}),
        "a statement is https://in-toto.io/Statement/v1",
    ),
    "dsse-with-hashedrekord-invalid-sig_fail": (
        lambda: of_person(flipped(old_attested("hashedrekord"), ENVELOPE_SIG, 99)),
        "not of this key and of what is signed",
    ),
    "dsse-with-hashedrekord-mismatch-envelope_fail": (
        lambda: of_person(other_envelope(old_attested("hashedrekord"))),
        "entry is of another signature",
    ),
    "dsse-with-hashedrekord-mismatch-sig_fail": (
        lambda: of_person(envelope_signed_again(old_attested("hashedrekord"))),
        "entry is of another signature",
    ),
    "inclusion-proof-corrupted-hash_fail": (
        lambda: of_person(flipped(new(), (*PROOF, "hashes", 1))),
        "does not lead to the root",
    ),
    "invalid-inclusion-proof_fail": (
        lambda: of_person(changed(new(), (*PROOF, "checkpoint"), MISSING)),
        "an inclusionProof with a checkpoint",
    ),
    "incorrect-public-key_fail": (
        lambda: of_person(wrong_key_entry(new())),
        "entry is of another signature",
    ),
    "integrated-time-in-future_fail": (
        lambda: of_person(world().old_message(V03_OLD, world().der, later())),
        "certificate or its time is not proven",
    ),
    "intoto-expired-certificate_fail": (
        lambda: of_person(
            world().old_statement("dsse", world().certify(start=world().now - HOUR))
        ),
        "certificate or its time is not proven",
    ),
    "intoto-log-entry-mismatch_fail": (
        lambda: of_person(swapped(old_attested(), old_attested())),
        "entry is of another signature",
    ),
    "intoto-missing-inclusion-proof_fail": (
        lambda: of_person(changed(old_attested(), PROOF, MISSING)),
        "an inclusionProof with a checkpoint",
    ),
    "intoto-set-outside-signing-cert-validity_fail": (
        lambda: of_person(world().old_statement("dsse", world().der, later())),
        "certificate or its time is not proven",
    ),
    "intoto-tsa-timestamp-outside-cert-validity_fail": (
        lambda: of_person(
            changed(
                attested(),
                STAMPS,
                world().stamps(b"", world().now + HOUR),
            )
        ),
        "certificate or its time is not proven",
    ),
    "invalid-ct-key_fail": (ct_key_of_another, "SCT"),
    "managed-key-and-client-identity_fail": (
        lambda: Case(world().message(), world().root, who=Who(EMAIL, ISSUER)),
        "signed with a key: it is verified by --key",
    ),
    "managed-key-no-key_fail": (
        lambda: Case(world().message(), world().root, who=None),
        "signed with a key: name it by --key",
    ),
    "managed-key-wrong-key_fail": (
        lambda: of_key(world().message(), spki(new_key())),
        "not of this key and of what is signed",
    ),
    "message-digest-mismatch_fail": (
        lambda: of_person(
            flipped(new(), ("messageSignature", "messageDigest", "digest"))
        ),
        "of another artifact, as its digest says",
    ),
    "rekor2-checkpoint-missing-log-signature_fail": (
        lambda: of_person(
            with_note(new(), lambda note: note.partition("\n\n")[0] + "\n\n")
        ),
        "1 to 100 signatures",
    ),
    "rekor2-checkpoint-missing-origin_fail": (
        lambda: of_person(with_note(new(), without_line(0))),
        "a checkpoint has 3 to",
    ),
    "rekor2-checkpoint-missing-size_fail": (
        lambda: of_person(with_note(new(), without_line(1))),
        "a checkpoint has 3 to",
    ),
    "rekor2-checkpoint-missing-root-hash_fail": (
        lambda: of_person(with_note(new(), without_line(2))),
        "a checkpoint has 3 to",
    ),
    "rekor2-checkpoint-no-matching-signature_fail": (
        lambda: of_person(with_note(new(), other_identity)),
        "no line of the checkpoint is by",
    ),
    "rekor2-dsse-invalid-sig_fail": (
        lambda: of_person(flipped(attested(), ENVELOPE_SIG, 99)),
        "not of this key and of what is signed",
    ),
    "rekor2-dsse-mismatch-envelope_fail": (
        lambda: of_person(other_envelope(attested())),
        "entry is of another signature",
    ),
    "rekor2-dsse-mismatch-sig_fail": (
        lambda: of_person(envelope_signed_again(attested())),
        "entry is of another signature",
    ),
    "rekor2-multiple-timestamps-one-outside-cert-validity_fail": (
        lambda: of_person(stamped(world().now, world().now + HOUR)),
        "certificate or its time is not proven",
    ),
    "rekor2-no-inclusion-proof_fail": (
        lambda: of_person(changed(new(), PROOF, MISSING)),
        "an inclusionProof with a checkpoint",
    ),
    "rekor2-no-timestamp_fail": (
        lambda: of_person(changed(new(), STAMPS, MISSING)),
        "promise or signed timestamp",
    ),
    "rekor2-timestamp-outside-trust-root-tsa-validity_fail": (
        lambda: tsa_until(world().now - HOUR),
        "not enough sources of verified time",
    ),
    "rekor2-timestamp-outside-tsa-cert-validity_fail": (
        lambda: with_tsa(*outside_its_certificate()),
        "not enough sources of verified time",
    ),
    "rekor2-timestamp-payload-mismatch_fail": (
        lambda: of_person(wrong_stamp()),
        "not enough sources of verified time",
    ),
    "rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail": (
        lambda: of_person(stamped(tsa=TimestampAuthority())),
        "not enough sources of verified time",
    ),
    "rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail": (
        lambda: of_person(stamped(tsa=TimestampAuthority(), is_bare=True)),
        "not enough sources of verified time",
    ),
    "rekor2-timestamp-with-incorrect-time_fail": (
        lambda: of_person(stamped(world().now + HOUR)),
        "certificate or its time is not proven",
    ),
    "rekor2-timestamp-wrong-tsa-validity-borrow_fail": (
        borrowed_validity,
        "not enough sources of verified time",
    ),
    "set-invalid-signature_fail": (
        lambda: of_person(flipped(old(), PROMISE, 99)),
        "the promise is not signed by",
    ),
    "signature-mismatch_fail": (
        lambda: of_person(mismatched_signature()),
        "entry is of another signature",
    ),
    "trust-root-tlog-missing-validity-start_fail": (
        lambda: of_person(
            new(),
            changed(
                world().root, ("tlogs", 0, "publicKey", "validFor", "start"), MISSING
            ),
        ),
        "validFor has start",
    ),
    "wrong-hashedrekord-artifact_fail": (
        lambda: of_person(swapped(new(), world().message(b"other", world().der))),
        "entry is of another signature",
    ),
    "wrong-hashedrekord-cert-and-sig_fail": (
        lambda: of_person(swapped(new(), signed_by_another())),
        "entry is of another signature",
    ),
    "wrong-hashedrekord-entry_fail": (
        lambda: of_person(swapped(old(), at_old_other())),
        "entry is of another signature",
    ),
    "wrong-material_fail": (
        lambda: dataclasses.replace(of_person(new()), artifact=b"another"),
        "of another artifact, as its digest says",
    ),
}


def outside_its_certificate() -> tuple[TimestampAuthority, Any]:
    tsa = TimestampAuthority((world().now - HOUR / 2, HOUR / 4))
    return tsa, stamped(tsa=tsa)


def at_old_other() -> Any:
    other = copy.copy(world())
    other.key = new_key()
    return other.old_message(V03_OLD, world().certify("y@tests.example"))


@in_one_test("name", VERIFIES)
def test_what_the_suite_lets_pass_is_proven(name: str, tmp_path: Path) -> None:
    assert not name.endswith("_fail")
    judgement = judge(VERIFIES[name](), tmp_path / "artifact")
    assert {"signature", "artifact", "log"} <= set(judgement.judged)


def test_what_the_suite_refuses_is_refused_for_that_reason(tmp_path: Path) -> None:
    for name, (make, why) in FAILS.items():
        assert name.endswith("_fail")
        with pytest.raises((FormatError, VerificationError)) as caught:
            judge(make(), tmp_path / "artifact")
        assert why in str(caught.value), (name, str(caught.value))


def test_kinds_of_entry_that_nobody_judges_are_not_proven(tmp_path: Path) -> None:
    for name, kind in UNKNOWN_KIND.items():
        with pytest.raises(VerificationError) as caught:
            judge(of_person(old_attested(kind)), tmp_path / "artifact")
        assert "its time is not proven: " in str(caught.value), name
        # With a key, of which this project is the judge, the same entries count.
        judge(of_key(world().old_statement(kind, None)), tmp_path / "artifact")


def test_whom_a_certificate_must_name_is_judged(tmp_path: Path) -> None:
    judgement = judge(of_person(new()), tmp_path / "artifact")
    assert {"certificate", "identity", "timestamps"} <= set(judgement.judged)
    assert () == judgement.unjudged
    for who in (
        Who("other@tests.example", ISSUER),
        Who(EMAIL, "https://other.example"),
    ):
        case = dataclasses.replace(of_person(new()), who=who)
        with pytest.raises(VerificationError, match="not proven: Certificate's"):
            judge(case, tmp_path / "artifact")
