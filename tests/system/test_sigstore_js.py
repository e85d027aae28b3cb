"""The JavaScript client against this log, where node finds it; else this is skipped.

It still sends `dsseRequestV002`, and its verifier of that age takes a `dsse` entry
alone: for such users there is `sigstore_dsse = "legacy"`.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sigstore.models import Bundle

from tests.support.sigstore.workshop import Workshop, workshop

SCRIPT = Path(__file__).parents[1] / "support" / "sigstore" / "client.cjs"
PACKAGES = ("sign", "verify", "bundle", "protobuf-specs")
STATEMENT = (
    '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":'
    f'{{"sha256":"{"ab" * 32}"}}}}],"predicateType":"https://a.example","predicate":{{}}}}'
)


def node(*arguments: str | Path, token: str = "") -> subprocess.CompletedProcess[str]:
    """Run node, which finds the packages by NODE_PATH."""
    return subprocess.run(
        ["node", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SIGSTORE_IDENTITY_TOKEN": token},
    )


def has_packages() -> bool:
    wanted = "".join(f"require.resolve('@sigstore/{name}');" for name in PACKAGES)
    return shutil.which("node") is not None and not node("-e", wanted).returncode


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    if not has_packages():
        pytest.skip("node with @sigstore/sign and @sigstore/verify")


@pytest.fixture(params=["hashedrekord", "legacy"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workshop]:
    with workshop(tmp_path, "--sigstore-dsse", request.param) as made:
        yield made


def run(shop: Workshop, verb: str, file: Path, bundle: Path) -> tuple[int, str]:
    trust = shop.client.trust
    done = node(SCRIPT, verb, trust, file, bundle, token=shop.token())
    return done.returncode, done.stderr


def test_each_client_verifies_what_the_other_signed(
    shop: Workshop, tmp_path: Path
) -> None:
    file, theirs, ours = (tmp_path / name for name in ("a.tar", "js.json", "py.json"))
    file.write_bytes(b"signed")
    assert (0, "") == run(shop, "sign", file, theirs)
    assert (0, "") == run(shop, "verify", file, theirs)
    shop.client.verify(b"signed", Bundle.from_json(theirs.read_text()))
    with shop.signer() as signer:
        ours.write_text(signer.sign_artifact(b"signed").to_json())
    assert (0, "") == run(shop, "verify", file, ours)
    file.write_bytes(b"Signed")
    assert 1 == run(shop, "verify", file, ours)[0]


def test_an_attestation_is_for_the_verifiers_that_the_setting_says(
    shop: Workshop, tmp_path: Path
) -> None:
    file, bundle = tmp_path / "statement.json", tmp_path / "js.json"
    file.write_text(STATEMENT)
    assert (0, "") == run(shop, "attest", file, bundle)
    attested = Bundle.from_json(bundle.read_text())
    kind = attested.log_entry._inner.kind_version.kind
    if kind == "dsse":
        assert (0, "") == run(shop, "verify", file, bundle)
    else:
        shop.client.verifier().verify_dsse(attested, shop.client.policy())
