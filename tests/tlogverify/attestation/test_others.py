"""What other people's tools write: statements, digests, signatures, sources.

Source: in-toto attestation, statement.md and digest_set.md; the pages of the build
types that `tlogverify.attestation.builds` names.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.tlogverify.attestation.stories import (
    ALICE,
    BOB,
    BUILDER,
    IN_TOTO,
    MALLORY,
    RULES,
    SOURCE,
    Attestation,
    Signer,
    document,
    provenance,
    signed_bytes,
    text_of,
    write_rules,
)
from tests.tlogverify.documents import ARTIFACT, ARTIFACT_SHA256
from tests.tlogverify.documents import POLICY as THE_POLICY
from tlogverify.attestation import ProvenAttestation, Rules, verify_attestation
from tlogverify.attestation.builds import BUILD_TYPES
from tlogverify.attestation.dsse import Envelope
from tlogverify.attestation.signers import SignerKey
from tlogverify.attestation.slsa import read_provenance
from tlogverify.errors import FormatError, SignatureError, VerificationError

GOOD = Attestation()
V0_1 = "https://in-toto.io/Statement/v0.1"


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    (tmp_path / "release").write_bytes(ARTIFACT)
    return tmp_path / "release"


def judge(
    artifact: Path | bytes, attested: Attestation, folder: Path, rules: str = RULES
) -> ProvenAttestation:
    believed = Rules.read(write_rules(folder, rules))
    story = attested.story
    return verify_attestation(
        artifact, attested.envelope, story.proof, THE_POLICY, believed
    )


def test_the_older_statement_is_read_around_slsa_v1(tmp_path: Path) -> None:
    proven = judge(ARTIFACT_SHA256, GOOD.but(statement_type=V0_1), tmp_path)
    assert proven.provenance is not None
    assert BUILDER == proven.provenance.builder


def subject(**digests: str) -> dict[str, object]:
    return {"name": "pkg:npm/left@1.0.0", "digest": digests}


def hexed(algorithm: str, content: bytes = ARTIFACT) -> str:
    return hashlib.new(algorithm, content).hexdigest()


@pytest.mark.parametrize(
    "digests",
    [
        {"sha512": hexed("sha512")},
        {"sha384": hexed("sha384")},
        {"sha512": hexed("sha512"), "sha384": hexed("sha384")},
        {"sha512": hexed("sha512"), "sha1": "not looked at"},
        {"sha256": hexed("sha256"), "sha512": "not looked at"},
        {"sha256": "", "sha512": hexed("sha512")},
    ],
    ids="-".join,
)
def test_a_subject_without_a_sha256_is_matched_by_the_longer_digests(
    artifact: Path, digests: dict[str, str]
) -> None:
    other = subject(sha512="00" * 64)
    judge(artifact, GOOD.but(subjects=(other, subject(**digests))), artifact.parent)


@pytest.mark.parametrize(
    "digests",
    [
        {"sha512": hexed("sha512", b"another")},
        {"sha384": hexed("sha384", b"another")},
        {"sha512": hexed("sha512"), "sha384": hexed("sha384", b"another")},
        {"sha512": hexed("sha512", b"another"), "sha384": hexed("sha384")},
        {"sha256": hexed("sha256", b"another"), "sha512": hexed("sha512")},
        {"sha1": hexed("sha1")},
    ],
    ids="-".join,
)
def test_one_wrong_digest_is_another_artifact(
    artifact: Path, digests: dict[str, str]
) -> None:
    with pytest.raises(VerificationError, match="the statement does not name sha256:"):
        judge(artifact, GOOD.but(subjects=(subject(**digests),)), artifact.parent)


@pytest.mark.parametrize("digits", ["cd" * 63, "CD" * 64, "cd" * 65, "zz" * 64])
def test_a_longer_digest_has_one_spelling(artifact: Path, digits: str) -> None:
    with pytest.raises(FormatError, match="128 lower-case hex"):
        judge(artifact, GOOD.but(subjects=(subject(sha512=digits),)), artifact.parent)


def test_a_digest_alone_cannot_be_matched_by_another(tmp_path: Path) -> None:
    attested = GOOD.but(subjects=(subject(sha512=hexed("sha512")),))
    with pytest.raises(VerificationError, match="by sha512 alone, which only a file"):
        judge(ARTIFACT_SHA256, attested, tmp_path)


def raw_of(signer: Signer, message: bytes) -> bytes:
    """Return r and s alone, each in 32 bytes."""
    r, s = decode_dss_signature(signer.sign(message))
    return r.to_bytes(32) + s.to_bytes(32)


@pytest.mark.parametrize("number", range(8))
def test_an_ecdsa_signature_may_be_r_and_s_alone(number: int) -> None:
    message = b"message %d" % number
    key, raw = SignerKey.of_pem(BOB.pem), raw_of(BOB, message)
    key.verify(message, raw)
    others = [raw[:-1], raw + b"\0", raw[32:] + raw[:32], bytes(64), b"\xff" * 64]
    others += [
        raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :] for at in (0, 31, 32, 63)
    ]
    for other in others:
        with pytest.raises(SignatureError):
            key.verify(message, other)
    with pytest.raises(SignatureError):
        key.verify(message + b"!", raw)


PAYLOAD = GOOD.payload
MESSAGE = signed_bytes(IN_TOTO, PAYLOAD)


@pytest.mark.parametrize(
    ("signatures", "trusted", "why"),
    [
        pytest.param([], ALICE, "it has no signature", id="no-signature"),
        pytest.param([ALICE.sign(MESSAGE)], MALLORY, "another key did", id="key"),
        pytest.param([BOB.sign(MESSAGE)], Signer("c", is_p256=True), "another", id="p"),
        pytest.param([BOB.sign(MESSAGE)], ALICE, "wrong encoding", id="other-kind"),
        pytest.param(
            [text_of(ALICE.sign(MESSAGE)).encode()],
            ALICE,
            "wrong encoding, 88 bytes",
            id="base64-twice",
        ),
        pytest.param(
            [ALICE.sign(MESSAGE).hex().encode()], ALICE, "wrong encoding", id="hex"
        ),
        pytest.param(
            [ALICE.sign(PAYLOAD)], ALICE, "signed the bare payload", id="payload"
        ),
    ],
)
def test_a_wrong_key_is_told_from_a_wrong_encoding(
    signatures: list[bytes], trusted: Signer, why: str
) -> None:
    parsed = Envelope.parse(
        document(
            payloadType=IN_TOTO,
            payload=text_of(PAYLOAD),
            signatures=[{"sig": text_of(it)} for it in signatures],
        )
    )
    with pytest.raises(SignatureError, match=rf"0 of the trusted keys .*{why}"):
        parsed.verify([SignerKey.of_pem(trusted.pem)], 1)


GENERATOR = "https://github.com/slsa-framework/slsa-github-generator/"
TEKTON = "https://tekton.dev/chains/v2/slsa"
GITLAB = "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v17.1.0/PROVENANCE.md"
CLOUD_BUILD = "https://cloud.google.com/build/gcb-buildtypes/google-worker/v1"
REPOSITORY = "https://git.example/team/app"

PLACES: list[tuple[str, dict[str, Any]]] = [
    (f"{host}workflow/v1", {"workflow": {"repository": REPOSITORY}})
    for host in (
        "https://actions.github.io/buildtypes/",
        "https://slsa-framework.github.io/github-actions-buildtypes/",
    )
]
PLACES += [
    (f"{GENERATOR}{name}@v0", {"workflow": {"repository": REPOSITORY}})
    for name in ("delegator-generic", "delegator-lowperms-generic")
]
PLACES += [
    ("https://slsa.dev/container-based-build/v0.1?draft", {"source": {"uri": SOURCE}}),
    (CLOUD_BUILD, {"buildConfigSource": {"repository": SOURCE}}),
    (CLOUD_BUILD, {"sourceToBuild": {"repository": SOURCE}}),
    (TEKTON, {"buildConfigSource": {"repository": f"{SOURCE}.git"}}),
    (f"{TEKTON}-tekton", {"buildConfigSource": {"repository": REPOSITORY}}),
    (GITLAB, {"source": REPOSITORY}),
]


def built(
    build_type: str, external: dict[str, Any], *dependencies: object
) -> dict[str, Any]:
    predicate: dict[str, Any] = provenance()
    predicate["buildDefinition"] |= {
        "buildType": build_type,
        "externalParameters": external,
        "resolvedDependencies": list(dependencies),
    }
    return predicate


@pytest.mark.parametrize(("build_type", "external"), PLACES)
def test_the_source_is_found_where_the_build_type_puts_it(
    tmp_path: Path, build_type: str, external: dict[str, Any]
) -> None:
    attested = GOOD.but(predicate=built(build_type, external))
    judge(ARTIFACT_SHA256, attested, tmp_path)
    text = json.dumps(external).replace("git.example/team", "git.example/evil")
    attested = GOOD.but(predicate=built(build_type, json.loads(text)))
    with pytest.raises(VerificationError, match="the source is not allowed"):
        judge(ARTIFACT_SHA256, attested, tmp_path)


def test_every_row_of_the_table_is_tried() -> None:
    untried = [
        row.uri
        for row in BUILD_TYPES
        if not any(re.fullmatch(row.uri, build_type) for build_type, _ in PLACES)
    ]
    assert [] == untried


CONFIG = {"buildConfigSource": {"repository": REPOSITORY}, "runSpec": {}}


def dependency(uri: str, name: str = "inputs/result") -> dict[str, object]:
    return {"uri": uri, "name": name, "digest": {"sha1": "01" * 20}}


@pytest.mark.parametrize(
    ("external", "dependencies", "why"),
    [
        pytest.param(CONFIG, [dependency(f"{SOURCE}.git")], "", id="both"),
        pytest.param(CONFIG, [], "", id="config-alone"),
        pytest.param(CONFIG, [dependency("oci://x/image")], "", id="an-image"),
        pytest.param(CONFIG, [dependency("git+https://x/y", "task")], "", id="a-task"),
        pytest.param(
            CONFIG,
            [dependency(SOURCE), dependency("git+https://git.example/evil")],
            "the source is not allowed: git.https://git.example/evil",
            id="another-input",
        ),
        pytest.param(
            {"runSpec": {}},
            [dependency(SOURCE)],
            "the provenance names no source",
            id="input-alone",
        ),
        pytest.param(
            CONFIG | {"buildConfigSource": {"repository": "https://git.example/evil"}},
            [dependency(SOURCE)],
            "the source is not allowed",
            id="another-config",
        ),
    ],
)
def test_tektons_inputs_are_sources_beside_its_configuration(
    tmp_path: Path,
    external: dict[str, Any],
    dependencies: list[dict[str, object]],
    why: str,
) -> None:
    attested = GOOD.but(
        statement_type=V0_1, predicate=built(TEKTON, external, *dependencies)
    )
    if not why:
        judge(ARTIFACT_SHA256, attested, tmp_path)
        return
    with pytest.raises(VerificationError, match=why):
        judge(ARTIFACT_SHA256, attested, tmp_path)


def test_a_dependency_of_another_build_type_is_no_source() -> None:
    predicate = built("https://builds.example/make/v1", CONFIG, dependency(SOURCE))
    assert () == read_provenance(predicate).sources


@pytest.mark.parametrize("dependencies", [{}, ["x"], [{"uri": 1}], [{"name": 1}]])
def test_broken_dependencies_are_refused_where_they_are_read(
    dependencies: object,
) -> None:
    predicate = built(TEKTON, CONFIG)
    predicate["buildDefinition"]["resolvedDependencies"] = dependencies
    with pytest.raises(FormatError):
        read_provenance(predicate)
    predicate["buildDefinition"]["resolvedDependencies"] = None
    assert (REPOSITORY,) == read_provenance(predicate).sources


@pytest.mark.parametrize(
    ("rule", "uri", "is_allowed"),
    [
        (REPOSITORY, f"git+{REPOSITORY}", True),
        (REPOSITORY, f"{REPOSITORY}.git", True),
        (f"git+{REPOSITORY}.git", REPOSITORY, True),
        (f"git+{REPOSITORY}@refs/tags/v1", f"{REPOSITORY}.git@refs/tags/v1", True),
        (REPOSITORY, f"{REPOSITORY}.git@refs/tags/v1", False),
        (REPOSITORY, f"{REPOSITORY}.git/evil", False),
        (REPOSITORY, f"{REPOSITORY}.git.git", False),
        (REPOSITORY, f"{REPOSITORY}.gitx", False),
        (REPOSITORY, f"git+git+{REPOSITORY}", False),
        (REPOSITORY, f"hg+{REPOSITORY}", False),
    ],
)
def test_git_before_and_behind_a_repository_says_nothing(
    tmp_path: Path, rule: str, uri: str, is_allowed: bool
) -> None:
    rules = Rules.read(write_rules(tmp_path, RULES.replace(SOURCE, rule)))
    assert is_allowed == rules.allows_source(uri)
    below = RULES.replace("sources", "source_prefixes")
    rules = Rules.read(
        write_rules(tmp_path, below.replace(SOURCE, "https://g.example/a"))
    )
    assert rules.allows_source("git+https://g.example/a.git@main")
    assert not rules.allows_source("git+https://g.example/a.git-evil")
    assert not rules.allows_source("git+https://g.example/a/../b.git")
