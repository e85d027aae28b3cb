"""The commands as people and scripts run them: processes, exit codes, messages."""

import base64
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.system.load import entry
from tests.system.server import (
    NotServingError,
    ServerProcess,
    run_tlog,
    serving,
)
from tests.tlogverify.refusal import flip
from tlogverify import Proof


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all tests that only talk to it."""
    with serving(tmp_path_factory.mktemp("cli") / "log") as running:
        yield running


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "app.whl"
    path.write_bytes(os.urandom(100))
    return path


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 300 entries that was served and stopped; to be copied."""
    folder = tmp_path_factory.mktemp("stopped") / "log"
    files = [folder.parent / f"{number}.bin" for number in range(300)]
    for number, file in enumerate(files):
        file.write_text(f"{number}")
    with serving(folder) as server:
        policy = folder / "policy"
        done = run_tlog("submit", *files, "--log", server.url, "--policy", policy)
        assert 0 == done.returncode, done.stderr
        assert 0 == server.terminate()
    return folder


@pytest.fixture
def folder(stopped: Path, tmp_path: Path) -> Path:
    copied = tmp_path / "log"
    shutil.copytree(stopped, copied)
    return copied


def refusal(folder: Path, *arguments: str, origin: str = "") -> NotServingError:
    """Try to serve a folder; return how that ended."""
    server = ServerProcess(folder, *arguments, origin=origin)
    try:
        with pytest.raises(NotServingError) as refused:
            server.start()
    finally:
        server.end()
    assert "Traceback" not in refused.value.stderr
    return refused.value


def test_a_file_is_submitted_verified_and_found(
    server: ServerProcess, artifact: Path
) -> None:
    policy = server.folder / "policy"
    common = ("--log", server.url, "--policy", policy)
    done = run_tlog("submit", artifact, *common)
    assert (0, "") == (done.returncode, done.stderr)
    assert f"{artifact}: entry " in done.stdout
    done = run_tlog("verify", artifact, "--policy", policy)
    assert 0 == done.returncode
    assert "proven" in done.stdout
    proof = Proof.read(artifact.with_name("app.whl.tlog-proof"))
    server.wait_until_searchable(proof.index + 1)
    done = run_tlog("search", artifact, *common)
    assert 0 == done.returncode
    assert "1 entry" in done.stdout


def test_a_file_submitted_again_has_the_same_index(
    server: ServerProcess, artifact: Path
) -> None:
    policy = server.folder / "policy"
    command = ("submit", artifact, "--log", server.url, "--json", "--policy", policy)
    first, second = (json.loads(run_tlog(*command).stdout) for _ in range(2))
    assert first == second
    assert str(artifact) == first["file"]
    assert Path(first["proof"]).exists()


def test_a_signer_in_pem_is_the_signer_in_der(
    server: ServerProcess, artifact: Path
) -> None:
    der = artifact.with_name("signer.der")
    der.write_bytes(b"\x30" + os.urandom(90))
    lines = base64.encodebytes(der.read_bytes())
    pem = artifact.with_name("signer.pem")
    pem.write_bytes(
        b"-----BEGIN PUBLIC KEY-----\n" + lines + b"-----END PUBLIC KEY-----\n"
    )
    base = ("submit", "--log", server.url, "--policy", server.folder / "policy")
    told = [
        json.loads(run_tlog(*base, "--json", artifact, "--signer", it).stdout)["index"]
        for it in (der, pem)
    ]
    assert told[0] == told[1]


def test_a_private_key_is_no_signer(server: ServerProcess, artifact: Path) -> None:
    pem = artifact.with_name("private.pem")
    pem.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    base = ("submit", "--log", server.url, "--policy", server.folder / "policy")
    refused = run_tlog(*base, artifact, "--signer", pem)
    assert 2 == refused.returncode
    assert "private key" in refused.stderr
    assert not artifact.with_name(f"{artifact.name}.tlog-proof").exists()


def test_a_logs_own_folder_is_not_what_is_monitored(
    server: ServerProcess, tmp_path: Path
) -> None:
    base = ("monitor", "--policy", server.folder / "policy", "--once")
    refused = run_tlog(*base, "--log", server.folder, "--state", tmp_path / "state")
    assert 2 == refused.returncode
    assert "public/" in refused.stderr


def test_a_search_without_a_hit_ends_with_1(
    server: ServerProcess, artifact: Path
) -> None:
    done = run_tlog(
        "search", artifact, "--log", server.url, "--policy", server.folder / "policy"
    )
    assert 1 == done.returncode
    assert "no entries" in done.stdout


def test_another_file_is_not_proven(server: ServerProcess, artifact: Path) -> None:
    policy = server.folder / "policy"
    run_tlog("submit", artifact, "--log", server.url, "--policy", policy)
    artifact.write_bytes(b"another")
    done = run_tlog("verify", artifact, "--policy", policy, "--json")
    assert 1 == done.returncode
    assert json.loads(done.stdout)["proven"] is False
    assert "not proven" in done.stderr


def test_a_proof_that_is_none_is_unusable(
    server: ServerProcess, artifact: Path
) -> None:
    policy = server.folder / "policy"
    assert 2 == run_tlog("verify", artifact, "--policy", policy).returncode
    artifact.with_name("app.whl.tlog-proof").write_bytes(b"nonsense")
    done = run_tlog("verify", artifact, "--policy", policy)
    assert 2 == done.returncode
    assert "unusable input" in done.stderr


def test_another_logs_policy_proves_nothing(
    server: ServerProcess, artifact: Path, folder: Path
) -> None:
    done = run_tlog(
        "submit", artifact, "--log", server.url, "--policy", folder / "policy"
    )
    assert 1 == done.returncode
    assert not artifact.with_name("app.whl.tlog-proof").exists()


@pytest.mark.parametrize("url", ["localhost:1", "ftp://a.example", "nonsense", ""])
def test_a_url_that_is_none_is_unusable_input(
    folder: Path, artifact: Path, url: str
) -> None:
    done = run_tlog("submit", artifact, "--log", url, "--policy", folder / "policy")
    assert 2 == done.returncode
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_unusable_input(server: ServerProcess) -> None:
    done = run_tlog("submit", "/nowhere/app.whl", "--log", server.url)
    assert 2 == done.returncode
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("key_type", ["ed25519", "mldsa44", "witness"])
def test_a_key_is_made_once(tmp_path: Path, key_type: str) -> None:
    out = tmp_path / "key"
    command = ("keygen", "--type", key_type, "w.example", "--out", out, "--json")
    done = run_tlog(*command)
    assert 0 == done.returncode
    assert str(out) == json.loads(done.stdout)["private_key_file"]
    assert 0o600 == out.stat().st_mode & 0o777
    content = out.read_bytes()
    assert 2 == run_tlog(*command).returncode
    assert content == out.read_bytes()


def test_a_key_name_with_a_plus_sign_is_refused(tmp_path: Path) -> None:
    done = run_tlog("keygen", "a+b", "--out", tmp_path / "key")
    assert 2 == done.returncode
    assert not (tmp_path / "key").exists()


def test_a_whole_folder_passes_fsck(folder: Path) -> None:
    assert 0 == run_tlog("fsck", folder).returncode


DAMAGE = [
    ("public/tile/0/000", "flip"),
    ("public/tile/0/000", "delete"),
    ("public/tile/0/001.p/44", "flip"),
    ("public/tile/1/000.p/1", "delete"),
    ("public/tile/entries/000", "flip"),
    ("public/tile/entries/001.p/44", "delete"),
    ("public/checkpoint", "flip"),
    ("public/checkpoint", "delete"),
    ("journal.db", "delete"),
]


@pytest.mark.parametrize(("path", "damage"), DAMAGE)
def test_fsck_names_the_damaged_place(folder: Path, path: str, damage: str) -> None:
    file = folder / path
    if damage == "flip":
        file.write_bytes(flip(file.read_bytes(), 8 * 50))
    else:
        file.unlink()
    done = run_tlog("fsck", folder)
    assert 1 == done.returncode
    assert Path(path).name.partition(".p")[0] in done.stderr
    assert "Traceback" not in done.stderr


def test_fsck_of_a_folder_that_is_served_is_refused(server: ServerProcess) -> None:
    done = run_tlog("fsck", server.folder)
    assert 2 == done.returncode
    assert "another process holds" in done.stderr


def test_a_second_server_on_a_folder_is_refused(server: ServerProcess) -> None:
    error = refusal(server.folder)
    assert 2 == error.status
    assert "another process holds" in error.stderr


def test_a_newer_format_is_refused(folder: Path) -> None:
    (folder / "format").write_text("2\n")
    error = refusal(folder)
    assert 2 == error.status
    assert "install a newer tlog-server" in error.stderr


def test_a_key_that_others_may_read_is_refused(folder: Path) -> None:
    (folder / "keys" / "log.ed25519").chmod(0o644)
    error = refusal(folder)
    assert 2 == error.status
    assert "must have mode 0600" in error.stderr


def test_another_origin_is_refused(folder: Path) -> None:
    error = refusal(folder, origin="other.example/log")
    assert 2 == error.status
    assert "the log in this folder is log.example/system" in error.stderr


def test_a_new_log_needs_an_origin(tmp_path: Path) -> None:
    error = refusal(tmp_path / "log")
    assert 2 == error.status
    assert "--origin" in error.stderr


def test_a_missing_key_of_a_log_with_a_journal_is_refused(folder: Path) -> None:
    (folder / "keys" / "log.ed25519").unlink()
    error = refusal(folder)
    assert 1 == error.status
    assert "is missing, but the log has signed" in error.stderr


def test_a_damaged_folder_is_refused(folder: Path) -> None:
    (folder / "journal.db").unlink()
    error = refusal(folder)
    assert 1 == error.status
    assert "a checkpoint is public" in error.stderr


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:x", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, listen: str) -> None:
    error = refusal(tmp_path / "log", "--listen", listen, origin="a.example")
    assert 2 == error.status
    assert not (tmp_path / "log").exists()


def test_an_address_that_is_taken_is_refused(
    server: ServerProcess, folder: Path
) -> None:
    address = server.url.removeprefix("http://")
    error = refusal(folder, "--listen", address)
    assert 2 == error.status
    assert "address already in use" in error.stderr


def test_a_deleted_index_is_made_anew(folder: Path) -> None:
    shutil.rmtree(folder / "index")
    with serving(folder, origin="") as server:
        policy = folder / "policy"
        known = folder.parent / "known.bin"
        known.write_text("7")
        common = ("--log", server.url, "--policy", policy)
        assert 0 == run_tlog("search", known, *common).returncode
        done = run_tlog("submit", known, *common, "--json")
        assert 7 == json.loads(done.stdout)["index"]
        assert 0 == server.terminate()
    assert 0 == run_tlog("fsck", folder).returncode


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_requests_in_flight_be_answered(
    tmp_path: Path, number: signal.Signals
) -> None:
    with serving(tmp_path / "log") as server:
        many = [entry(f"flight {at}") for at in range(10_000)]
        body = b'{"entries":[' + b",".join(many) + b"]}"

        async def body_with_signal() -> AsyncIterator[bytes]:
            # The server has said that the body may come, so it has begun to read the
            # request when the signal comes, and may hear of the signal before or after
            # it has read the last byte.
            yield body[:-1]
            server.send(number)
            yield body[-1:]

        # Of known length: nothing is written behind the last byte, which a server that
        # has refused the request would answer by a reset.
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        }
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(
                f"{server.url}/api/v1/entries",
                data=body_with_signal(),
                expect100=True,
            ) as answer,
        ):
            if answer.status == 201:
                stored = len((await answer.json())["entries"])
                assert 10_000 == stored
            else:
                stored = 0
                refused = await answer.json()
                assert (503, "busy") == (answer.status, refused["type"])
                assert "Retry-After" in answer.headers
        assert 0 == server.wait()
    done = run_tlog("fsck", tmp_path / "log", "--json")
    assert (0, stored) == (done.returncode, json.loads(done.stdout)["signed_size"])
