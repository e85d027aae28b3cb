"""`tlog attest --bundle --certificate`: released clients verify what it writes."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sigstore.models import Bundle

from tests.support.sigstore.workshop import EMAIL, Workshop, local_url, workshop
from tests.system.test_attest import NAMES, prepared, tlog
from tests.tlogverify.refusal import flip
from tlog.trial.certificates import pem

BUNDLE = "release.sigstore.json"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with workshop(tmp_path_factory.mktemp("workshop")) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, shop: Workshop) -> Path:
    """Return a folder with artifacts, a key, and the key's certificate."""
    prepared(tmp_path)
    shop.certify(tmp_path)
    return tmp_path


def attest(
    folder: Path, shop: Workshop, *arguments: str
) -> subprocess.CompletedProcess[str]:
    given = ("attest", *NAMES, "--key", "release.key", *arguments)
    policy = ("--policy", shop.server.folder / "policy")
    return tlog(folder, *given, "--log", local_url(shop.server), *policy)


def certified(folder: Path, shop: Workshop) -> None:
    done = attest(
        folder,
        shop,
        *("--bundle", BUNDLE, "--certificate", "release.pem"),
        *("--timestamp-authority", shop.neighbours.tsa_url),
    )
    assert (0, True) == (done.returncode, "entry" in done.stdout), done.stderr


def who(shop: Workshop) -> tuple[str, ...]:
    return ("--identity", EMAIL, "--issuer", shop.client.issuer)


def test_sigstores_client_and_ours_verify_it(folder: Path, shop: Workshop) -> None:
    certified(folder, shop)
    text = (folder / BUNDLE).read_text()
    verifier, policy = shop.client.verifier(), shop.client.policy()
    kind, payload = verifier.verify_dsse(Bundle.from_json(text), policy)
    assert "application/vnd.in-toto+json" == kind
    assert {*NAMES} == {it["name"] for it in json.loads(payload)["subject"]}
    done = shop.client.run_verify("--bundle", folder / BUNDLE, folder / NAMES[0])
    assert 0 == done.returncode, done.stderr
    root = shop.client.trust.with_name("trusted_root.json")
    by: tuple[str | Path, ...] = (
        "--bundle",
        BUNDLE,
        "--trusted-root",
        root,
        *who(shop),
    )
    done = tlog(folder, "verify", *NAMES, *by)
    assert 0 == done.returncode, done.stderr
    assert f" of {EMAIL}, issuer {shop.client.issuer}" in done.stdout
    (folder / NAMES[0]).write_bytes(flip((folder / NAMES[0]).read_bytes()))
    assert 1 == tlog(folder, "verify", *NAMES, *by).returncode


def test_our_command_verifies_what_sigstores_client_signed(
    shop: Workshop, tmp_path: Path
) -> None:
    (tmp_path / "release").write_bytes(b"signed")
    with shop.signer() as signer:
        bundle = signer.sign_artifact(b"signed").to_json()
    (tmp_path / BUNDLE).write_text(bundle)
    root = shop.client.trust.with_name("trusted_root.json")
    by: tuple[str | Path, ...] = (
        "--bundle",
        BUNDLE,
        "--trusted-root",
        root,
        *who(shop),
    )
    done = tlog(tmp_path, "verify", "release", *by)
    assert 0 == done.returncode, done.stderr
    policy = ("--policy", shop.server.folder / "policy")
    unjudged = tlog(tmp_path, "verify", "release", "--bundle", BUNDLE, *policy)
    assert (1, "") == (unjudged.returncode, unjudged.stdout)
    assert "not proven: nobody judged the certificate" in unjudged.stderr


def test_what_does_not_fit_is_told(folder: Path, shop: Workshop) -> None:
    stray = ec.generate_private_key(ec.SECP256R1()).public_key()
    made = shop.neighbours.fulcio.certify(EMAIL, stray)
    (folder / "stray.pem").write_bytes(pem([made]))
    nobody = ("--timestamp-authority", shop.neighbours.fulcio_url)
    for flags, status, why in (
        (("--certificate", "release.pem"), 2, "go with --bundle"),
        (
            ("--bundle", BUNDLE, "--documents"),
            2,
            "--documents and --sbom go without it",
        ),
        (
            ("--bundle", BUNDLE, "--certificate", "stray.pem"),
            2,
            "the certificate is of another key than --key",
        ),
        (
            ("--bundle", BUNDLE, "--certificate", "release.key.pub"),
            2,
            "starts with no CERTIFICATE in PEM",
        ),
        (("--bundle", BUNDLE, *nobody), 1, "the timestamp authority answered 404"),
        (("--bundle", BUNDLE, "--timestamp-authority", "x"), 2, "a URL starts with"),
    ):
        done = attest(folder, shop, *flags)
        assert (status, True) == (done.returncode, why in done.stderr), done.stderr
        assert not (folder / BUNDLE).exists()


@pytest.mark.skipif(shutil.which("cosign") is None, reason="cosign")
def test_cosign_verifies_it_by_the_certificate(folder: Path, shop: Workshop) -> None:
    certified(folder, shop)
    root = shop.client.trust.with_name("trusted_root.json")
    done = subprocess.run(
        [
            *("cosign", "verify-blob-attestation", "--trusted-root", str(root)),
            *("--certificate-identity", EMAIL, "--type", "slsaprovenance1"),
            *("--certificate-oidc-issuer", shop.client.issuer),
            *("--bundle", BUNDLE, NAMES[0]),
        ],
        cwd=folder,
        env={"HOME": str(folder), "TUF_ROOT": "no-tuf", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
