"""`tlog attest --bundle` with a real log: what is written, and who else verifies it."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.rekor import b64
from tests.support.sigstore.workshop import local_url
from tests.system.server import ServerProcess, run_tlog, serving
from tests.system.test_attest import NAMES, prepared, tlog
from tests.system.test_sigstore_js import node
from tests.tlogverify.refusal import flip

BUNDLE = "release.sigstore.json"
KEYED = Path(__file__).parents[1] / "support" / "sigstore" / "keyed.cjs"


def knows_our_entries() -> bool:
    """Whether node finds a verifier that knows such entries: from 4 on."""
    version = "console.log(require('@sigstore/verify/package.json').version)"
    if shutil.which("node") is None or (found := node("-e", version)).returncode:
        return False
    return int(found.stdout.partition(".")[0]) >= 4


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("log")
    with serving(folder / "log", "--sigstore", origin="localhost") as running:
        made = run_tlog(
            "sigstore-config",
            *("--log", local_url(running)),
            *("--policy", running.folder / "policy"),
            *("--out", folder / "sigstore"),
        )
        assert 0 == made.returncode, made.stderr
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return prepared(tmp_path)


def attest(
    folder: Path,
    server: ServerProcess,
    *arguments: str | Path,
    key: str = "release.key",
) -> subprocess.CompletedProcess[str]:
    return tlog(
        folder,
        *("attest", *NAMES, "--key", key, "--log", local_url(server)),
        *("--policy", server.folder / "policy", "--bundle", BUNDLE, *arguments),
    )


def verify(
    folder: Path, server: ServerProcess, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    policy = server.folder / "policy"
    by = ("--bundle", BUNDLE, "--policy", policy)
    return tlog(folder, "verify", *NAMES, *by, *arguments)


def index_of(folder: Path) -> int:
    document = json.loads((folder / BUNDLE).read_bytes())
    (entry,) = document["verificationMaterial"]["tlogEntries"]
    return int(entry["logIndex"])


def test_a_bundle_is_written_and_verified(folder: Path, server: ServerProcess) -> None:
    made = attest(folder, server)
    assert 0 == made.returncode, made.stderr
    index = index_of(folder)
    assert [f"{name}: entry {index}, in {BUNDLE}" for name in NAMES] == (
        made.stdout.splitlines()
    )
    left = {it.name for it in folder.iterdir() if "tlog-proof" in it.name}
    left |= {it.name for it in folder.iterdir() if it.name.endswith((".next", "jsonl"))}
    assert set() == left
    for by in (("--key", "release.key.pub"), ("--rules", "RULES.toml")):
        done = verify(folder, server, *by)
        assert 0 == done.returncode, done.stderr
    root = server.folder.parent / "sigstore" / "trusted_root.json"
    by_root = ("--bundle", BUNDLE, "--trusted-root", root, "--rules", "RULES.toml")
    done = tlog(folder, "verify", *NAMES, *by_root)
    assert 0 == done.returncode, done.stderr
    (folder / NAMES[0]).write_bytes(flip((folder / NAMES[0]).read_bytes()))
    assert 1 == verify(folder, server, "--key", "release.key.pub").returncode


def test_the_same_again_is_kept_and_another_is_not_replaced(
    folder: Path, server: ServerProcess
) -> None:
    assert 0 == attest(folder, server).returncode
    before = (folder / BUNDLE).read_bytes()
    again = attest(folder, server, "--json")
    told = json.loads(again.stdout)
    expected = {
        "index": index_of(folder),
        "bundle": BUNDLE,
        "kept": True,
        "artifacts": [*NAMES],
    }
    assert (0, expected) == (again.returncode, told)
    other = ("--builder-id", "https://ci.example/other")
    refused = attest(folder, server, *other)
    assert (2, True) == (refused.returncode, "--force replaces it" in refused.stderr)
    assert before == (folder / BUNDLE).read_bytes()
    assert 0 == attest(folder, server, *other, "--force").returncode
    assert before != (folder / BUNDLE).read_bytes()
    (folder / BUNDLE).write_text("{}")
    assert 2 == attest(folder, server).returncode


def test_a_run_goes_on_with_what_another_has_left(
    folder: Path, server: ServerProcess
) -> None:
    assert 0 == attest(folder, server).returncode
    index, document = index_of(folder), json.loads((folder / BUNDLE).read_bytes())
    # As a death before the bundle was written leaves it.
    waiting = folder / f".{BUNDLE}.next"
    waiting.write_text(json.dumps(document["dsseEnvelope"]))
    (folder / BUNDLE).unlink()
    assert 0 == attest(folder, server).returncode
    assert (index, False) == (index_of(folder), waiting.exists())


def test_what_no_log_would_take_is_refused_before_it_is_signed(
    tmp_path: Path, server: ServerProcess
) -> None:
    folder = prepared(tmp_path, "ed25519-pem")
    refused = attest(folder, server)
    assert 2 == refused.returncode
    assert "make one with tlog keygen --type p256" in refused.stderr
    assert not (folder / BUNDLE).exists()


def test_a_log_that_takes_none_of_it_is_told_with_the_next_step(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serving(tmp_path_factory.mktemp("native") / "log") as native:
        refused = tlog(
            folder,
            *("attest", *NAMES, "--key", "release.key", "--log", native.url),
            *("--policy", native.folder / "policy", "--bundle", BUNDLE),
        )
    assert 1 == refused.returncode
    assert "serve it with --sigstore, or attest without --bundle" in refused.stderr
    assert not (folder / BUNDLE).exists()


def test_a_log_that_makes_no_such_entries_is_told_with_the_next_step(
    folder: Path, server: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kind = ("--entry-kind", "dsse")
    refused = attest(folder, server, *kind)
    assert 1 == refused.returncode
    assert "served with --sigstore-dsse legacy" in refused.stderr
    assert "or attest without --entry-kind dsse" in refused.stderr
    assert not (folder / BUNDLE).exists()
    # The envelope waits: what the log made of it is the other kind's entry.
    assert 0 == attest(folder, server).returncode
    assert f"as hashedrekord, in entry {index_of(folder)};" in refused.stderr
    (folder / BUNDLE).unlink()
    rejecting = ("--sigstore", "--sigstore-dsse", "reject")
    with serving(
        tmp_path_factory.mktemp("rejecting") / "log", *rejecting, origin="localhost"
    ) as log:
        refused = attest(folder, log, *kind)
    assert 1 == refused.returncode
    assert "this log takes no dsseRequestV002" in refused.stderr
    assert "served with --sigstore-dsse legacy" in refused.stderr
    assert not (folder / BUNDLE).exists()


@pytest.mark.skipif(shutil.which("cosign") is None, reason="cosign")
def test_cosign_verifies_it(folder: Path, server: ServerProcess) -> None:
    assert 0 == attest(folder, server).returncode
    root = server.folder.parent / "sigstore" / "trusted_root.json"

    def cosign(name: str) -> int:
        command = [
            *("cosign", "verify-blob-attestation", "--key", "release.key.pub"),
            *("--trusted-root", str(root), "--type", "slsaprovenance1"),
            *("--bundle", BUNDLE, name),
        ]
        own = {"HOME": str(folder), "TUF_ROOT": "no-tuf", "PATH": os.environ["PATH"]}
        return subprocess.run(
            command, cwd=folder, env=own, capture_output=True, check=False
        ).returncode

    assert [0, 0] == [cosign(name) for name in NAMES]
    (folder / NAMES[0]).write_bytes(b"another")
    assert 1 == cosign(NAMES[0])


def verify_by_js(folder: Path, server: ServerProcess) -> tuple[int, str]:
    root = server.folder.parent / "sigstore" / "trusted_root.json"
    done = node(KEYED, root, folder / "release.key.pub", folder / BUNDLE)
    return done.returncode, done.stderr


def test_the_javascript_verifier_verifies_it(
    folder: Path, server: ServerProcess
) -> None:
    if not knows_our_entries():
        pytest.skip("@sigstore/verify 4 for node")
    assert 0 == attest(folder, server).returncode
    assert (0, "") == verify_by_js(folder, server)
    document = json.loads((folder / BUNDLE).read_bytes())
    place = document["dsseEnvelope"]["signatures"][0]
    place["sig"] = b64(flip(base64.b64decode(place["sig"]), 99))
    (folder / BUNDLE).write_text(json.dumps(document))
    assert 1 == verify_by_js(folder, server)[0]
