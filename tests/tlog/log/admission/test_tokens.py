"""Tokens of the long form: what each may, until when, and a file that changes."""

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.cases import in_one_test
from tests.support.http import ask, post
from tests.support.openapi import require_documented
from tests.support.records import digest, json_body, record
from tests.support.running import running_log
from tests.system.server import run_tlog
from tests.tlog.log.admission.test_gate import StillClock
from tlog.documents.tombstones import DISPOSITION_TYPE
from tlog.log.admission.gate import Gate, NotPermittedError, UnauthorizedError
from tlog.log.admission.tokens import Scope, Token, read_tokens
from tlogverify.errors import FormatError

HASHED = hashlib.sha256(b"secret").hexdigest()
UNTIL = "2027-01-31T00:00:00Z"
UNTIL_S = int(datetime(2027, 1, 31, tzinfo=UTC).timestamp())


def test_the_long_form_says_what_a_token_may_and_until_when(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(
        f"{HASHED} ci submit,documents {UNTIL}\n{'0' * 64} keeper redact never\n"
    )
    ci = Token("ci", frozenset({Scope.SUBMIT, Scope.DOCUMENTS}), UNTIL_S)
    keeper = Token("keeper", frozenset({Scope.REDACT}), None)
    assert {bytes.fromhex(HASHED): ci, bytes(32): keeper} == read_tokens(file)


@in_one_test(
    "rest",
    [
        *("submit", "submit ", f"Submit {UNTIL}", f"all {UNTIL}", f"{UNTIL} submit"),
        *(f"documents,submit {UNTIL}", f"submit,submit {UNTIL}", f"submit, {UNTIL}"),
        *("submit 2027-01-31", "submit 2027-02-31T00:00:00Z", "submit Never"),
        *("submit 2027-1-031T00:00:00Z", f"submit {UNTIL} x", f"submit  {UNTIL}"),
    ],
)
def test_each_line_of_the_long_form_has_one_spelling(tmp_path: Path, rest: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"{HASHED} ci {rest}\n")
    with pytest.raises(FormatError, match="line 1 is not") as caught:
        read_tokens(file)
    assert HASHED not in str(caught.value)


def test_a_token_lets_in_until_its_second_and_as_far_as_it_may() -> None:
    clock = StillClock(UNTIL_S - 1)
    token = Token("ci", frozenset({Scope.SUBMIT}), UNTIL_S)
    known = {bytes.fromhex(HASHED): token}
    gate = Gate(lambda: known, None, trust_forwarded_for=False, clock=clock)
    nobody: list[str] = []
    asked = ("Bearer secret", nobody, "192.0.2.1")
    assert "token ci" == gate.client(*asked)
    with pytest.raises(NotPermittedError, match="needs the scope documents"):
        gate.client(*asked, Scope.DOCUMENTS)
    assert not gate.may_redact("Bearer secret")
    clock.seconds += 1
    with pytest.raises(UnauthorizedError, match="has expired: ask for another"):
        gate.client(*asked)


@pytest.mark.parametrize("is_lean", [True, False], ids=["lean", "aiohttp"])
async def test_what_a_token_may_holds_by_both_ways_in(
    tmp_path: Path, is_lean: bool
) -> None:
    file = tmp_path / "tokens"
    made = {}
    for name, may in (
        ("submit", "submit"),
        ("documents", "documents"),
        ("keeper", "submit,redact"),
    ):
        done = run_tlog("token", file, "--add", name, "--may", may, "--days", "2")
        assert 0 == done.returncode, done.stderr
        made[name] = {"Authorization": f"Bearer {done.stdout.strip()}"}
        assert done.stdout.strip() not in file.read_text()
    assert 0o600 == file.stat().st_mode & 0o777
    went = json_body({**record("went"), "predicateType": DISPOSITION_TYPE})
    document = f"/api/v1/documents/sha256:{digest('document')}"
    changes = {"tokens_file": file, "documents": True, "is_lean": is_lean}
    async with running_log(tmp_path / "log", **changes) as (url, _):
        for name, body, status in (
            ("submit", json_body(record(1)), 201),
            ("documents", json_body(record(2)), 403),
            ("keeper", json_body(record(3)), 201),
            ("submit", went, 403),
            ("keeper", went, 201),
        ):
            answer = await post(url, body, headers=made[name])
            assert status == answer.status, (name, answer.body)
            require_documented("POST", "/api/v1/entries", answer)
            if status == 403:
                assert "not-permitted" == answer.json()["type"]
        for name, status in (("submit", 403), ("documents", 202)):
            put = await ask(
                url, document, method="PUT", headers=made[name], body=b"document"
            )
            assert status == put.status, (name, put.body)
        # A token that is taken out lets nobody in any more, without a restart, even if
        # the same head was let in before.
        answer = await post(url, json_body(record(6)), headers=made["submit"])
        assert 201 == answer.status
        assert 0 == run_tlog("token", file, "--remove", "submit").returncode
        answer = await post(url, json_body(record(4)), headers=made["submit"])
        assert 401 == answer.status
        # A file that cannot be read changes nothing.
        file.write_text("nonsense\n")
        answer = await post(url, json_body(record(5)), headers=made["keeper"])
        assert 201 == answer.status


def test_the_command_lists_what_is_there_and_refuses_what_cannot_be(
    tmp_path: Path,
) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# ours\n{HASHED} old")
    assert 0 == run_tlog("token", file, "--add", "ci", "--days", "1").returncode
    listed = run_tlog("token", file, "--json").stdout.splitlines()
    old, new = map(json.loads, listed)
    assert {"name": "old", "may": [it.value for it in Scope], "until": "never"} == old
    assert ("ci", ["submit"]) == (new["name"], new["may"])
    before = file.read_bytes()
    for flags, told in (
        (("--add", "ci"), "has a token ci: --remove it first"),
        (("--add", "a b"), "1 to 64 printable"),
        (("--add", "x", "--days", "0"), "--days is 1 to"),
        (("--add", "x", "--may", "all"), "some of submit,documents,redact"),
        (("--may", "submit"), "go with --add"),
        (("--remove", "x"), "has no token x"),
    ):
        done = run_tlog("token", file, *flags)
        assert done.returncode in {1, 2}
        assert told in done.stderr
    assert before == file.read_bytes()
    assert 0 == run_tlog("token", file, "--remove", "old").returncode
    assert file.read_bytes().startswith(b"# ours\n")
    assert ["ci"] == [it.name for it in read_tokens(file).values()]
    assert not [it for it in os.listdir(tmp_path) if it != "tokens"]
