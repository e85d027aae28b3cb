"""Completion and manual pages say what the parsers take."""

import argparse
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.cases import case
from tests.system.server import run_tlog
from tlog.cli.command import verb_parser
from tlog.cli.completion import SCRIPTS
from tlog.cli.described import describe_verbs
from tlog.cli.verbs import NAMES


def script(shell: str) -> str:
    return "\n".join([*SCRIPTS[shell](describe_verbs()), ""])


def shown_actions(name: str) -> list[argparse.Action]:
    """Return what a verb's help shows."""
    found = verb_parser(name)._actions
    return [it for it in found if it.help != argparse.SUPPRESS]


def completed(folder: Path, *words: str) -> set[str]:
    """Return what bash offers for the last of some words, in an empty folder."""
    quoted = " ".join(f"'{it}'" for it in words)
    asked = f"{script('bash')}\nCOMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}\n"
    done = subprocess.run(
        ["bash", "-c", f"{asked}_tlog; printf '%s\\n' \"${{COMPREPLY[@]}}\""],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    assert "" == done.stderr
    return set(done.stdout.split())


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
def test_bash_completes_verbs_flags_and_values(tmp_path: Path) -> None:
    assert {"backfill", "backup"} == completed(tmp_path, "tlog", "ba")
    assert {"--policy"} == completed(tmp_path, "tlog", "verify", "--pol")
    assert {"fish"} == completed(tmp_path, "tlog", "completion", "f")
    assert {"ed25519", "ed25519-pem"} == completed(
        tmp_path, "tlog", "keygen", "--type", "ed"
    )


def test_each_flag_of_each_verb_is_in_each_script() -> None:
    for shell in SCRIPTS:
        text = script(shell)
        for name in NAMES:
            assert name in text
            for action in shown_actions(name):
                for flag in action.option_strings:
                    with case(f"{shell} {name} {flag}"):
                        bare = flag.lstrip("-") if shell == "fish" else flag
                        assert bare in text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_takes_its_script(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here: apt-get install {shell}")
    file = tmp_path / "script"
    file.write_text(script(shell))
    done = subprocess.run([shell, "-n", file], capture_output=True, check=False)
    assert (0, b"") == (done.returncode, done.stderr)


def test_every_verb_has_a_page_that_man_takes(tmp_path: Path) -> None:
    done = run_tlog("manual", tmp_path / "man1")
    assert 0 == done.returncode, done.stderr
    pages = {it.name: it.read_text() for it in (tmp_path / "man1").iterdir()}
    assert {"tlog.1", *(f"tlog-{name}.1" for name in NAMES)} == pages.keys()
    for name in NAMES:
        for action in shown_actions(name):
            for flag in action.option_strings:
                assert flag.replace("-", "\\-") in pages[f"tlog-{name}.1"], name
    if shutil.which("groff") is None:
        pytest.skip("groff is not here: apt-get install groff")
    for page in sorted((tmp_path / "man1").iterdir()):
        shown = subprocess.run(
            ["groff", "-man", "-ww", "-z", page], capture_output=True, check=False
        )
        assert (0, b"") == (shown.returncode, shown.stderr), page
