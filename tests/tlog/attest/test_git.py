"""No repository, a git that refuses, and no git at all are three things."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tlog.attest.repositories import git, repository
from tlog.attest.capture import Captured, Told, capture_provenance
from tlog.attest.git import (
    ANOTHER_OWNER,
    DAMAGED,
    NOT_INSTALLED,
    NOT_RUN,
    OUTSIDE,
    REFUSED,
    GitSilence,
    GitState,
    read_git,
)

REMOTE = "https://git.example/team/app.git"
STRANGER = 12_345


@pytest.fixture(autouse=True)
def nobodys_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom git trusts on this machine, and what lies above, is no part of a test."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for level in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{level}", os.devnull)
    for name in ("GIT_CONFIG_COUNT", "GIT_DIR", "GIT_WORK_TREE", "SUDO_UID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a repository with a remote."""
    made = tmp_path / "checkout"
    made.mkdir()
    repository(made)
    git(made, "config", "remote.origin.url", REMOTE)
    return made


def give_away(folder: Path) -> None:
    """Give a repository to another user, as a container's checkout belongs to one."""
    if os.geteuid() != 0:
        pytest.skip("only root can give files to another user")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, STRANGER, STRANGER)


def break_settings(folder: Path) -> None:
    with (folder / ".git" / "config").open("a") as file:
        file.write("[core\n")


def damage(folder: Path) -> None:
    (folder / ".git" / "HEAD").unlink()


def point_nowhere(folder: Path) -> None:
    (folder / ".git").rename(folder / "moved")
    (folder / ".git").write_text("gitdir: there-is-none\n")


def damage_the_branch(folder: Path) -> None:
    (folder / ".git" / "refs" / "heads" / "main").write_text("garbage\n")


def ask_for_the_future(folder: Path) -> None:
    git(folder, "config", "core.repositoryFormatVersion", "99")


REFUSALS = [
    pytest.param(give_away, ANOTHER_OWNER, id="another-owner"),
    pytest.param(break_settings, REFUSED, id="settings-that-are-none"),
    pytest.param(ask_for_the_future, REFUSED, id="newer-format"),
    pytest.param(damage, DAMAGED, id="without-its-head"),
    pytest.param(point_nowhere, REFUSED, id="moved-away"),
    pytest.param(damage_the_branch, REFUSED, id="damaged-branch"),
]


@pytest.mark.parametrize(("change", "expected"), REFUSALS)
def test_a_repository_that_git_refuses_is_not_none(
    folder: Path, change: Callable[[Path], None], expected: GitSilence
) -> None:
    assert isinstance(read_git(folder), GitState)
    change(folder)
    assert expected == read_git(folder)


def test_a_repository_of_another_owner_answers_where_it_is_trusted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_away(folder)
    settings = folder.parent / "settings"
    settings.write_text(f"[safe]\n\tdirectory = {folder}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    assert isinstance(read_git(folder), GitState)


def test_without_git_nothing_is_known(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert NOT_INSTALLED == read_git(folder)


def test_a_git_that_cannot_be_run_is_told_apart_from_none(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git").write_bytes(b"\x7fELF, but no more of it")
    (tools / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    assert NOT_RUN == read_git(folder)


def test_a_folder_of_no_repository_has_none(tmp_path: Path) -> None:
    assert read_git(tmp_path) is None


@pytest.mark.parametrize("language", ["de_DE.UTF-8", "C"])
def test_a_complaint_is_understood_in_any_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("LC_ALL", language)
    monkeypatch.setenv("LANGUAGE", language)
    assert read_git(tmp_path) is None


def test_a_folder_outside_of_the_work_tree_is_none_of_its_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert OUTSIDE == read_git(folder / ".git")
    outside = tmp_path / "outside"
    outside.mkdir()
    monkeypatch.setenv("GIT_DIR", str(folder / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(folder))
    assert isinstance(read_git(folder), GitState)
    assert OUTSIDE == read_git(outside)


def test_files_that_git_cannot_compare_are_not_called_unchanged(folder: Path) -> None:
    (folder / ".git" / "index").write_bytes(b"no index")
    state = read_git(folder)
    assert isinstance(state, GitState)
    assert state.is_modified is None
    checkout, internal, told = captured(capture_provenance(folder, {}, Told(0)))
    assert {"modified": "unknown"} == checkout["annotations"]
    assert "git does not tell whether files were changed" == internal["checkout"]
    assert ["checkout"] == told


def captured(found: Captured) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Return the checkout among the dependencies, the internal parameters, and what
    was told.
    """
    definition: Any = found.predicate["buildDefinition"]
    first = definition["resolvedDependencies"][:1]
    told = [it.what for it in found.omissions]
    return first[0] if first else {}, definition["internalParameters"], told


def in_ci(revision: str) -> dict[str, str]:
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "octocat/app",
        "GITHUB_SHA": revision,
    }


@pytest.mark.parametrize(("change", "expected"), REFUSALS)
def test_a_refused_checkout_is_neither_clean_nor_a_bare_commit(
    folder: Path, change: Callable[[Path], None], expected: GitSilence
) -> None:
    revision = git(folder, "rev-parse", "HEAD")
    change(folder)
    checkout, internal, told = captured(capture_provenance(folder, {}, Told(0)))
    # Nobody names a commit then, and the reason is told all the same.
    assert {} == checkout
    assert (expected.why, ["checkout"]) == (internal["checkout"], told)
    checkout, internal, told = captured(
        capture_provenance(folder, in_ci(revision), Told(0))
    )
    assert {"gitCommit": revision} == checkout["digest"]
    assert {"modified": "unknown"} == checkout["annotations"]
    assert (expected.why, ["checkout"]) == (internal["checkout"], told)
    assert str(folder) not in str(internal)


def test_what_the_ci_names_is_unknown_outside_of_any_checkout(tmp_path: Path) -> None:
    revision = "7f" * 20
    checkout, internal, told = captured(
        capture_provenance(tmp_path, in_ci(revision), Told(0))
    )
    assert {"gitCommit": revision} == checkout["digest"]
    assert {"modified": "unknown"} == checkout["annotations"]
    assert "the working folder lies in no repository" == internal["checkout"]
    assert ["checkout"] == told


def test_a_clean_checkout_has_nothing_to_tell(folder: Path) -> None:
    revision = git(folder, "rev-parse", "HEAD")
    checkout, internal, told = captured(
        capture_provenance(folder, in_ci(revision), Told(0))
    )
    assert {"gitCommit": revision} == checkout["digest"]
    assert ("annotations" in checkout, "checkout" in internal, told) == (
        False,
        False,
        [],
    )


def test_a_repository_without_a_commit_runs_no_filter(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    ran = tmp_path / "ran"
    (tmp_path / ".git" / "info" / "attributes").write_text("* filter=spy\n")
    git(tmp_path, "config", "filter.spy.clean", f"touch {ran}; cat")
    os.utime(tmp_path / "file", (1, 1))
    assert (None, False) == (read_git(tmp_path), ran.exists())
    # The filter does run where nobody prevents it.
    subprocess.run(["git", "status"], cwd=tmp_path, check=True, capture_output=True)
    assert ran.exists()
