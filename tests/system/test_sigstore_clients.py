"""A released Sigstore client, unmodified, against this log: its command and its API."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sigstore import dsse
from sigstore._internal.rekor import RekorClientError
from sigstore._internal.rekor.client_v2 import RekorV2Client
from sigstore.errors import VerificationError
from sigstore.hashes import Hashed
from sigstore.models import Bundle
from sigstore_models.common.v1 import HashAlgorithm

from tests.support.sigstore.workshop import EMAIL, Workshop, local_url, workshop
from tests.system.server import run_tlog

STATEMENT = {"builder": {"id": "https://ci.example/builder"}}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with workshop(tmp_path_factory.mktemp("workshop")) as made:
        yield made


def index_of(bundle: Path | Bundle) -> int:
    text = bundle.to_json() if isinstance(bundle, Bundle) else bundle.read_text()
    (entry,) = json.loads(text)["verificationMaterial"]["tlogEntries"]
    return int(entry["logIndex"])


def hashed(artifact: bytes) -> Hashed:
    digest = hashlib.sha256(artifact).digest()
    return Hashed(algorithm=HashAlgorithm.SHA2_256, digest=digest)


def statement_of(artifact: Path, digest: str) -> dsse.Statement:
    return (
        dsse.StatementBuilder()
        .subjects(
            [
                dsse.Subject(
                    name=artifact.name, digest=dsse.DigestSet({"sha256": digest})
                )
            ]
        )
        .predicate_type("https://slsa.dev/provenance/v1")
        .predicate(STATEMENT)
        .build()
    )


def test_the_command_signs_files_side_by_side_and_verifies_them(
    shop: Workshop, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.tar" for number in range(4)]
    for file in files:
        file.write_text(file.name)
    signed = shop.client.run("sign", *files, token=shop.token())
    assert 0 == signed.returncode, signed.stderr
    bundles = [Path(f"{file}.sigstore.json") for file in files]
    assert 4 == len({index_of(bundle) for bundle in bundles})
    verified = shop.client.run_verify(*files)
    assert 0 == verified.returncode, verified.stderr
    # Each file has its own bundle: another's proves nothing.
    wrong = shop.client.run_verify("--bundle", bundles[0], files[1])
    assert 1 == wrong.returncode


def test_the_command_attests_and_verifies(shop: Workshop, tmp_path: Path) -> None:
    artifact, predicate = tmp_path / "app.tar", tmp_path / "predicate.json"
    artifact.write_bytes(b"attested")
    predicate.write_text(
        json.dumps(
            {
                "buildDefinition": {
                    "buildType": "https://ci.example/build/v1",
                    "externalParameters": {},
                },
                "runDetails": STATEMENT,
            }
        )
    )
    attested = shop.client.run(
        "attest",
        *("--predicate", predicate),
        *("--predicate-type", "https://slsa.dev/provenance/v1"),
        artifact,
        token=shop.token(),
    )
    assert 0 == attested.returncode, attested.stderr
    verified = shop.client.run_verify(artifact)
    assert 0 == verified.returncode, verified.stderr
    artifact.write_bytes(b"Attested")
    assert 1 == shop.client.run_verify(artifact).returncode


def test_the_api_attests_and_verifies(shop: Workshop) -> None:
    statement = statement_of(Path("app.tar"), "ab" * 32)
    with shop.signer() as signer:
        bundle = signer.sign_dsse(statement)
    kind, payload = shop.client.verifier().verify_dsse(bundle, shop.client.policy())
    assert ("application/vnd.in-toto+json", STATEMENT) == (
        kind,
        json.loads(payload)["predicate"],
    )


def test_a_second_signature_of_the_same_file_is_a_second_entry(shop: Workshop) -> None:
    with shop.signer() as signer:
        bundles = [signer.sign_artifact(b"twice") for _ in range(2)]
    first, second = map(index_of, bundles)
    assert first < second
    for bundle in bundles:
        shop.client.verify(b"twice", bundle)


def test_a_request_sent_again_gets_the_first_index_and_a_proof(shop: Workshop) -> None:
    with shop.signer() as signer:
        bundle = signer.sign_artifact(b"retried")
        signer.sign_artifact(b"in between")
    (entry,) = json.loads(bundle.to_json())["verificationMaterial"]["tlogEntries"]
    request = RekorV2Client._build_hashed_rekord_request(
        hashed(b"retried"), bundle.signature, bundle.signing_certificate
    )
    again = RekorV2Client(local_url(shop.server)).create_entry(request)
    assert index_of(bundle) == again._inner.log_index
    # The proof is against the head of now; put into the bundle, it verifies there.
    document = json.loads(bundle.to_json())
    document["verificationMaterial"]["tlogEntries"] = [again._inner.to_dict()]
    assert entry != again._inner.to_dict()
    shop.client.verify(b"retried", Bundle.from_json(json.dumps(document)))


def test_many_signers_at_once_get_an_index_each(shop: Workshop) -> None:
    def sign(number: int) -> Bundle:
        with shop.signer() as signer:
            return signer.sign_artifact(str(number).encode())

    with ThreadPoolExecutor(8) as pool:
        bundles = list(pool.map(sign, range(24)))
    assert 24 == len({index_of(bundle) for bundle in bundles})
    for number, bundle in enumerate(bundles):
        shop.client.verify(str(number).encode(), bundle)


@pytest.mark.parametrize("end", ["", "/"], ids=["plain", "with-a-slash"])
def test_both_forms_of_the_base_url_sign_and_verify(
    shop: Workshop, tmp_path: Path, end: str
) -> None:
    """Joined to the path, a slash at the end doubles the slash."""
    url = f"{local_url(shop.server)}{end}"
    client = shop.client_of(f"slash-{len(end)}", "--base-url", url)
    (log,) = client.config().signing_config._inner.rekor_tlog_urls
    assert url == log.url
    file = tmp_path / "app.tar"
    file.write_bytes(b"slash")
    signed = client.run("sign", file, token=shop.token())
    assert 0 == signed.returncode, signed.stderr
    assert 0 == client.run_verify(file).returncode


def test_without_a_policy_the_logs_own_word_is_taken_with_a_warning(
    shop: Workshop, tmp_path: Path
) -> None:
    made = run_tlog(
        "sigstore-config", "--log", local_url(shop.server), "--out", tmp_path
    )
    assert 0 == made.returncode
    assert "the log's own word is taken for its keys" in made.stderr
    root = json.loads((tmp_path / "trusted_root.json").read_text())
    known = json.loads(shop.client.trust.read_text())["trustedRoot"]
    assert known["tlogs"][0]["logId"] == root["tlogs"][0]["logId"]


def test_another_person_is_refused(shop: Workshop) -> None:
    with shop.signer() as signer:
        bundle = signer.sign_artifact(b"whose")
    verifier = shop.client.verifier()
    verifier.verify_artifact(b"whose", bundle, shop.client.policy(EMAIL))
    with pytest.raises(VerificationError, match="SANs do not match"):
        verifier.verify_artifact(b"whose", bundle, shop.client.policy("x@y.example"))


def test_what_the_log_refuses_is_told_with_its_reason(shop: Workshop) -> None:
    with shop.signer() as signer:
        bundle = signer.sign_artifact(b"refused")
    request = RekorV2Client._build_hashed_rekord_request(
        hashed(b"another"), bundle.signature, bundle.signing_certificate
    )
    with pytest.raises(RekorClientError, match=r"3: .*signature is not of this key"):
        RekorV2Client(local_url(shop.server)).create_entry(request)
