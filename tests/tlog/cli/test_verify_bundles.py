"""`tlog verify` by a bundle and a trusted root: words, JSON, status, next steps."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.system.server import environment
from tests.tlog.bundles.world import (
    ARTIFACT,
    EMAIL,
    ISSUER,
    V03,
    World,
    pem_of,
)
from tests.tlogverify.sigstore.documents import MATERIAL, MISSING, changed
from tlog.cli import main
from tlog.trial.certificates import new_key
from tlogverify.keys import VerifierKey

WHO = ("--identity", EMAIL, "--issuer", ISSUER)
BY = ("--bundle", "bundle", "--trusted-root", "root.json")


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(autouse=True)
def folder(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "release").write_bytes(ARTIFACT)
    (tmp_path / "root.json").write_text(json.dumps(world.root))
    (tmp_path / "key.pub").write_bytes(pem_of(world.key))
    (tmp_path / "bundle").write_text(json.dumps(world.message(der=world.der)))
    log = world.new_log.actor.key
    (tmp_path / "policy").write_text(f"log {log.encode()}\nquorum none\n")
    other = VerifierKey("other.example", log.key_type, log.public_bytes)
    (tmp_path / "other").write_text(f"log {other.encode()}\nquorum none\n")
    monkeypatch.delenv("TLOG_POLICY", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def verify(capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, str, str]:
    status = main(["verify", "release", *flags])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_certificate_is_proven_by_a_trusted_root(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, err = verify(capsys, *BY, *WHO)
    assert (0, "") == (status, err)
    assert out.startswith("release: proven, entry 3 of 7 in log.example; signed with c")
    assert out.endswith(f" of {EMAIL}, issuer {ISSUER}\n")
    status, out, _ = verify(capsys, *BY, *WHO, "--json")
    told: dict[str, Any] = json.loads(out)
    judged = ["signature", "artifact", "log", "certificate", "identity", "timestamps"]
    assert (judged, [], []) == (told["judged"], told["not_judged"], told["witnesses"])
    assert [EMAIL] == told["signers"][0]["identities"]


def test_a_policy_beside_a_trusted_root_must_hold_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 0 == verify(capsys, *BY, *WHO, "--policy", "policy")[0]
    status, _, err = verify(capsys, *BY, *WHO, "--policy", "other")
    assert (1, True) == (status, "no trusted log key of 'log.example'" in err)
    monkeypatch.setenv("TLOG_POLICY", "other")
    assert 1 == verify(capsys, *BY, *WHO)[0]


def test_a_certificate_without_its_judge_is_not_proven(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, err = verify(capsys, "--bundle", "bundle", "--policy", "policy")
    assert (1, "") == (status, out)
    assert "not proven: nobody judged the certificate" in err


def test_another_person_is_not_proven(capsys: pytest.CaptureFixture[str]) -> None:
    other = ("--identity", "other@tests.example", "--issuer", ISSUER)
    status, out, err = verify(capsys, *BY, *other)
    assert (1, "") == (status, out)
    assert err.startswith("release: not proven: the certificate or its time is not")


def test_a_key_is_proven_by_a_trusted_root(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for document in (world.message(), world.old_message(V03, None)):
        (folder / "bundle").write_text(json.dumps(document))
        assert 0 == verify(capsys, *BY, "--key", "key.pub")[0]
        (folder / "other.pub").write_bytes(pem_of(new_key()))
        assert 1 == verify(capsys, *BY, "--key", "other.pub")[0]
    (folder / "bundle").write_text(json.dumps(world.message()))
    status, out, _ = verify(capsys, *BY, "--key", "key.pub", "--policy", "policy")
    assert (0, True) == (status, out.endswith("; not judged: timestamps\n"))


def test_a_promise_is_judged_and_shows_no_inclusion(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = world.old_message(
        "application/vnd.dev.sigstore.bundle+json;version=0.1", None
    )
    (folder / "bundle").write_text(json.dumps(old))
    status, out, _ = verify(capsys, *BY, "--key", "key.pub", "--json")
    assert (0, "promises") == (status, json.loads(out)["judged"][-1])
    alone = changed(old, (*MATERIAL, "tlogEntries", 0, "inclusionProof"), MISSING)
    (folder / "bundle").write_text(json.dumps(alone))
    status, _, err = verify(capsys, *BY, "--key", "key.pub")
    assert (1, True) == (status, "a log's promise alone, which proves" in err)


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ((), "--policy FILE is needed: whom to trust"),
        (("--bundle", "bundle"), "--policy FILE is needed: whom to trust"),
        (WHO, "--identity and --issuer go with --trusted-root FILE"),
        (("--trusted-root", "root.json"), "--trusted-root is for a bundle"),
        ((*BY, "--proof", "p"), "it goes without --proof"),
        (BY, "say whom it must name, by --identity NAME and --issuer URL"),
        ((*BY, "--identity", EMAIL), "say whom it must name"),
        ((*BY, *WHO, "--key", "key.pub"), "they go without --key"),
        ((*BY, "--key", "key.pub"), "signed with a certificate: it is verified with"),
        (("--bundle", "bundle", "--trusted-root", "bundle"), "a trusted root is appl"),
        (("--bundle", "bundle", "--trusted-root", "none"), "none: No such file"),
        (("--bundle", "root.json", "--trusted-root", "root.json"), "no member of this"),
    ],
)
def test_what_cannot_be_judged_is_told_with_the_next_step(
    capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], why: str
) -> None:
    status, out, err = verify(capsys, *flags)
    assert (2, "") == (status, out)
    assert (why in err, err.count("\n")) == (True, 1), err


# Runs a command line on a machine that lacks the library.
LACKING = """
import sys
sys.modules["sigstore"] = None
from tlog.cli import main
sys.exit(main())
"""


def test_a_missing_extra_is_told_in_one_line(folder: Path) -> None:
    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", LACKING, "verify", "release", *flags]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env=environment(),
        )

    done = run(*BY, *WHO)
    expected = (
        "tlog verify: a certificate is judged by sigstore-python: pip install "
        "'tlog-server[sigstore]'\n"
    )
    assert (2, "", expected) == (done.returncode, done.stdout, done.stderr)
    assert 1 == run("--bundle", "bundle", "--policy", "policy").returncode
