"""`tlog sigstore-try`: a stranger follows docs/sigstore.md with what it prints."""

import json
import os
import signal
import stat
import subprocess
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support import warm
from tests.system.server import COMMAND, environment, run_tlog, serving


def started(folder: Path, *arguments: str) -> warm.Running:
    command = [*COMMAND, "sigstore-try", str(folder), "--json", *arguments]
    return warm.start(
        command, environment=environment(), stdout=subprocess.PIPE, folder=folder
    )


def test_what_it_prints_is_all_that_signing_and_verifying_needs(tmp_path: Path) -> None:
    app = tmp_path / "app.tar"
    app.write_text("any file will do")
    with started(tmp_path, "--identity", "you@example.org") as trial:
        assert trial.stdout is not None
        told = json.loads(trial.stdout.readline())
        assert told["trial"].startswith("FOR TRIAL ONLY")
        token = tmp_path / "token"
        assert 0o600 == stat.S_IMODE(token.stat().st_mode)
        with serving(tmp_path / "log", "--sigstore", origin="localhost") as server:
            log = ("--log", server.url.replace("127.0.0.1", "localhost"))
            policy = ("--policy", server.folder / "policy")
            out = ("--out", tmp_path / "out")
            made = run_tlog("sigstore-config", *log, *policy, *out, *told["flags"])
            assert 0 == made.returncode, made.stderr
            trust = ("--trust-config", tmp_path / "out" / "client_trust_config.json")
            client = [COMMAND[0], "-m", "sigstore", *map(str, trust)]
            known = {**environment(), "SIGSTORE_IDENTITY_TOKEN": token.read_text()}
            for who, status in (("you@example.org", 0), ("me@example.org", 1)):
                if not (tmp_path / "app.tar.sigstore.json").exists():
                    done = warm.run([*client, "sign", str(app)], environment=known)
                    assert 0 == done.returncode, done.stderr
                identity = ("--cert-identity", who, "--cert-oidc-issuer")
                verify = [*client, "verify", "identity", *identity, told["issuer"]]
                done = warm.run([*verify, str(app)], environment=known)
                assert status == done.returncode, done.stderr
        trial.send_signal(signal.SIGTERM)
    assert 0 == trial.returncode


def test_who_shows_no_token_of_it_gets_no_certificate(tmp_path: Path) -> None:
    with started(tmp_path) as trial:
        assert trial.stdout is not None
        told = json.loads(trial.stdout.readline())
        target = f"{told['fulcio']}/api/v2/signingCert"
        # More than the system takes before anybody has read it.
        large = b" " * (8 << 20)
        for url, body, status in (
            (target, b"{", 400),
            (
                target,
                json.dumps({"credentials": {"oidcIdentityToken": "x"}}).encode(),
                400,
            ),
            (target, large, 413),
            (f"{target}s", large, 404),
        ):
            request = Request(url, body)  # noqa: S310 - a loopback server of ours
            with pytest.raises(HTTPError) as refused:
                urlopen(request)  # noqa: S310 - as above
            refused.value.close()
            assert status == refused.value.code
        trial.send_signal(signal.SIGINT)
    assert 0 == trial.returncode


def test_it_says_what_is_wrong(tmp_path: Path) -> None:
    done = run_tlog("sigstore-try", tmp_path, "--identity", "nobody")
    assert (2, True) == (done.returncode, "address of mail" in done.stderr)
    lacking = tmp_path / "lacking"
    lacking.mkdir()
    (lacking / "asn1crypto.py").write_text("raise ModuleNotFoundError(name=__name__)\n")
    known = environment()
    known["PYTHONPATH"] = os.pathsep.join([str(lacking), known["PYTHONPATH"]])
    done = subprocess.run(
        [*COMMAND, "sigstore-try", str(tmp_path)],
        env=known,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (2, True) == (done.returncode, "tlog-server[trial]" in done.stderr)
