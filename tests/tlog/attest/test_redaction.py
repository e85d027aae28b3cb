"""No planted secret comes out, whatever its form, its name or its place."""

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cases import in_one_test
from tests.tlog.attest.repositories import git, repository
from tlog.attest.capture import Told, capture_provenance
from tlog.attest.ci import ALLOWED_VARIABLES
from tlog.attest.redaction import find_secrets, redact, why_left_out
from tlog.attest.urls import clean_url
from tlog.attest.variables import is_secret_name, read_variables, secret_values

# Put together at run time: scanners of repositories must find none of them here.
FORMS = {
    "AWS key": "AKIA" + "Q3EGRZ7XAMPLE234",
    "GitHub token": "ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a",
    "a fine GitHub token": "github" + "_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwx",
    "GitLab token": "glpat" + "-ABCDEFGHIJKLMNOPQRST",
    "GitLab job token": "glcbt" + "-64_ABCDEFGHIJKLMNOPQRST",
    "Slack token": "xoxb" + "-2444333222111-abcdefghijkl",
    "Slack hook": "https://hooks." + "slack.com/services/T0/B0/abcdefgh",
    "Google key": "AIza" + "SyD9x8w7v6u5t4s3r2q1p0o9n8m7l6k5j4i",
    "npm token": "npm" + "_abcdefghijklmnopqrstuvwxyz0123456789",
    "PyPI token": "pypi" + "-AgEIcHlwaS5vcmcCJDAwMDAwMDAw",
    "Docker token": "dckr" + "_pat_ABCDEFGHIJKLMNOPQRSTUVWXYZ1",
    "Stripe key": "sk" + "_live_ABCDEFGHIJKLMNOPQRSTUVWX",
    "API key": "sk" + "-proj-ABCDEFGHIJ1234567890abcd",
    "Vault token": "hvs" + ".CAESIJlU02LQZq8TAY5wgcWJ",
    "web token": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "private key": "-----BEGIN EC " + "PRIVATE KEY-----",
    "key of a log": "PRIVATE" + "+KEY+log.example+01234567+AQ==",
    "authorization": "Authorization: Bearer " + "abcdefgh12345678",
    "password in a URL": "https://user:" + "hunter2@git.example/app",
    "user of a URL": "https://" + "x-oauth@git.example/app",
    "Atlassian token": "ATATT" + "3xFfGF0abcdefghijklmnop",
    "DigitalOcean token": "dop" + "_v1_" + "0123456789abcdef" * 4,
    "Grafana token": "glsa" + "_abcdefghijklmnopqrstuvwxyz012345",
    "Databricks token": "dapi" + "0123456789abcdef" * 2,
    "Shopify token": "shpat" + "_0123456789abcdef0123456789abcdef",
    "Square token": "sq0" + "atp-abcdefghijklmnopqrstuv",
    "RubyGems key": "rubygems" + "_0123456789abcdef0123456789abcdef",
    "Linear key": "lin" + "_api_abcdefghijklmnopqrstuv",
    "password with a slash": "https://alice:" + "p/ssW0rdX@git.example.com/app.git",
    "secret in a parameter": "https://git.example/?access_" + "token=abcdef123456",
}


@in_one_test("form", FORMS.values(), ids=FORMS.keys())
def test_a_known_form_is_found_wherever_it_stands(form: str) -> None:
    for text in (form, f"see {form}", f"({form})", quote(form, safe="")):
        why = why_left_out(text, ())
        assert why is not None
        assert why.startswith("it looks like a secret: ")
        assert form not in why


@pytest.mark.parametrize(
    "text",
    [
        "",
        "git+https://github.com/octocat/hello-world@refs/heads/main",
        "ssh://git@github.com/octocat/hello-world.git",
        "pkg:npm/%40scope/name@1.2.3",
        "sha256:" + "ab" * 32,
        "Basic authentication is used",
        "https://git.example:8443/team/app",
        "octocat/app/.github/workflows/task-force-one-two-three.yml@refs/heads/x",
        "pypi-attestations-and-other-things",
        "eyJust a word. Then another. And one",
    ],
)
def test_a_plain_text_is_none(text: str) -> None:
    assert why_left_out(text, ()) is None


SECRETLY_NAMED = [
    "DEPLOY_KEY1",
    "DB_PASS2",
    "GH_PAT2",
    "AUTH2",
    "SSHKEY",
    "DEPLOYKEY",
    "SIGNINGKEY",
    "ENCRYPTIONKEY",
    "accessKey",
    "STORAGE_ACCESSKEY",
    "SENTRY_DSN",
]


@in_one_test(
    ("name", "is_secret"),
    [
        ("GITHUB_TOKEN", True),
        ("aws_secret_access_key", True),
        ("AWS_ACCESS_KEY_ID", True),
        ("DB_PASSWORD", True),
        ("MYSQL_PWD", True),
        ("GOOGLE_APPLICATION_CREDENTIALS", True),
        ("SSH_AUTH_SOCK", True),
        ("NPM_CONFIG_//registry.example/:_authToken", True),
        ("STRIPE-API-KEY", True),
        *((name, True) for name in SECRETLY_NAMED),
        ("GIT_CONFIG_KEY_0", False),
        ("PWD", False),
        ("OLDPWD", False),
        ("PATH", False),
        ("KEYBOARD_LAYOUT", False),
        ("HOME", False),
    ],
)
def test_a_name_looks_secret_or_not(name: str, is_secret: bool) -> None:
    assert is_secret == is_secret_name(name)


def test_no_variable_that_is_read_looks_secret() -> None:
    assert [] == [name for name in ALLOWED_VARIABLES if is_secret_name(name)]


def test_only_allowed_variables_are_read_and_secret_names_are_told() -> None:
    environment = {"A": "1", "B": "2", "B_TOKEN": "3", "MY_KEY": "4"}
    kept, omissions = read_variables(environment, {"A"})
    assert {"A": "1"} == kept
    why = "its name looks secret"
    assert [("B_TOKEN", why), ("MY_KEY", why)] == [
        (it.what, it.why) for it in omissions
    ]


def test_the_value_of_a_secret_variable_is_left_out_wherever_it_stands() -> None:
    secrets = secret_values({"MY_TOKEN": "xyzzy-plugh", "OTHER": "harmless"})
    document = {
        "a": "harmless",
        "b": ["pre-xyzzy-plugh-post", "fine"],
        "c": {"d": quote("xyzzy-plugh").replace("x", "%78", 1)},
        "n": 7,
    }
    kept, omissions = redact(document, secrets)
    assert {"a": "harmless", "b": ["fine"], "c": {}, "n": 7} == kept
    assert ["b[0]", "c.d"] == [it.what for it in omissions]


def test_a_password_in_a_variables_url_is_a_secret() -> None:
    environment = {"DATABASE_URL": "postgres://app:xyzzy-plugh@db.example/x"}
    secrets = secret_values(environment)
    assert why_left_out("pre-xyzzy-plugh", secrets) is not None
    assert why_left_out("db.example", secrets) is None
    _, omissions = read_variables(environment, ())
    assert ["a password stands in its URL"] == [it.why for it in omissions]


def test_the_commands_own_variables_are_not_told() -> None:
    environment = {"TLOG_KEY_PASSWORD": "xyzzy-plugh", "TLOG_TOKEN": "x"}
    assert ({}, ()) == read_variables(environment, ())
    assert ("xyzzy-plugh",) == secret_values(environment)


@in_one_test("times", range(4))
@in_one_test("value", ["pl%75gh/xyzzy", "plugh/xyzzy", "plugh%252Fxyzzy"])
def test_percent_signs_hide_no_secret(value: str, times: int) -> None:
    text = value
    for _ in range(times):
        text = quote(text, safe="")
    secrets = secret_values({"A_KEY": value})
    for spelled in (text, "plugh/xyzzy", "%70lugh%2Fxyzzy"):
        assert why_left_out(f"see {spelled}", secrets) is not None


def test_what_is_encoded_without_end_is_left_out() -> None:
    text = "%"
    for _ in range(12):
        text = quote(text)
    assert "it is percent-encoded too often" == why_left_out(text, ())


@pytest.mark.parametrize("depth", [63, 64, 65, 400])
def test_a_secret_is_found_at_any_depth_or_not_looked_for(depth: int) -> None:
    value: object = FORMS["GitHub token"]
    for _ in range(depth):
        value = [value]
    assert 1 == len(list(find_secrets(value, ())))


def test_every_line_of_a_secret_is_one() -> None:
    secrets = secret_values({"A_KEY": "first-line\n  second-line  \nx"})
    assert why_left_out("has second-line in it", secrets) is not None
    assert why_left_out("has x in it", secrets) is None


@pytest.mark.parametrize("text", ["a\udce9", "x" * 2049])
def test_what_is_no_short_text_is_left_out(text: str) -> None:
    assert why_left_out(text, ()) is not None


def test_secrets_of_a_document_are_found_by_their_place() -> None:
    token = FORMS["GitHub token"]
    document = {"a": [{"b": f"x {token}"}], token: 1, "n": [1.5, None]}
    found = list(find_secrets(document, ()))
    assert ["a[0].b", "{name 1}"] == [it.what for it in found]
    assert token not in str(found)


@in_one_test(
    ("url", "expected"),
    [
        ("https://github.com/o/r.git", "https://github.com/o/r.git"),
        ("https://u:p@git.example:8443/o/r", "https://git.example:8443/o/r"),
        ("https://token@git.example/o/r?x=1#y", "https://git.example/o/r"),
        ("https://a@b@git.example/o/r", "https://git.example/o/r"),
        ("git@github.com:o/r.git", "ssh://github.com/o/r.git"),
        ("ssh://git@github.com/o/r.git", "ssh://github.com/o/r.git"),
        ("git.example:o/r", "ssh://git.example/o/r"),
        ("git://git.example/o", "git://git.example/o"),
        ("https://Git.Example/O/r", "https://git.example/O/r"),
        ("https://[::1]:80/x", "https://[::1]:80/x"),
        ("https://alice:p/ssW0rdX@git.example.com/app.git", None),
        ("https://alice:12345/ssW0rdX@git.example.com/app.git", None),
        ("https://alice:p/ssW0rdX%40git.example.com/app.git", None),
        ("alice:hunter2@git.example.com/app.git", None),
        ("https://alice:p#ssW0rd@host/app", None),
        ("https://alice:12#ssW0rd@host/app", None),
        ("https://alice:12?ssW0rd@host/app", None),
        ("https://host:pass/app", None),
        ("git@host:app?auth=abc", None),
        ("https://host/a b", None),
        ("https://host/\u00e9", None),
        ("/home/me/repo", None),
        ("../repo", None),
        ("file:///home/me/repo", None),
        ("C:/repo", None),
        ("https://", None),
        ("https://[::1/x", None),
        ("", None),
    ],
)
def test_a_remote_is_told_without_its_user(url: str, expected: str | None) -> None:
    assert expected == clean_url(url)


SECRET_NAMES = ["CI_JOB_TOKEN", "DEPLOY_KEY", "db_password", "AWS_SECRET_ACCESS_KEY"]

# Letters that are in no fixed string of a predicate: what is found was planted.
unnamed_secrets = st.text("QXZ#%!é\"'\\ \t", min_size=8, max_size=30).filter(
    lambda text: len(text.strip()) >= 8
)
planted = st.one_of(st.sampled_from(sorted(FORMS.values())), unnamed_secrets)
around = st.text("abc/:@-", max_size=6)


@st.composite
def environments(draw: st.DrawFn) -> tuple[dict[str, str], list[str]]:
    """Draw an environment of a CI system with secrets in it, and the secrets."""
    kind = draw(st.sampled_from(["GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL"]))
    environment = {
        name: "plain"
        for name in draw(
            st.sets(st.sampled_from(sorted(ALLOWED_VARIABLES)), max_size=12)
        )
    }
    secrets = draw(st.lists(planted, min_size=1, max_size=4))
    for number, secret in enumerate(secrets):
        environment[f"{draw(st.sampled_from(SECRET_NAMES))}_{number}"] = secret
        name = draw(st.sampled_from(sorted(ALLOWED_VARIABLES)))
        environment[name] = draw(around) + secret + draw(around)
        environment["NOBODY_READS_THIS"] = secret
    named = {"GITHUB_ACTIONS": "true", "GITLAB_CI": "true"}
    environment[kind] = named.get(kind, "https://ci.example/")
    return environment, secrets


@given(environments())
@settings(deadline=None, max_examples=60, database=None)
def test_no_planted_secret_ever_comes_out(
    drawn: tuple[Mapping[str, str], list[str]],
) -> None:
    environment, secrets = drawn
    # A folder of no repository: git is asked, and has nothing to say.
    told = Told(0, builder_id="https://builder.example")
    captured = capture_provenance(Path("/"), environment, told)
    plain = json.dumps(captured.predicate, ensure_ascii=False)
    shown = plain + str(captured.omissions)
    for secret in secrets:
        for spelled in (secret, json.dumps(secret, ensure_ascii=False)[1:-1]):
            assert spelled not in shown


def test_a_secret_in_a_repositorys_remote_never_comes_out(tmp_path: Path) -> None:
    token = "unformed-but-secret"
    repository(tmp_path, branch=f"feature-{token}")
    git(tmp_path, "config", "remote.origin.url", f"https://ci:{token}@git.example/a")
    captured = capture_provenance(tmp_path, {"CI_JOB_TOKEN": token}, Told(0))
    assert token not in json.dumps(captured.predicate)
    assert "git+https://git.example/a" in json.dumps(captured.predicate)
    assert [
        ("CI_JOB_TOKEN", "its name looks secret"),
        ("source", "user, password and query of its URL"),
        (
            "buildDefinition.externalParameters.ref",
            "it holds the value of a secret variable",
        ),
        (
            "buildDefinition.resolvedDependencies[0].uri",
            "it holds the value of a secret variable",
        ),
    ] == [(it.what, it.why) for it in captured.omissions]
