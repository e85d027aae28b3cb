"""Sigstore's libraries for Go, Java and Rust, each alone; else these are skipped.

Each is asked by a program in `sigstore_verifiers/` that calls nothing but the library.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sigstore.workshop import EMAIL, Workshop, local_url, workshop
from tests.system.test_attest import NAMES, prepared, tlog
from tests.tlogverify.refusal import flip

KEYED, CERTIFIED = "keyed.sigstore.json", "certified.sigstore.json"
DSSE = "dsse.sigstore.json"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("workshop")
    with workshop(folder, "--sigstore-dsse", "legacy") as made:
        yield made


@pytest.fixture(scope="module")
def folder(shop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with artifacts and each kind of bundle about them."""
    folder = prepared(tmp_path_factory.mktemp("folder"))
    shop.certify(folder)
    by = ("--certificate", "release.pem")
    stamped = ("--timestamp-authority", shop.neighbours.tsa_url)
    for bundle, more in (
        (KEYED, ()),
        (CERTIFIED, (*by, *stamped)),
        (DSSE, (*by, *stamped, "--entry-kind", "dsse")),
    ):
        done = tlog(
            folder,
            *("attest", *NAMES, "--key", "release.key", "--bundle", bundle, *more),
            *("--log", local_url(shop.server)),
            *("--policy", shop.server.folder / "policy"),
        )
        assert 0 == done.returncode, done.stderr
    made = tlog(folder, "keygen", "other", "--type", "p256", "--out", "other.key")
    assert 0 == made.returncode, made.stderr
    (folder / "other").write_bytes(flip((folder / NAMES[0]).read_bytes()))
    return folder


@pytest.mark.parametrize(
    ("program", "kinds"),
    [
        ("sigstore-go-verify", (KEYED, CERTIFIED)),
        ("sigstore-rust-verify", (KEYED, CERTIFIED)),
        ("sigstore-java-verify", (DSSE,)),
    ],
)
def test_other_libraries_verify_our_bundles(
    program: str, kinds: tuple[str, ...], folder: Path, shop: Workshop
) -> None:
    if shutil.which(program) is None:
        pytest.skip(program)
    root = shop.client.trust.with_name("trusted_root.json")

    def verify(bundle: str, artifact: str, *who: str) -> int:
        done = subprocess.run(
            [program, root, bundle, artifact, *who],
            cwd=folder,
            capture_output=True,
            check=False,
        )
        return done.returncode

    right = {
        KEYED: ("--key", "release.key.pub"),
        CERTIFIED: (EMAIL, shop.client.issuer),
        DSSE: (EMAIL, shop.client.issuer),
    }
    wrong = {
        KEYED: ("--key", "other.key.pub"),
        CERTIFIED: ("other@tests.example", shop.client.issuer),
        DSSE: ("other@tests.example", shop.client.issuer),
    }
    for bundle in kinds:
        found = [verify(bundle, name, *right[bundle]) for name in (*NAMES, "other")]
        assert [0, 0, 1] == found
        assert 1 == verify(bundle, NAMES[0], *wrong[bundle])
