"""What looks like a secret and is none passes; what is one does not."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.cases import in_one_test
from tests.tlog.attest.documents import CYCLONEDX, HEX, PROVENANCE, SPDX
from tlog.attest.predicates import read_predicate
from tlog.attest.redaction import (
    MAX_DEPTH,
    Allowance,
    find_secrets,
    redact,
    why_left_out,
    why_secret,
)
from tlog.attest.variables import secret_values
from tlogverify.errors import FormatError

# Put together at run time: scanners of repositories must find none of them here.
PASSWORD = "correct-horse" + "-battery"
OPAQUE = "3f9a8b7c" + "6d5e4f3a2b1c"
TOKEN = "gh" + "p_16C7e42F292c6912E7710c838347Ae178B4a"

ATTACKS = {
    "password": f"git+https://user:{PASSWORD}@git.example/o/p.git",
    "password alone": f"redis://:{PASSWORD}@cache.example/0",
    "token before an empty password": f"https://{PASSWORD}:@git.example/x",
    "password with an @": "postgres://app:p@" + "ssw0rd@db.example/x",
    "password of digits": "https://user:" + "123456@git.example/x",
    "password with a slash, no path": "https://john.doe:p/" + "ssW0rd@git.example",
    "password that looks like a tag": "docker://user:3.19@registry.example/a:1",
    "user and an image by digest": f"docker://u:{PASSWORD}@r.example/a:1@sha256:{HEX}",
    "half a digest": f"docker://user:{PASSWORD}@sha256:{HEX[:62]}",
    "password and a host of hex": f"https://user:{PASSWORD}@deadbeef/x",
    "password and a host like a version": f"https://a.example:{PASSWORD}@1.2.3.4/x",
    "password of the second URL": f"https://a.example, https://u:{PASSWORD}@b.example",
    "password of a parameter's URL": f"pkg:a/b?u=https://x.example&v=https://u:{PASSWORD}"
    "@b.example",
    "token as user": f"https://{OPAQUE}@git.example/app",
    "token as user over ssh": f"ssh://{OPAQUE}@git.example/app",
    "token in a user's name": f"https://bot_{OPAQUE}@git.example/app",
    "token of letters as user": "https://abcdefGHIJkl" + "mnOPqrstUV@git.example/x",
    "token of one case as user": f"https://{'abcdefgh' * 4}@git.example/x",
    "UUID as user": "https://3f9a8b7c-6d5e-4f3a" + "-2b1c-0123456789ab@git.example/x",
    "bearer": "Bearer abcdefgh" + "12345678",
    "bearer with a header": "Authorization: Bearer token2header" + "-middleware",
    "bearer as JSON": '{"Authorization": "Bearer token2header' + '-middleware"}',
    "bearer of a UUID": "Bearer 3f9a8b7c-6d5e-4f3a" + "-2b1c-0123456789ab",
    "prose, then bearer": "Bearer token2header-middleware; Bearer Zx9" + "8yW7vU6tS5",
    "API key behind a package": "sk-learn-contrib-2024-edition sk-" + OPAQUE * 2,
    "API key of a kind": "sk-" + "proj-ABCDEFGHIJ1234567890abcd",
    "API key with a UUID": "sk-" + "lf-3f9a8b7c-6d5e-4f3a-2b1c-0123456789ab",
    "API key of a kind with a UUID": "sk-"
    + "proj-3f9a8b7c-6d5e-4f3a-2b1c-0123456789ab",
    "GitLab token": "gl" + "pat-ABCDEFGHIJKLMNOPQRST",
    "signature": "https://x.example/?" + "signature=abcdef123456",
    "signature of storage": "https://x.example/?sv=1&" + "sig=abcdef%2F123456",
    "token spelled as a digest": "https://x.example/?" + "token=sha256-abcdef",
    "password that starts as a variable": "x?password=" + "$hunter2",
}


@in_one_test("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_secret_is_found_in_every_spelling(attack: str) -> None:
    for text in (attack, f"see {attack} there", quote(attack, safe="")):
        why = why_secret(text, ())
        assert why is not None, text
        assert PASSWORD not in why
    assert 1 == len(list(find_secrets({"a": [attack]}, ())))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(CYCLONEDX, id="CycloneDX"),
        pytest.param(SPDX, id="SPDX"),
        pytest.param(PROVENANCE, id="provenance"),
    ],
)
def test_a_real_document_is_accepted(tmp_path: Path, document: Any) -> None:
    path = tmp_path / "predicate.json"
    path.write_text(json.dumps(document))
    read = read_predicate(path, "t:1")
    assert document == read
    assert [] == [(it.what, it.why) for it in find_secrets(read, ())]


@pytest.mark.parametrize("document", [CYCLONEDX, SPDX, PROVENANCE])
def test_a_secret_in_a_real_document_is_found(document: dict[str, Any]) -> None:
    changed = document | {"changed": {"urls": list(ATTACKS.values())}}
    expected = [f"changed.urls[{number}]" for number in range(len(ATTACKS))]
    assert expected == [it.what for it in find_secrets(changed, ())]


def nested(levels: int) -> str:
    return '{"a":' + "[" * (levels - 1) + "1" + "]" * (levels - 1) + "}"


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 1_000, 100_000])
def test_what_is_nested_too_deep_is_refused_in_words(
    tmp_path: Path, levels: int
) -> None:
    path = tmp_path / "predicate.json"
    path.write_text(nested(MAX_DEPTH))
    assert ["a"] == list(read_predicate(path, "t:1"))
    path.write_text(nested(levels))
    with pytest.raises(FormatError, match="nested deeper than 256 levels"):
        read_predicate(path, "t:1")


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "' + "[" * 300 + '"}',
        '{"a": "\\"' + "[" * 300 + '"}',
        '{"a": [' + ",".join(["[]"] * 300) + "]}",
    ],
)
def test_brackets_that_nest_nothing_are_not_counted(tmp_path: Path, text: str) -> None:
    path = tmp_path / "predicate.json"
    path.write_text(text)
    assert json.loads(text) == read_predicate(path, "t:1")


@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 50_000])
def test_no_depth_ends_the_search(depth: int) -> None:
    value: object = TOKEN
    for _ in range(depth):
        value = [value]
    (found,) = find_secrets(value, ())
    is_seen = depth <= MAX_DEPTH
    assert is_seen == found.why.startswith("it looks like a secret"), found.why


def test_a_member_that_a_person_names_may_stay() -> None:
    document = {"a": [{"b": TOKEN}, {"b": TOKEN}], "c": {"d": TOKEN}}
    allowed = Allowance(["a[1].b", "$.c.d", "a[7].b"])
    found = list(find_secrets(document, (), allowed))
    assert [("a[0].b", False), ("a[1].b", True), ("c.d", True)] == [
        (it.what, it.is_allowed) for it in found
    ]
    assert ("a[7].b",) == allowed.unused(found)


def test_every_index_may_be_named_at_once() -> None:
    document = {"a": [{"b": TOKEN}, {"c": TOKEN}, [{"b": TOKEN}]]}
    found = list(find_secrets(document, (), Allowance(["a[*].b"])))
    assert [True, False, False] == [it.is_allowed for it in found]


def test_no_two_members_have_one_path() -> None:
    document = {
        "a": {"b": TOKEN},
        "a.b": TOKEN,
        "c[0]": TOKEN,
        "c": [TOKEN],
        "{member 1}": TOKEN,
        TOKEN: TOKEN,
        "ü": TOKEN,
    }
    found = list(find_secrets(document, (), Allowance(["a.b"])))
    assert ["a.b"] == [it.what for it in found if it.is_allowed]
    places = [it.what for it in found]
    assert len(places) == len(set(places)) == 8
    assert '["a.b"]' in places
    assert TOKEN not in str(places)


@pytest.mark.parametrize("path", ["", "$", "$."])
def test_a_path_that_names_no_member_is_refused(path: str) -> None:
    with pytest.raises(FormatError, match="a path names a member"):
        Allowance([path])


def test_what_no_verifier_reads_is_never_allowed() -> None:
    found = list(find_secrets({"a": "\ud800"}, (), Allowance(["a"])))
    assert [("a", False)] == [(it.what, it.is_allowed) for it in found]
    kept, omissions = redact({"a": "\ud800"}, (), Allowance(["a"]))
    assert ({}, [False]) == (kept, [it.is_allowed for it in omissions])


def test_a_captured_member_may_stay_too() -> None:
    members = {"a": TOKEN, "b": [{"c": TOKEN}]}
    kept, omissions = redact(members, (), Allowance(["b[0].c"]))
    assert {"b": [{"c": TOKEN}]} == kept
    assert [("a", False), ("b[0].c", True)] == [
        (it.what, it.is_allowed) for it in omissions
    ]


@pytest.mark.parametrize(
    "value",
    ["github", "GitLab", "ubuntu-22.04", "https://github.com", "refs/heads/main"],
)
def test_public_words_in_a_secret_variable_are_not_looked_for(value: str) -> None:
    secrets = secret_values({"CI_KEY": value})
    assert why_left_out(f"git+https://github.com/o/r {value}", secrets) is None


@pytest.mark.parametrize(
    "value", ["octocat", "hunter2", "123456", "github-hunter2", "!!!!!!", "git hub"]
)
def test_other_values_of_a_secret_variable_are(value: str) -> None:
    assert why_left_out(f"see {value}.", secret_values({"CI_KEY": value})) is not None


def test_an_image_in_a_variable_is_no_password() -> None:
    image = f"docker://alpine:3.19@sha256:{HEX}"
    assert () == secret_values({"IMAGE": image})
    url = f"https://u:{PASSWORD}@x.example"
    assert {PASSWORD, f"u:{PASSWORD}", url} == {*secret_values({"A_URL": url})}


LONG = 200_000


@pytest.mark.parametrize(
    "text",
    [
        "https://" * (LONG // 8),
        "https://a:" * (LONG // 10),
        "https://" + "a" * LONG + "@",
        "https://a1" * (LONG // 10) + "@x",
        "sk-" * (LONG // 3),
        "bearer " * (LONG // 7),
        "%25" * (LONG // 3),
    ],
    ids=lambda it: it[:12],
)
def test_a_long_text_is_searched_to_its_end(text: str) -> None:
    assert why_secret(f"{text} {TOKEN}", ()) is not None
