"""The TUF repository of `sigstore-config --tuf`, read by clients of other people.

sigstore-python takes it as an instance, cosign by `initialize`; rekor-monitor reads it
by the same library as cosign (sigstore-go).
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.sigstore.workshop import EMAIL, Workshop, local_url, workshop
from tests.support.static_files import served_folder
from tests.system.server import run_tlog

ARTIFACT = b"any file will do\n"

needs_cosign = pytest.mark.skipif(
    shutil.which("cosign") is None, reason="cosign is not on the path"
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    with workshop(tmp_path) as made:
        (made.folder / "app.tar").write_bytes(ARTIFACT)
        (made.folder / "token").write_text(made.token())
        made.client_of("sigstore", "--tuf", str(made.folder / "repository"))
        yield made


@pytest.fixture
def url(shop: Workshop) -> Iterator[str]:
    with served_folder(shop.folder / "repository") as url:
        yield url


def run(
    shop: Workshop, *command: str | Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a client in a home of its own."""
    own = {"HOME": str(shop.folder), "COSIGN_PASSWORD": "", **variables}
    return warm.run(
        command, folder=shop.folder, environment={"PATH": os.environ["PATH"], **own}
    )


def sigstore(
    shop: Workshop, url: str, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "sigstore", "--instance", url)
    return run(shop, *command, *arguments, SIGSTORE_IDENTITY_TOKEN=shop.token())


def verify(shop: Workshop, url: str) -> int:
    who = ("--cert-identity", EMAIL, "--cert-oidc-issuer", shop.client.issuer)
    return sigstore(shop, url, "verify", "identity", *who, "app.tar").returncode


def test_sigstore_python_takes_it_as_an_instance(shop: Workshop, url: str) -> None:
    root = shop.folder / "repository" / "root.json"
    assert 0 != verify(shop, url), "before it trusts the instance"
    trusted = sigstore(shop, url, "trust-instance", root)
    assert 0 == trusted.returncode, trusted.stderr
    signed = sigstore(shop, url, "sign", "app.tar")
    assert 0 == signed.returncode, signed.stderr
    assert 0 == verify(shop, url)
    for key in ("root", "targets", "online"):
        rotated = run_tlog(
            "sigstore-resign", shop.folder / "repository", "--rotate", key
        )
        assert 0 == rotated.returncode, rotated.stderr
        assert 0 == verify(shop, url), key


@needs_cosign
def test_cosign_is_initialized_with_it(shop: Workshop, url: str) -> None:
    root = shop.folder / "repository" / "root.json"
    made = run(shop, "cosign", "initialize", "--mirror", url, "--root", root)
    assert 0 == made.returncode, made.stderr
    assert 0 == run(shop, "cosign", "generate-key-pair").returncode
    given = ("--bundle", "key.json", "app.tar")
    signed = run(shop, "cosign", "sign-blob", "--key", "cosign.key", "-y", *given)
    assert 0 == signed.returncode, signed.stderr
    checked = run(shop, "cosign", "verify-blob", "--key", "cosign.pub", *given)
    assert 0 == checked.returncode, checked.stderr
    (shop.folder / "app.tar").write_bytes(ARTIFACT + b".")
    checked = run(shop, "cosign", "verify-blob", "--key", "cosign.pub", *given)
    assert 0 != checked.returncode


def test_the_commands_say_where_it_is_and_what_is_missing(
    shop: Workshop, tmp_path: Path
) -> None:
    folder, keys = tmp_path / "tuf", tmp_path / "elsewhere"
    made = run_tlog(
        "sigstore-config",
        *("--log", local_url(shop.server)),
        *("--policy", shop.server.folder / "policy"),
        *("--out", tmp_path / "out", "--tuf", folder, "--tuf-keys", keys),
    )
    assert 0 == made.returncode, made.stderr
    trusted, config = (
        tmp_path / "out" / name for name in ("trusted_root.json", "signing_config.json")
    )
    files = {it.name.partition(".")[2]: it for it in folder.glob("targets/*")}
    assert trusted.read_bytes() == files["trusted_root.json"].read_bytes()
    assert config.read_bytes() == files["signing_config.v0.2.json"].read_bytes()
    signed = run_tlog("sigstore-resign", folder, "--keys", keys, "--json")
    assert {"tuf": str(folder), "days": 30, "missing": []} == json.loads(signed.stdout)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ("--keys", "nowhere"),
            "the snapshot key is missing",
        ),
        (("--days", "0"), "days are a number from 1 to 3650"),
        (("--days", "x"), "days are a number from 1 to 3650"),
    ],
)
def test_what_cannot_be_signed_is_refused(
    shop: Workshop, arguments: tuple[str, ...], reason: str
) -> None:
    done = run_tlog("sigstore-resign", shop.folder / "repository", *arguments)
    assert 2 == done.returncode
    assert reason in done.stderr


def test_without_python_tuf_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = tmp_path / "hidden" / "tuf"
    hidden.mkdir(parents=True)
    lost = "raise ModuleNotFoundError(\"No module named 'tuf'\", name='tuf')\n"
    (hidden / "__init__.py").write_text(lost)
    monkeypatch.setenv("PYTHONPATH", str(hidden.parent))
    done = run_tlog("sigstore-resign", tmp_path)
    assert 2 == done.returncode
    assert "pip install 'tlog-server[tuf]'" in done.stderr
    assert "--rotate" in run_tlog("sigstore-resign", "--help").stdout
