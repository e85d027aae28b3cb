"""Command lines that name no verb, or show what verbs there are."""

import pytest

from tests.support.cases import in_one_test
from tests.system.server import run_tlog
from tlog.cli.command import verb_parser
from tlog.cli.verbs import NAMES, VERBS


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("sumbit", "submit"),
        ("verfiy", "verify"),
        ("sigstore_config", "sigstore-config"),
        ("Serve", "serve"),
    ],
)
def test_a_misspelled_verb_is_told_what_it_is_like(typed: str, meant: str) -> None:
    done = run_tlog(typed, "app.whl", "--log", "http://127.0.0.1:1")
    assert (2, "") == (done.returncode, done.stdout)
    assert f"there is no verb {typed!r}; did you mean {meant}?\n" in done.stderr


def test_a_verb_that_is_like_none_is_refused_without_a_guess() -> None:
    done = run_tlog("xyzzy")
    assert 2 == done.returncode
    said = "tlog: error: there is no verb 'xyzzy'; tlog --help lists them\n"
    assert said == done.stderr


def test_a_command_line_without_a_verb_is_refused() -> None:
    done = run_tlog()
    assert 2 == done.returncode
    assert "VERB" in done.stderr


def test_help_shows_each_verbs_whole_summary() -> None:
    done = run_tlog("--help")
    assert (0, "") == (done.returncode, done.stderr)
    shown = " ".join(done.stdout.split())
    for group, verbs in VERBS.items():
        assert f"{group}:" in shown
        for name, summary in verbs.items():
            assert f" {name} {summary} " in shown


def test_a_verbs_help_is_its_own() -> None:
    done = run_tlog("verify", "--help")
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("usage: tlog verify [-h]")


@in_one_test("name", NAMES)
def test_a_verbs_help_cuts_nothing(name: str) -> None:
    """Each explanation stands there whole, and no value is broken at a hyphen."""
    done = run_tlog(name, "--help")
    assert (0, "") == (done.returncode, done.stderr)
    assert max(map(len, done.stdout.splitlines())) <= 80
    shown = " ".join(done.stdout.split())
    for action in verb_parser(name)._actions:
        if action.help and not action.help.startswith("=="):
            assert " ".join(action.help.split()) in shown
    assert "(default: )" not in shown
    assert "(default: None)" not in shown


def test_the_monitors_help_names_all_that_can_be_watched() -> None:
    shown = " ".join(run_tlog("monitor", "--help").stdout.split())
    for form in ("sha256:", "identity:TEXT", "issuer:TEXT", "files", "certificates"):
        assert form in shown
