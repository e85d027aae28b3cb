"""Attest with a real log, stop the log, verify with nothing but files."""

import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import warm
from tests.system.server import (
    COMMAND,
    ServerProcess,
    environment,
    run_tlog,
    serving,
)
from tests.tlog.attest.repositories import git, repository
from tests.tlogverify.refusal import flip

REMOTE = "https://git.example/team/app"
BUILDER = "urn:tlog:builder:local"
SLSA = "https://slsa.dev/provenance/v1"
NAMES = ("app.whl", "app.tar.gz")


def plain_environment() -> dict[str, str]:
    """Return what a command needs; other variables could look secret, and be told."""
    return {
        name: value
        for name, value in environment().items()
        if name in {"PATH", "HOME", "LANG", "TMPDIR"}
        or name.startswith(("PYTHON", "COV", "SSL_"))
    }


def tlog(
    folder: Path, *arguments: str | Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, outside of any CI system."""
    given = plain_environment() | variables
    return warm.run([*COMMAND, *arguments], environment=given, folder=folder)


def rules_text(*, builder: str = BUILDER, source: str = f"git+{REMOTE}") -> str:
    return (
        f'predicate_types = ["{SLSA}"]\nbuilders = ["{builder}"]\n'
        f'sources = ["{source}"]\n[[keys]]\nfile = "release.key.pub"\n'
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("attest") / "log") as running:
        yield running


def prepared(folder: Path, key_type: str = "p256") -> Path:
    """Lay a repository with artifacts and a key."""
    repository(folder)
    git(folder, "config", "remote.origin.url", REMOTE)
    for name in NAMES:
        (folder / name).write_bytes(name.encode() + os.urandom(8))
    (folder / "uv.lock").write_text("version = 1\n")
    (folder / "RULES.toml").write_text(rules_text())
    made = tlog(folder, "keygen", "release", "--type", key_type, "--out", "release.key")
    assert 0 == made.returncode, made.stderr
    assert made.stdout.startswith("sha256:")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return prepared(tmp_path)


def attest(
    folder: Path, server: ServerProcess, *arguments: str | Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    return tlog(
        folder,
        *("attest", *NAMES, "--key", "release.key", "--log", server.url),
        *("--policy", server.folder / "policy", *arguments),
        **variables,
    )


@pytest.fixture(scope="module")
def attested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of attested artifacts whose log is stopped for ever; to be copied."""
    folder = prepared(tmp_path_factory.mktemp("attested"))
    place = tmp_path_factory.mktemp("stopped")
    with serving(place / "log") as running:
        done = attest(folder, running)
        assert (0, "") == (done.returncode, done.stderr)
        shutil.copy(running.folder / "policy", folder / "policy")
        assert 0 == running.terminate()
    return folder


def verify(
    folder: Path, name: str = NAMES[0], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return tlog(
        folder,
        *("verify", name, "--policy", "policy", "--rules", "RULES.toml"),
        *("--attestation", f"{NAMES[0]}.intoto.jsonl", *arguments),
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_was_attested_is_proven_when_the_log_is_gone(
    attested: Path, name: str
) -> None:
    done = verify(attested, name)
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout == (
        f"{name}: proven, entry 0 of 1 in log.example/system, attested: built by "
        f"{BUILDER} from git+{REMOTE}\n"
    )
    said = json.loads(verify(attested, name, "--json").stdout)
    assert (True, BUILDER, SLSA) == (
        said["proven"],
        said["builder"],
        said["predicate_type"],
    )
    assert sorted(NAMES) == sorted(said["subjects"])


def test_the_verifier_alone_proves_it_too(attested: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tlogverify", NAMES[0], "--policy", "policy"),
            *("--rules", "RULES.toml", "--attestation", f"{NAMES[0]}.intoto.jsonl"),
        ],
        cwd=attested,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize(
    ("file", "change", "why"),
    [
        (NAMES[0], lambda it: flip(it, 5), "does not name"),
        (f"{NAMES[0]}.intoto.jsonl", lambda it: it + b"\n", "another attestation"),
        (
            f"{NAMES[0]}.intoto.jsonl",
            lambda it: it.replace(b'"sig":"ME', b'"sig":"MF'),
            "of the trusted keys signed",
        ),
        (
            "RULES.toml",
            lambda _: rules_text(builder="https://b.example").encode(),
            "the builder is not allowed: urn:tlog:builder:local",
        ),
        (
            "RULES.toml",
            lambda _: rules_text(source=f"git+{REMOTE}x").encode(),
            f"the source is not allowed: git+{REMOTE}",
        ),
        (
            "RULES.toml",
            lambda it: b"threshold = 2\n" + it,
            "threshold",
        ),
    ],
)
def test_one_change_is_refused_in_one_line(
    attested: Path,
    tmp_path: Path,
    file: str,
    change: Callable[[bytes], bytes],
    why: str,
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(attested, folder)
    path = folder / file
    path.write_bytes(change(path.read_bytes()))
    done = verify(folder)
    assert done.returncode == (2 if why == "threshold" else 1)
    assert why in done.stderr
    assert 1 == done.stderr.count("\n")
    assert "" == done.stdout


@pytest.mark.parametrize("key_type", ["p256", "ed25519-pem"])
def test_an_attestation_is_found_by_digest_and_key(
    server: ServerProcess, tmp_path: Path, key_type: str
) -> None:
    folder = prepared(tmp_path, key_type)
    said = json.loads(attest(folder, server, "--json").stdout)
    assert (False, []) == (said["kept"], said["left_out"])
    again = json.loads(attest(folder, server, "--json").stdout)
    assert (True, said["index"], said["sha256"]) == (
        again["kept"],
        again["index"],
        again["sha256"],
    )
    server.wait_until_searchable(said["index"] + 1)
    # The key that has signed them all is a question too: what its theft would touch.
    by_key: tuple[str | Path, ...] = ("--key", folder / "release.key.pub")
    for sought in (
        (folder / NAMES[1],),
        (f"sha256:{said['sha256']}",),
        by_key,
    ):
        found = run_tlog(
            *("search", *sought, "--log", server.url),
            *("--policy", server.folder / "policy"),
        )
        assert "1 entry" in found.stdout


def test_a_run_that_is_killed_at_the_log_is_gone_on_with(
    folder: Path, server: ServerProcess
) -> None:
    """What listens here never answers: when it is asked, the envelopes are written."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        command = [
            *(sys.executable, "-m", "tlog", "attest", *NAMES, "--key", "release.key"),
            *("--policy", str(server.folder / "policy")),
            *("--log", f"http://127.0.0.1:{silent.getsockname()[1]}"),
        ]
        with subprocess.Popen(command, cwd=folder, env=plain_environment()) as running:
            try:
                connection, _ = silent.accept()
                assert connection.recv(1)
                left = [(folder / f"{it}.intoto.jsonl").read_bytes() for it in NAMES]
            finally:
                running.kill()
        connection.close()
    assert left[0] == left[1]
    assert not (folder / f"{NAMES[0]}.tlog-proof").exists()
    said = json.loads(attest(folder, server, "--json").stdout)
    assert (True, hashlib.sha256(left[0]).hexdigest()) == (said["kept"], said["sha256"])
    shutil.copy(server.folder / "policy", folder / "policy")
    assert [0, 0] == [verify(folder, name).returncode for name in NAMES]


def test_a_dry_run_prints_the_statement_and_writes_nothing(folder: Path) -> None:
    before = sorted(folder.iterdir())
    done = tlog(
        folder, "attest", *NAMES, "--dry-run", "--started", "2026-01-01T00:00:00Z"
    )
    assert (0, "") == (done.returncode, done.stderr)
    statement = json.loads(done.stdout)
    assert list(NAMES) == [it["name"] for it in statement["subject"]]
    details = statement["predicate"]["runDetails"]
    assert "2026-01-01T00:00:00Z" == details["metadata"]["startedOn"]
    assert before == sorted(folder.iterdir())


def test_secrets_of_the_environment_are_left_out_and_told(
    folder: Path, server: ServerProcess
) -> None:
    token, secret = "gl" + "pat-ABCDEFGHIJKLMNOPQRST", "hunter2-hunter2"
    done = attest(
        *(folder, server),
        GITLAB_CI="true",
        CI_PROJECT_URL="https://gitlab.example/team/app",
        CI_JOB_NAME=f"deploy {token}",
        DEPLOY_PASSWORD=secret,
        CI_CONFIG_PATH=f"{secret}.yml",
    )
    assert 0 == done.returncode
    assert "left out: DEPLOY_PASSWORD: its name looks secret" in done.stderr
    assert "externalParameters.job: it looks like a secret: GitLab" in done.stderr
    assert "externalParameters.config: it holds the value of a secret" in done.stderr
    written = (folder / f"{NAMES[0]}.intoto.jsonl").read_bytes()
    payload = json.loads(written)["payload"]
    shown = done.stdout + done.stderr + base64.b64decode(payload).decode()
    assert token not in shown
    assert secret not in shown


def test_a_predicate_of_somebody_else_is_signed_as_it_is(
    folder: Path, server: ServerProcess
) -> None:
    (folder / "sbom.json").write_text('{"spdxVersion": "SPDX-2.3", "n": 1.5}')
    kind = "https://spdx.dev/Document/v2.3"
    done = attest(folder, server, "--predicate", "sbom.json", "--type", kind)
    assert (0, "") == (done.returncode, done.stderr)
    (folder / "RULES.toml").write_text(
        f'predicate_types = ["{kind}"]\n[[keys]]\nfile = "release.key.pub"\n'
    )
    shutil.copy(server.folder / "policy", folder / "policy")
    verified = verify(folder)
    assert 0 == verified.returncode
    assert f"attested: {kind}" in verified.stdout


def test_a_predicate_with_a_secret_is_not_signed(
    folder: Path, server: ServerProcess
) -> None:
    token = "gh" + "p_16C7e42F292c6912E7710c838347Ae178B4a"
    (folder / "p.json").write_text(json.dumps({"env": {"x": [token]}}))
    done = attest(folder, server, "--predicate", "p.json", "--type", "t:1")
    assert 2 == done.returncode
    assert "the predicate's env.x[0]: it looks like a secret: GitHub" in done.stderr
    assert token not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--predicate", "p.json"), "--predicate and --type go together"),
        (("--type", "t:1"), "--predicate and --type go together"),
        (("--started", "now"), "RFC 3339"),
        (("--predicate", "uv.lock", "--type", "t:1"), "JSON object"),
        (
            ("--predicate", "uv.lock", "--type", "t:1", "--started", "x"),
            "are for what is captured",
        ),
        (("--key", "open.key"), "must have mode 0600"),
        (("--key", "release.key.pub"), "is a public key: --key takes the private key"),
        (("--key", "missing"), "No such file"),
        (("--token-file", "missing"), "No such file"),
        (("--token-file", "latin1"), "a token must be UTF-8"),
        (("--predicate", "deep.json", "--type", "t:1"), "nested deeper than 256"),
        (("--predicate", "deep.json", "--type", "t"), "--type is a URI"),
        (("--predicate", "deep.json", "--type", "t", "--dry-run"), "--type is a URI"),
        (
            ("--predicate", "deep.json", "--type", "t:x?" + "token=abcdefgh"),
            "--type: it looks like a secret",
        ),
        (("--predicate", "release.key", "--type", "t:1"), "one JSON object"),
        (("--builder-id", "hunter2 x"), "a builder's id is a URI"),
    ],
)
def test_what_cannot_be_used_is_said_and_writes_nothing(
    folder: Path, server: ServerProcess, arguments: tuple[str, ...], why: str
) -> None:
    (folder / "latin1").write_bytes(b"hunter2\xe9")
    (folder / "open.key").write_bytes((folder / "release.key").read_bytes())
    (folder / "open.key").chmod(0o644)
    (folder / "deep.json").write_text('{"a":' + "[" * 260 + "1" + "]" * 260 + "}")
    before = sorted(folder.iterdir())
    done = attest(folder, server, *arguments)
    assert 2 == done.returncode
    assert why in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
    assert before == sorted(folder.iterdir())


def test_key_and_log_are_needed(folder: Path) -> None:
    done = tlog(folder, "attest", NAMES[0])
    assert 2 == done.returncode
    assert "--log and --key are needed" in done.stderr


def test_outputs_of_the_last_run_are_no_artifacts(folder: Path) -> None:
    output = f"{NAMES[0]}.intoto.jsonl"
    done = tlog(folder, "attest", NAMES[0], output, "x.tlog-proof", "--dry-run")
    assert 0 == done.returncode
    assert 2 == done.stderr.count("passed over: ")
    assert [NAMES[0]] == [it["name"] for it in json.loads(done.stdout)["subject"]]
    refused = tlog(folder, "attest", output, "--dry-run")
    assert 2 == refused.returncode
    assert "there is no artifact" in refused.stderr


@pytest.mark.parametrize("out", [".", "/"])
@pytest.mark.parametrize("key_type", ["p256", "ed25519"])
def test_a_folder_is_no_name_of_a_key(tmp_path: Path, out: str, key_type: str) -> None:
    done = tlog(tmp_path, "keygen", "x", "--type", key_type, "--out", out)
    assert (2, 1) == (done.returncode, done.stderr.count("\n"))


@pytest.mark.parametrize("password", ["x" * 1024, "\udce9hunter2"])
def test_a_password_that_no_key_can_have_is_refused_in_one_line(
    folder: Path, server: ServerProcess, password: str
) -> None:
    making = ("keygen", "x", "--type", "p256", "--out", "x.key")
    for done in (
        tlog(folder, *making, TLOG_KEY_PASSWORD=password),
        attest(folder, server, TLOG_KEY_PASSWORD=password),
    ):
        assert (2, 1) == (done.returncode, done.stderr.count("\n"))
        assert "hunter2" not in done.stderr
    assert not (folder / "x.key").exists()


def test_an_encrypted_key_opens_by_the_environment_alone(
    folder: Path, server: ServerProcess
) -> None:
    password = "correct horse battery"
    for path in (folder / "release.key", folder / "release.key.pub"):
        path.unlink()
    made = tlog(
        *(folder, "keygen", "release", "--type", "p256", "--out", "release.key"),
        "--json",
        TLOG_KEY_PASSWORD=password,
    )
    assert {"signer", "private_key_file", "public_key_file"} == set(
        json.loads(made.stdout)
    )
    assert b"ENCRYPTED" in (folder / "release.key").read_bytes()
    refused = attest(folder, server)
    assert 2 == refused.returncode
    assert "is encrypted: set TLOG_KEY_PASSWORD" in refused.stderr
    done = attest(folder, server, TLOG_KEY_PASSWORD=password)
    assert 0 == done.returncode
    assert password not in done.stdout + done.stderr
