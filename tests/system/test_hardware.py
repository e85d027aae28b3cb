"""A log and a witness whose keys never touch the disk, killed and restarted."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support import warm
from tests.support.hardware import PIN, Agent, SoftToken, make_token
from tests.support.records import json_body, record
from tests.system.server import (
    COMMAND,
    ServerProcess,
    WitnessProcess,
    environment,
)
from tlogverify.keys import parse_verifier_key

ORIGIN = "log.example/token"
NAME = "witness.example/token"
TYPE = "https://log.example/reviewed"


@pytest.fixture
def token(tmp_path: Path) -> SoftToken:
    return make_token(tmp_path / "soft")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    (tmp_path / "agent").mkdir()
    it = Agent(tmp_path / "agent")
    yield it
    it.end()


def run_with(token: SoftToken, *arguments: str | Path) -> CompletedProcess[str]:
    """Run a command that sees the token; it succeeds."""
    variables = {**environment(), **token.variables}
    done = warm.run([*COMMAND, *arguments], environment=variables, folder=None)
    assert 0 == done.returncode, done.stderr
    return done


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def ready(url: str) -> dict[str, Any]:
    """Return what `/readyz` says, with its status."""
    try:
        with urlopen(f"{url}/readyz") as answer:  # noqa: S310 - a loopback server
            return {"status": answer.status, **json.loads(answer.read())}
    except HTTPError as error:
        return {"status": error.code, **json.loads(error.read())}


def test_a_log_and_a_witness_whose_keys_no_disk_has(
    token: SoftToken, tmp_path: Path
) -> None:
    made = {}
    for name, kind, key in ((ORIGIN, "ed25519", "log"), (NAME, "witness", "wit")):
        keygen = ("keygen", name, "--type", kind, "--key", token.uri(key))
        made[key] = run_with(token, *keygen).stdout.strip()
    assert ORIGIN == parse_verifier_key(made["log"].encode()).name
    where = ("--ed25519-key", token.uri("wit"), "--keys", "ed25519")
    witness = WitnessProcess(
        tmp_path / "witness", "--log", made["log"], *where, origin=NAME
    )
    policy = tmp_path / "witnesses"
    flags = ("--ed25519-key", token.uri("log"), "--witness-policy", str(policy))
    log = ServerProcess(tmp_path / "log", *flags, origin=ORIGIN)
    artifact = tmp_path / "app"
    try:
        for server in (witness, log):
            server.variables = token.variables
        witness.start()
        assert [made["wit"]] == witness.told["verifier_keys"]
        for round_number in range(2):
            policy.write_text(f"witness w {made['wit']} {witness.url}\nquorum w\n")
            log.start()
            assert [made["log"]] == log.told["verifier_keys"]
            artifact.write_text(f"artifact {round_number}")
            trust = ("--policy", tmp_path / "log" / "policy")
            run_with(token, "submit", artifact, "--log", log.url, *trust, "--force")
            run_with(token, "verify", artifact, *trust)
            assert 200 == ready(log.url)["status"]
            for server in (log, witness):
                _require_no_pin(server)
                server.kill()
            witness.start()
            assert 1 == witness.told["heads"]
    finally:
        log.end()
        witness.end()
    for folder in (log.folder, witness.folder):
        assert [] == files_of(folder / "keys")
        assert [] == [it for it in files_of(folder) if b"PRIVATE" in it.read_bytes()]


def _require_no_pin(server: ServerProcess) -> None:
    """What others can list of a process does not show the PIN, nor do its lines."""
    process = Path(f"/proc/{server.pid}")
    for shown in (process / "cmdline", process / "environ"):
        assert PIN.encode() not in shown.read_bytes()
    assert PIN not in server.stderr
    assert PIN not in json.dumps(server.told)


def test_commits_wait_for_an_agent_that_has_ended(agent: Agent, tmp_path: Path) -> None:
    uri = agent.make_key()
    agent.start()
    log = ServerProcess(tmp_path / "log", "--ed25519-key", uri, origin=ORIGIN)
    log.variables = agent.variables
    with ThreadPoolExecutor(1) as thread:
        try:
            log.start()
            first = _submit(log.url, 0)
            agent.end()
            second = thread.submit(_submit, log.url, 1)
            while (state := ready(log.url))["status"] == 200:
                pass
            assert (503, False) == (state["status"], state["keys_sign"])
            with urlopen(f"{log.url}/metrics") as answer:  # noqa: S310 - loopback
                assert b"\ntlog_key_away 1.0\n" in answer.read()
            assert not second.done()
            agent.start()
            # What waited is in the log, after what was there.
            assert (0, 1) == (first, second.result())
            while ready(log.url)["status"] != 200:
                pass
            assert 0 == log.terminate()
        finally:
            log.end()
    events = [json.loads(it)["event"] for it in log.stderr.splitlines()]
    assert ["key away", "key back"] == [it for it in events if it.startswith("key ")]


def test_a_log_that_stops_while_its_key_is_away_has_taken_nothing(
    agent: Agent, tmp_path: Path
) -> None:
    uri = agent.make_key()
    agent.start()
    log = ServerProcess(tmp_path / "log", "--ed25519-key", uri, origin=ORIGIN)
    log.variables = agent.variables
    with ThreadPoolExecutor(1) as thread:
        try:
            log.start()
            agent.end()
            waiting = thread.submit(_submit, log.url, 0)
            while ready(log.url)["status"] == 200:
                pass
            assert 0 == log.terminate()
            assert isinstance(waiting.exception(), HTTPError | OSError)
            agent.start()
            assert 0 == log.start().told["size"]
            assert 0 == _submit(log.url, 0)
        finally:
            log.end()


def _submit(url: str, label: int) -> int:
    """Submit one record; return its index."""
    headers = {"Content-Type": "application/json"}
    asked = Request(f"{url}/api/v1/entries", json_body(record(label)), headers)  # noqa: S310 - a loopback server
    with urlopen(asked) as answer:  # noqa: S310 - a loopback server
        return int(json.loads(answer.read())["entries"][0]["index"])


def test_a_key_on_the_disk_gives_way_to_one_on_a_token(
    token: SoftToken, tmp_path: Path
) -> None:
    made = run_with(token, "keygen", ORIGIN, "--key", token.uri("next")).stdout.strip()
    log = ServerProcess(tmp_path / "log", origin=ORIGIN)
    log.variables = token.variables
    rotate = ("rotate-key", tmp_path / "log")
    try:
        assert 0 == log.start().told["size"]
        log.terminate()
        run_with(token, *rotate, "--new-key", token.uri("next"))
        both = log.start().told["verifier_keys"]
        assert (2, made) == (len(both), both[1])
        log.kill()
        run_with(token, *rotate, "--retire", "--early")
        # The key that has retired is needed no more.
        (tmp_path / "log" / "keys" / "log.ed25519").unlink()
        assert [made] == log.start().told["verifier_keys"]
        assert 2 == _submit(log.url, 0)
        log.terminate()
    finally:
        log.end()


def test_documents_are_signed_on_a_token(token: SoftToken, tmp_path: Path) -> None:
    public = tmp_path / "key.pub"
    kind = ("--type", "p256", "--key", token.uri("signer"), "--out", public)
    signer = run_with(token, "keygen", "us", *kind).stdout.strip()
    artifact = tmp_path / "app"
    artifact.write_text("an artifact")
    (tmp_path / "said.json").write_text('{"reviewed": true}')
    said = ("--type", TYPE, "--predicate", tmp_path / "said.json")
    with_key = ("--key", token.uri("signer"))
    log = ServerProcess(tmp_path / "log", origin=ORIGIN)
    try:
        log.start()
        trust = ("--policy", tmp_path / "log" / "policy")
        run_with(token, "attest", artifact, "--log", log.url, *with_key, *trust, *said)
    finally:
        log.end()
    rules = tmp_path / "rules.toml"
    rules.write_text(
        f'predicate_types = ["{TYPE}"]\n[[keys]]\nfile = "{public.name}"\n'
    )
    told = run_with(
        token,
        "verify",
        artifact,
        *trust,
        "--rules",
        rules,
        "--json",
        "--attestation",
        f"{artifact}.intoto.jsonl",
    )
    assert signer.removeprefix("sha256:") in told.stdout
