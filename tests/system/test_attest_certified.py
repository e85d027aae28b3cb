"""`tlog attest --bundle --certificate`: released clients verify what it writes."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sigstore.models import Bundle as SigstoreBundle

from tests.support import warm
from tests.support.rekor import b64
from tests.support.sigstore.workshop import EMAIL, Workshop, local_url, workshop
from tests.system.test_attest import NAMES, plain_environment, prepared, tlog
from tests.tlog.bundles.world import trusted_authority
from tests.tlogverify.refusal import flip
from tests.tlogverify.sigstore.documents import (
    ENTRY,
    MATERIAL,
    MISSING,
    changed,
    encoded,
)
from tlog.bundles.certified import Who, judge_certified
from tlog.trial.certificates import pem
from tlog.trial.fulcio import Fulcio
from tlogverify.errors import TlogError
from tlogverify.sigstore import Bundle

BUNDLE = "release.sigstore.json"
DSSE = ("--entry-kind", "dsse")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("workshop")
    with workshop(folder, "--sigstore-dsse", "legacy") as made:
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


def certified(
    folder: Path, shop: Workshop, *arguments: str, bundle: str = BUNDLE
) -> None:
    done = attest(
        folder,
        shop,
        *("--bundle", bundle, "--certificate", "release.pem", *arguments),
        *("--timestamp-authority", shop.neighbours.tsa_url),
    )
    assert (0, True) == (done.returncode, "entry" in done.stdout), done.stderr


def who(shop: Workshop) -> tuple[str, ...]:
    return ("--identity", EMAIL, "--issuer", shop.client.issuer)


def test_sigstores_client_and_ours_verify_it(folder: Path, shop: Workshop) -> None:
    certified(folder, shop)
    text = (folder / BUNDLE).read_text()
    verifier, policy = shop.client.verifier(), shop.client.policy()
    kind, payload = verifier.verify_dsse(SigstoreBundle.from_json(text), policy)
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
        (DSSE, 2, "--entry-kind is of a bundle's log entry: it needs --bundle"),
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


def kind_of(path: Path) -> str:
    material = json.loads(path.read_bytes())["verificationMaterial"]
    (entry,) = material["tlogEntries"]
    return str(entry["kindVersion"]["kind"])


def test_a_dsse_entry_of_a_certificate_is_judged_as_the_other_kind_is(
    folder: Path, shop: Workshop
) -> None:
    certified(folder, shop, *DSSE)
    certified(folder, shop, *DSSE, "--builder-id", "https://b.example", bundle="other")
    assert "dsse" == kind_of(folder / BUNDLE)
    trusted = shop.client.trust.with_name("trusted_root.json")
    by: list[str | Path] = ["--bundle", BUNDLE, "--trusted-root", trusted, *who(shop)]
    done = tlog(folder, "verify", *NAMES, *by)
    assert (0, True) == (done.returncode, f" of {EMAIL}, " in done.stdout), done.stderr
    right = Who(EMAIL, shop.client.issuer)
    document, root = json.loads((folder / BUNDLE).read_bytes()), trusted.read_bytes()
    other = json.loads((folder / "other").read_bytes())
    place = ("dsseEnvelope", "signatures", 0, "sig")
    signature = base64.b64decode(document["dsseEnvelope"]["signatures"][0]["sig"])
    stamps = "timestampVerificationData"

    def judge(document: object = document, name: str = NAMES[0], **given: Any) -> None:
        who, trust = given.get("who", right), given.get("root", root)
        judge_certified(folder / name, Bundle.parse(encoded(document)), who, trust)

    def rooted(member: str, *instead: object) -> bytes:
        return encoded(changed(json.loads(root), (member,), [*instead]))

    judge()
    decoy = Fulcio(shop.neighbours.provider, shop.neighbours.ctlog)
    (folder / "changed").write_bytes(flip((folder / NAMES[0]).read_bytes()))
    material = other["verificationMaterial"]
    wrong: dict[str, dict[str, Any]] = {
        "does not name": {"name": "changed"},
        "not of this key and of what": {
            "document": changed(document, place, b64(flip(signature, 99)))
        },
        "entry is of another signature": {
            "document": changed(document, ENTRY, material["tlogEntries"][0])
        },
        "inclusion promise or signed timestamp": {
            "document": changed(document, (*MATERIAL, stamps), MISSING)
        },
        "its time is not proven": {
            "document": changed(document, (*MATERIAL, stamps), material[stamps])
        },
        "other@tests.example": {"who": Who("other@tests.example", right.issuer)},
        "https://other.example": {"who": Who(EMAIL, "https://other.example")},
        "certificate chain": {
            "root": rooted("certificateAuthorities", trusted_authority(decoy.chain_pem))
        },
        "CTFE keys not found": {"root": rooted("ctlogs")},
        "names no log of the id": {"root": rooted("tlogs")},
    }
    for why, given in wrong.items():
        with pytest.raises(TlogError, match=why):
            judge(**given)


def test_a_dsse_entry_of_a_key_is_verified_and_kept_and_not_mixed_up(
    folder: Path, shop: Workshop
) -> None:
    def again(*arguments: str) -> tuple[int, str, bytes]:
        done = attest(folder, shop, "--bundle", BUNDLE, *arguments)
        return (
            done.returncode,
            done.stdout + done.stderr,
            (folder / BUNDLE).read_bytes(),
        )

    status, told, made = again(*DSSE)
    assert (0, "dsse") == (status, kind_of(folder / BUNDLE)), told
    by = ("--bundle", BUNDLE, "--policy", shop.server.folder / "policy")
    keyed = (*by, "--key", "release.key.pub")
    assert 0 == tlog(folder, "verify", *NAMES, *keyed).returncode
    alone: list[str | Path] = [sys.executable, "-m", "tlogverify", NAMES[0], *keyed]
    done = warm.run(alone, environment=plain_environment(), folder=folder)
    assert 0 == done.returncode, done.stderr
    status, told, kept = again(*DSSE)
    assert (0, made, True) == (status, kept, "attested before" in told)
    status, told, kept = again()
    assert (2, made) == (status, kept)
    assert (
        "with a log entry of another kind than hashedrekord: --force replaces it"
        in told
    )
    status, _, other = again("--force")
    assert (0, "hashedrekord") == (status, kind_of(folder / BUNDLE))
    status, told, kept = again(*DSSE)
    assert (2, other) == (status, kept)
    # The same signature goes to and fro, so that the log has one entry of each kind.
    status, _, kept = again(*DSSE, "--force")
    entries = [
        json.loads(it)["verificationMaterial"]["tlogEntries"][0] for it in (made, kept)
    ]
    assert entries[0]["logIndex"] == entries[1]["logIndex"]
    assert json.loads(made)["dsseEnvelope"] == json.loads(kept)["dsseEnvelope"]
    (folder / NAMES[0]).write_bytes(flip((folder / NAMES[0]).read_bytes()))
    assert 1 == tlog(folder, "verify", *NAMES, *keyed).returncode
    assert (
        1 == warm.run(alone, environment=plain_environment(), folder=folder).returncode
    )


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
