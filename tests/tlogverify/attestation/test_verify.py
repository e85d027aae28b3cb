"""One thing is wrong in each case, and the reason names it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.cases import case, in_one_test
from tests.tlogverify.attestation.stories import (
    ALICE,
    BOB,
    BUILD_TYPE,
    BUILDER,
    MALLORY,
    RULES,
    SBOM,
    SLSA,
    SOURCE,
    Attestation,
    provenance,
    write_rules,
)
from tests.tlogverify.documents import ARTIFACT_SHA256, PROOF, Story
from tests.tlogverify.documents import POLICY as THE_POLICY
from tests.tlogverify.refusal import flip
from tlogverify.attestation import ProvenAttestation, Rules, verify_attestation
from tlogverify.errors import (
    FormatError,
    SignatureError,
    TlogError,
    VerificationError,
)
from tlogverify.policy import Policy
from tlogverify.rekor import RekorEntry, Signature

GOOD = Attestation()


def verify(
    folder: Path, attested: Attestation = GOOD, rules: str = RULES
) -> ProvenAttestation:
    return verify_attestation(
        ARTIFACT_SHA256,
        attested.envelope,
        attested.story.proof,
        THE_POLICY,
        Rules.read(write_rules(folder, rules)),
    )


def test_an_attestation_is_proven(tmp_path: Path) -> None:
    proven = verify(tmp_path)
    assert [ALICE.spki] == [key.spki for key in proven.signers]
    assert proven.provenance is not None
    assert (BUILDER, (SOURCE,)) == (
        proven.provenance.builder,
        proven.provenance.sources,
    )
    assert (ARTIFACT_SHA256, 3) == (proven.artifact.sha256, proven.artifact.index)


def test_an_entry_without_a_signer_is_proven(tmp_path: Path) -> None:
    verify(tmp_path, GOOD.but(logged_as=(("signer", None),)))


def test_another_predicate_is_proven_without_a_build(tmp_path: Path) -> None:
    attested = Attestation(predicate_type=SBOM, predicate={"any": [1.5]})
    rules = f'predicate_types = ["{SBOM}"]\n[[keys]]\nfile = "alice.pub"\n'
    assert verify(tmp_path, attested, rules).provenance is None


def test_any_source_asks_for_none(tmp_path: Path) -> None:
    rules = RULES.replace(f'sources = ["{SOURCE}"]', "any_source = true")
    verify(tmp_path, GOOD.but(predicate=built(source=None)), rules)


def built(**parameters: object) -> dict[str, object]:
    """Return a predicate with other external parameters."""
    return provenance(**parameters)


def changed(part: str, member: str, value: object) -> dict[str, object]:
    """Return a predicate with one member changed."""
    predicate = provenance()
    section = predicate[part]
    assert isinstance(section, dict)
    section[member] = value
    return predicate


OTHER_SUBJECT = {"name": "x", "digest": {"sha256": "00" * 32}}
SHA512_SUBJECT = {"name": "x", "digest": {"sha512": "00" * 64}}

NEGATIVE: list[tuple[str, Attestation, type[TlogError], str]] = [
    ("another key", GOOD.but(signers=(MALLORY,)), SignatureError, "0 of the trusted"),
    (
        "another payload",
        GOOD.but(envelope_change=(b'"payload": "ey', b'"payload": "fy')),
        SignatureError,
        "0 of the trusted",
    ),
    (
        "a signature that is cut",
        GOOD.but(envelope_change=(b'"sig": "', b'"sig": "AAAA')),
        SignatureError,
        "0 of the trusted",
    ),
    (
        "another type",
        GOOD.but(envelope_change=(b"vnd.in-toto+json", b"vnd.in-toto.x+json")),
        SignatureError,
        "0 of the trusted",
    ),
    (
        "a lying keyid",
        GOOD.but(signers=(MALLORY,), envelope_change=(b"mallory", b"alice")),
        SignatureError,
        "0 of the trusted",
    ),
    (
        "another artifact",
        GOOD.but(subjects=(OTHER_SUBJECT,)),
        VerificationError,
        "the statement does not name",
    ),
    (
        "no sha256",
        GOOD.but(subjects=(SHA512_SUBJECT,)),
        VerificationError,
        "the statement does not name",
    ),
    (
        "another artifact logged",
        GOOD.but(logged_as=(("subject", [{"sha256": "00" * 32}]),)),
        VerificationError,
        "the proven entry does not name",
    ),
    (
        "another envelope logged",
        GOOD.but(logged_as=(("provenance", {"sha256": "00" * 32}),)),
        VerificationError,
        "of another attestation",
    ),
    (
        "another predicate type logged",
        GOOD.but(logged_as=(("predicateType", SBOM),)),
        VerificationError,
        "another predicate type",
    ),
    (
        "no predicate type logged",
        GOOD.but(logged_as=(("predicateType", None),)),
        VerificationError,
        "another predicate type",
    ),
    (
        "another signer logged",
        GOOD.but(logged_as=(("signer", {"sha256": BOB.sha256}),)),
        VerificationError,
        "another signer",
    ),
    (
        "another predicate type",
        GOOD.but(predicate_type=SBOM),
        VerificationError,
        "predicate type is not allowed",
    ),
    (
        "another builder",
        GOOD.but(predicate=changed("runDetails", "builder", {"id": f"{BUILDER}x"})),
        VerificationError,
        "the builder is not allowed",
    ),
    (
        "another source",
        GOOD.but(predicate=built(source=f"{SOURCE}-evil")),
        VerificationError,
        "the source is not allowed",
    ),
    (
        "a second source",
        GOOD.but(predicate=built(repository="https://evil.example/app")),
        VerificationError,
        "the source is not allowed",
    ),
    (
        "no source",
        GOOD.but(predicate=built(source=None)),
        VerificationError,
        "names no source",
    ),
    (
        "no build type",
        GOOD.but(predicate=changed("buildDefinition", "buildType", None)),
        FormatError,
        "a buildType",
    ),
]


@in_one_test(
    ("attested", "error", "why"),
    [pytest.param(*rest, id=name.replace(" ", "-")) for name, *rest in NEGATIVE],
)
def test_one_wrong_thing_is_refused_by_its_reason(
    tmp_path: Path, attested: Attestation, error: type[TlogError], why: str
) -> None:
    with pytest.raises(error, match=why) as caught:
        verify(tmp_path, attested)
    assert "\n" not in str(caught.value)


def test_no_bit_of_the_envelope_may_change(tmp_path: Path) -> None:
    for at in range(0, 8 * len(GOOD.envelope), 97):
        with case(f"bit {at}"):
            rules = Rules.read(write_rules(tmp_path))
            with pytest.raises((FormatError, VerificationError)):
                verify_attestation(
                    ARTIFACT_SHA256,
                    flip(GOOD.envelope, at),
                    GOOD.story.proof,
                    THE_POLICY,
                    rules,
                )


def test_white_space_is_another_attestation(tmp_path: Path) -> None:
    spaced = GOOD.envelope + b"\n"
    rules = Rules.read(write_rules(tmp_path))
    with pytest.raises(VerificationError, match="another attestation"):
        verify_attestation(ARTIFACT_SHA256, spaced, GOOD.story.proof, THE_POLICY, rules)


def test_the_proof_of_another_entry_proves_nothing(tmp_path: Path) -> None:
    rules = Rules.read(write_rules(tmp_path))
    for proof, why in (
        (PROOF, "of another attestation"),
        (replace(GOOD.story.proof, index=2), "does not lead to the root"),
        (replace(PROOF, extra=GOOD.record), "does not lead to the root"),
    ):
        with pytest.raises(VerificationError, match=why):
            verify_attestation(ARTIFACT_SHA256, GOOD.envelope, proof, THE_POLICY, rules)


def test_another_logs_policy_proves_nothing(tmp_path: Path) -> None:
    rules = Rules.read(write_rules(tmp_path))
    with pytest.raises(SignatureError):
        verify_attestation(
            ARTIFACT_SHA256,
            GOOD.envelope,
            GOOD.story.proof,
            Policy.parse(b"quorum none\n"),
            rules,
        )


def test_a_proof_of_another_record_of_the_artifact_is_refused(tmp_path: Path) -> None:
    stranger = Attestation(signers=(MALLORY,))
    rules = Rules.read(write_rules(tmp_path))
    with pytest.raises(VerificationError, match="another attestation"):
        verify_attestation(
            ARTIFACT_SHA256,
            GOOD.envelope,
            Story(stranger.record).proof,
            THE_POLICY,
            rules,
        )


def test_an_entry_that_is_no_record_proves_no_attestation(tmp_path: Path) -> None:
    signature = Signature(b"signed", "PKIX_ECDSA_P256_SHA_256", b"key", False)
    entry = RekorEntry("hashedrekord", "SHA2_256", ARTIFACT_SHA256, (signature,))
    rules = Rules.read(write_rules(tmp_path))
    with pytest.raises(VerificationError, match="is no record of an attestation"):
        verify_attestation(
            ARTIFACT_SHA256,
            GOOD.envelope,
            Story(entry.encode()).proof,
            THE_POLICY,
            rules,
        )


TWO_KEYS = RULES.replace("[[keys]]", '[[keys]]\nfile = "bob.pub"\n\n[[keys]]').replace(
    "predicate_types", "threshold = 2\npredicate_types"
)


def test_two_different_keys_must_sign_where_two_must(tmp_path: Path) -> None:
    verify(tmp_path, Attestation(signers=(ALICE, BOB)), TWO_KEYS)
    for signers in ((ALICE,), (ALICE, ALICE), (BOB, MALLORY)):
        with pytest.raises(SignatureError, match="1 of the trusted keys"):
            verify(tmp_path, Attestation(signers=signers), TWO_KEYS)


def test_a_key_speaks_for_its_own_builders_alone(tmp_path: Path) -> None:
    rules = RULES + 'builders = ["https://builds.example/weak"]\n'
    rules += f'[[keys]]\nfile = "bob.pub"\nbuilders = ["{BUILDER}"]\n'
    verify(tmp_path, Attestation(signers=(BOB,)), rules)
    verify(tmp_path, Attestation(signers=(ALICE, BOB)), rules)
    with pytest.raises(VerificationError, match="the builder is not allowed"):
        verify(tmp_path, Attestation(signers=(ALICE,)), rules)


def test_a_threshold_counts_keys_of_the_builder_alone(tmp_path: Path) -> None:
    rules = TWO_KEYS + 'builders = ["https://builds.example/weak"]\n'
    with pytest.raises(SignatureError, match="1 of the keys for this builder"):
        verify(tmp_path, Attestation(signers=(ALICE, BOB)), rules)


def test_a_build_type_that_is_not_named_is_refused(tmp_path: Path) -> None:
    named = f'build_types = ["{BUILD_TYPE}"]\n{RULES}'
    verify(tmp_path, GOOD, named)
    with pytest.raises(VerificationError, match="the build type is not allowed"):
        verify(tmp_path, GOOD, named.replace(BUILD_TYPE, "https://other.example"))


PARAMETERS = RULES.replace(
    "[[keys]]", '[parameters]\nref = ["refs/heads/main"]\n\n[[keys]]'
)
DOTTED = RULES.replace("[[keys]]", '[parameters]\n"w.path" = ["a"]\n\n[[keys]]')
ANY_SOURCE = PARAMETERS.replace(f'sources = ["{SOURCE}"]', "any_source = true")
IGNORING = f'ignored_parameters = ["verbose"]\n{RULES}'


@in_one_test(
    ("rules", "parameters", "why"),
    [
        (PARAMETERS, {"ref": "refs/heads/main"}, ""),
        (PARAMETERS, {"ref": "refs/heads/evil"}, "not allowed: ref = refs/heads/evil"),
        (PARAMETERS, {}, "no parameter ref"),
        (
            PARAMETERS,
            {"ref": "refs/heads/main", "flags": "-x"},
            "parameter flags is not expected",
        ),
        (PARAMETERS, {"ref": ["refs/heads/main"]}, "parameter ref is no string"),
        (PARAMETERS.replace("refs/heads/main", "<bool>"), {"ref": True}, "no string"),
        (DOTTED, {"w": {"path": "a"}}, ""),
        (DOTTED, {"w.path": "a"}, "has no parameter w.path"),
        (DOTTED, {"w": {"path": "a"}, "w.path": "a"}, "a dot in it"),
        (DOTTED, {"w": {"path": "a"}, "w\\": {"path": "a"}}, "a dot in it"),
        (RULES, {"workflow.repository": "x"}, ""),
        (RULES, {"repository": [SOURCE]}, "the source is not allowed"),
        (ANY_SOURCE, {"ref": "refs/heads/main"}, "parameter source is not expected"),
        (ANY_SOURCE, {"ref": "refs/heads/main", "source": None}, ""),
        (IGNORING, {"verbose": True}, ""),
        (IGNORING, {"verbose": True, "flags": "-x"}, "flags is not expected"),
        (RULES, {"flags": "-x"}, ""),
    ],
)
def test_parameters_are_those_that_are_expected(
    tmp_path: Path, rules: str, parameters: dict[str, object], why: str
) -> None:
    attested = GOOD.but(predicate=built(**parameters))
    if why:
        with pytest.raises(VerificationError, match=why):
            verify(tmp_path, attested, rules)
    else:
        verify(tmp_path, attested, rules)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda: GOOD.but(signers=(MALLORY,), subjects=(), predicate_type=SBOM),
        lambda: GOOD.but(signers=(MALLORY,), predicate=built(source="x")),
    ],
)
def test_nothing_is_looked_at_before_the_signature(
    tmp_path: Path, spoil: Callable[[], Attestation]
) -> None:
    with pytest.raises(SignatureError):
        verify(tmp_path, spoil())


def test_the_predicate_type_of_provenance_is_slsas() -> None:
    assert "https://slsa.dev/provenance/v1" == SLSA
