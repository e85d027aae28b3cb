"""cosign against this log, where it is installed; else this is skipped.

It compares the origin with the host of the log's URL, and verifies the log's answer
before it writes a bundle.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sigstore.models import Bundle

from tests.support.sigstore.workshop import EMAIL, Workshop, workshop
from tests.system.server import run_tlog

pytestmark = pytest.mark.skipif(shutil.which("cosign") is None, reason="cosign")

ARTIFACT = b"signed by cosign"
TYPE = ("--type", "slsaprovenance1")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with workshop(tmp_path_factory.mktemp("workshop")) as made:
        (made.folder / "app.tar").write_bytes(ARTIFACT)
        (made.folder / "other.tar").write_bytes(ARTIFACT + b".")
        (made.folder / "token").write_text(made.token())
        assert 0 == cosign(made, "generate-key-pair").returncode
        yield made


def cosign(shop: Workshop, *arguments: str) -> subprocess.CompletedProcess[str]:
    own = {"HOME": str(shop.folder), "COSIGN_PASSWORD": "", "TUF_ROOT": "no-tuf"}
    return subprocess.run(
        ["cosign", *arguments],
        cwd=shop.folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], **own},
    )


def sign(shop: Workshop, verb: str, *arguments: str, config: str = "sigstore") -> None:
    files = (
        *("--signing-config", f"{config}/signing_config.json"),
        *("--trusted-root", f"{config}/trusted_root.json"),
    )
    done = cosign(shop, verb, *files, "-y", *arguments, "app.tar")
    assert 0 == done.returncode, done.stderr


def verify(shop: Workshop, verb: str, *arguments: str, file: str = "app.tar") -> int:
    trust = ("--trusted-root", "sigstore/trusted_root.json")
    return cosign(shop, verb, *trust, *arguments, file).returncode


def of_a_person(shop: Workshop) -> tuple[str, ...]:
    issuer = ("--certificate-oidc-issuer", shop.client.issuer)
    return ("--certificate-identity", EMAIL, *issuer)


def test_a_key_signs_with_nothing_beside_the_log(shop: Workshop) -> None:
    log = json.loads(shop.client.trust.read_text())["trustedRoot"]["tlogs"][0]
    made = run_tlog(
        "sigstore-config",
        *("--log", log["baseUrl"]),
        *("--policy", shop.server.folder / "policy"),
        *("--out", shop.folder / "alone"),
    )
    assert 0 == made.returncode
    sign(
        shop,
        "sign-blob",
        *("--key", "cosign.key", "--bundle", "key.json"),
        config="alone",
    )
    given = ("--key", "cosign.pub", "--bundle", "key.json")
    assert 0 == verify(shop, "verify-blob", *given)
    assert 1 == verify(shop, "verify-blob", *given, file="other.tar")


def test_a_key_attests(shop: Workshop) -> None:
    (shop.folder / "predicate.json").write_text("{}")
    given = ("--predicate", "predicate.json", *TYPE, "--bundle", "attested.json")
    sign(shop, "attest-blob", "--key", "cosign.key", *given)
    given = ("--key", "cosign.pub", *TYPE, "--bundle", "attested.json")
    assert 0 == verify(shop, "verify-blob-attestation", *given)
    assert 1 == verify(shop, "verify-blob-attestation", *given, file="other.tar")


def test_a_person_signs_and_each_client_verifies_the_others(shop: Workshop) -> None:
    sign(shop, "sign-blob", "--identity-token", "token", "--bundle", "person.json")
    who = of_a_person(shop)
    assert 0 == verify(shop, "verify-blob", *who, "--bundle", "person.json")
    text = (shop.folder / "person.json").read_text()
    shop.client.verify(ARTIFACT, Bundle.from_json(text))
    with shop.signer() as signer:
        ours = signer.sign_artifact(ARTIFACT).to_json()
    (shop.folder / "python.json").write_text(ours)
    assert 0 == verify(shop, "verify-blob", *who, "--bundle", "python.json")


def test_a_bundle_of_another_log_is_refused(shop: Workshop, tmp_path: Path) -> None:
    with workshop(tmp_path) as other, other.signer() as signer:
        theirs = signer.sign_artifact(ARTIFACT).to_json()
    (shop.folder / "other.json").write_text(theirs)
    who = of_a_person(shop)
    assert 1 == verify(shop, "verify-blob", *who, "--bundle", "other.json")
