"""What `docker login` left behind: read in full, shown nowhere."""

import json
import os
import stat
import traceback
from base64 import b64encode
from pathlib import Path

import pytest

from tests.support.cases import case
from tests.support.running import until
from tests.support.working import runs
from tlog.errors import RejectedError
from tlog.registry.credentials import Credentials, Keyring
from tlog.registry.keychains import MAX_ANSWER_BYTES, ask_keychain
from tlogverify.errors import FormatError

HOST = "images.example:5000"
SECRET = "PWD-7f3a"
TOKEN = "t"
PAIR = b64encode(f"alice:{SECRET}".encode()).decode()


def config(folder: Path, members: object) -> Keyring:
    (folder / "config.json").write_text(json.dumps(members))
    return Keyring.read({"DOCKER_CONFIG": str(folder), "HOME": "/nowhere"})


def helper(folder: Path, name: str, script: str) -> str:
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


async def test_entries_are_found_by_host_and_port(tmp_path: Path) -> None:
    alice = Credentials("alice", SECRET)
    servers = {
        HOST: alice,
        f"https://{HOST}": alice,
        f"https://{HOST}/v1/": alice,
        f"{HOST}/v2/": alice,
        "images.example": None,
        f"images.example:5001/{HOST}": None,
        f"x{HOST}": None,
    }
    for server, expected in servers.items():
        with case(server):
            keyring = config(tmp_path, {"auths": {server: {"auth": PAIR}}})
            assert expected == await keyring.find(HOST)


async def test_every_kind_of_entry_is_read(tmp_path: Path) -> None:
    entries: dict[str, tuple[dict[str, object], Credentials | None]] = {
        "a pair": ({"auth": PAIR}, Credentials("alice", SECRET)),
        "a colon in the password": (
            {"auth": b64encode(b"a:b:c").decode()},
            Credentials("a", "b:c"),
        ),
        "a pair that Docker padded": (
            {"auth": b64encode(b"a:b\0\0").decode()},
            Credentials("a", "b"),
        ),
        "apart": ({"username": "a", "password": "b"}, Credentials("a", "b")),
        "an identity token": (
            {"auth": PAIR, "identitytoken": "t"},
            Credentials("alice", SECRET, "t"),
        ),
        "a registry token": (
            {"registrytoken": TOKEN},
            Credentials(registry_token=TOKEN),
        ),
        "nothing": ({}, None),
    }
    for name, (entry, expected) in entries.items():
        with case(name):
            assert expected == await config(tmp_path, {"auths": {HOST: entry}}).find(
                HOST
            )


async def test_without_a_file_nobody_is_anybody(tmp_path: Path) -> None:
    for environment in ({}, {"HOME": str(tmp_path)}, {"DOCKER_CONFIG": str(tmp_path)}):
        assert Keyring() == Keyring.read(environment)
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(
        json.dumps({"auths": {HOST: {"auth": PAIR}}})
    )
    found = await Keyring.read({"HOME": str(tmp_path)}).find(HOST)
    assert Credentials("alice", SECRET) == found
    assert SECRET not in repr(found)
    assert SECRET not in repr(Keyring.read({"HOME": str(tmp_path)}))


async def test_what_breaks_a_rule_is_refused_and_not_shown(tmp_path: Path) -> None:
    broken: dict[str, object] = {
        "auths that are text": {"auths": SECRET},
        "a pair without a colon": {
            "auths": {HOST: {"auth": b64encode(b"PWD").decode()}}
        },
        "a pair in no base64": {"auths": {HOST: {"auth": f"{SECRET}!"}}},
        "a pair in no UTF-8": {"auths": {HOST: {"auth": b64encode(b"\xff:").decode()}}},
        "a password that is no text": {"auths": {HOST: {"password": [SECRET]}}},
        "a token for no header": {"auths": {HOST: {"registrytoken": f"{SECRET} x"}}},
        "a helper that is no text": {"credHelpers": {HOST: 1}},
        "a helper that is a path": {"credHelpers": {HOST: "../x"}},
        "a store that is no text": {"credsStore": {"a": SECRET}},
        "all of it a list": [SECRET],
    }
    for name, members in broken.items():
        with case(name), pytest.raises(FormatError) as raised:
            await config(tmp_path, members).find(HOST)
        shown = "".join(traceback.format_exception(raised.value))
        assert SECRET not in shown.replace(f'SECRET = "{SECRET}"', ""), name
    (tmp_path / "config.json").write_text(f'{{"{SECRET}')
    with pytest.raises(FormatError) as raised:
        Keyring.read({"DOCKER_CONFIG": str(tmp_path)})
    assert SECRET not in str(raised.value)
    (tmp_path / "config.json").write_text(" " * ((1 << 20) + 1))
    with pytest.raises(FormatError):
        Keyring.read({"DOCKER_CONFIG": str(tmp_path)})


async def test_a_helper_is_asked_on_its_standard_input(on_path: Path) -> None:
    helper(
        on_path,
        "one",
        f'echo "$#:$1:$(cat)" > {on_path}/asked\n'
        f'echo \'{{"ServerURL":"x","Username":"alice","Secret":"{SECRET}"}}\'',
    )
    helper(on_path, "two", 'echo \'{"Username":"<token>","Secret":"t"}\'')
    members = {
        "credHelpers": {HOST: "one", "b.example": "none"},
        "credsStore": "two",
        "auths": {"b.example": {"auth": PAIR}, HOST: {}},
    }
    keyring = config(on_path, members)
    assert Credentials("alice", SECRET) == await keyring.find(HOST)
    assert f"1:get:{HOST}\n" == (on_path / "asked").read_text()
    assert Credentials(identity_token=TOKEN) == await keyring.find("c.example")
    # A helper that has nothing of it leaves the file to say.
    helper(on_path, "none", "echo credentials not found in native keychain; exit 1")
    assert Credentials("alice", SECRET) == await keyring.find("b.example")


async def test_a_helper_that_fails_is_told_without_its_words(on_path: Path) -> None:
    fails = {
        "fails": f"echo {SECRET}; echo {SECRET} >&2; exit 1",
        "floods": "exec yes",
        "floods exactly": f"head -c {MAX_ANSWER_BYTES + 1} /dev/zero",
    }
    for name, script in fails.items():
        program = helper(on_path, "x", script)
        with case(name), pytest.raises(RejectedError) as raised:
            await ask_keychain(program, HOST)
        assert SECRET not in str(raised.value)
    with pytest.raises(RejectedError, match="cannot be run"):
        await ask_keychain(str(on_path / "absent"), HOST)
    for said in ("", "[]", '{"Username":1}', f'{{"Secret":["{SECRET}"]}}'):
        helper(on_path, "odd", f"echo '{said}'")
        keyring = config(on_path, {"credsStore": "odd"})
        with case(said), pytest.raises(FormatError) as refused:
            await keyring.find(HOST)
        assert SECRET not in str(refused.value)


async def test_a_helper_that_hangs_is_not_waited_for(on_path: Path) -> None:
    os.mkfifo(on_path / "fifo")
    program = helper(on_path, "slow", f"exec cat {on_path}/fifo")
    with pytest.raises(RejectedError, match="no answer in 0 s"):
        await ask_keychain(program, HOST, timeout_s=0.01)


async def test_what_a_helper_has_started_is_ended_with_it(on_path: Path) -> None:
    os.mkfifo(on_path / "fifo")
    started = f"cat {on_path}/fifo & echo $! > {on_path}/pid; exec yes"
    with pytest.raises(RejectedError, match="more than"):
        await ask_keychain(helper(on_path, "flood", started), HOST)
    await until(lambda: not runs(int((on_path / "pid").read_text())))
