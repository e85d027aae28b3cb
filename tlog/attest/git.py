"""The state of a git repository: which revision, from where, changed or not.

A repository's own settings may name programs, and its `.gitattributes` say when they
run.  No such program is run for a question here: monitors, hooks and pagers are set to
nothing, so is each filter that is configured, and nothing is fetched.  A file that a
filter would have changed back counts as changed.

That there is no repository, that git refuses to speak of one, and that git is not
installed are three things.  Only the first is an answer.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog.attest.commands import TIMEOUT_S, NotRun, ask, call

_GIT: Final = (
    *("git", "--no-optional-locks", "-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat"),
)
_MAX_SETTINGS_CHARS: Final = 1 << 20
_REVISION: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FILTER: Final = re.compile(r"(?s)filter\.(.+)\.[^.]+")
# Objects that a partial clone lacks would be fetched, by programs of its settings.
_OFFLINE: Final = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
# Complaints are read here, so they must be in one language.
_ENGLISH: Final = {"LC_ALL": "C", "LANGUAGE": ""}


@dataclass(frozen=True, slots=True)
class GitState:
    """What is checked out.

    remote: the URL of `origin` as it is configured, with any credentials; "" for none.
    ref: refs/..., "" where no branch is checked out.  is_modified: tracked files of the
    repository differ from the revision, and files of submodules are not looked at; None
    where git does not answer that.
    """

    revision: str
    remote: str
    ref: str
    is_modified: bool | None


@dataclass(frozen=True, slots=True)
class GitSilence:
    """Git has not answered for a folder, which may hold any revision in any state.

    why: the reason, without names of this machine.  advice: what to do about it.
    """

    why: str
    advice: str


NOT_INSTALLED: Final = GitSilence("git is not on the PATH", "install it")
NOT_RUN: Final = GitSilence(
    f"git could not be run, or took more than {TIMEOUT_S} seconds",
    "`git status` in this folder shows why",
)
ANOTHER_OWNER: Final = GitSilence(
    "git refused, as the repository belongs to another user",
    "name it in git's setting safe.directory, or run this as its owner",
)
REFUSED: Final = GitSilence("git refused", "`git status` in this folder says why")
DAMAGED: Final = GitSilence(
    "git does not take the .git that lies here for a repository",
    "`git status` in this folder says why",
)
OUTSIDE: Final = GitSilence(
    "the working folder lies outside of the repository's files",
    "run this within its work tree",
)


def read_git(folder: Path) -> GitState | GitSilence | None:
    """Return the state of the repository that holds `folder`.

    None if there is no repository, or none with a commit.  A repository that git does
    not answer for is neither: see `GitSilence`.
    """
    settings = _settings()
    inside = call([*_GIT, "rev-parse", "--is-inside-work-tree"], folder, settings)
    if isinstance(inside, NotRun):
        return NOT_INSTALLED if inside.is_missing else NOT_RUN
    if inside.status != 0:
        return _refusal(folder, inside.complained)
    if inside.said != "true":
        return OUTSIDE
    revision = ask([*_GIT, "rev-parse", "--verify", "HEAD"], folder, settings)
    if revision is None or not is_revision(revision):
        return _unborn(folder, settings)
    return GitState(
        revision=revision,
        remote=ask([*_GIT, "config", "--get", "remote.origin.url"], folder, settings)
        or "",
        ref=ask([*_GIT, "symbolic-ref", "--quiet", "HEAD"], folder, settings) or "",
        is_modified=_is_modified(folder, settings),
    )


def is_revision(text: str) -> bool:
    """Tell whether a text names a commit: 40 or 64 lower-case hex digits."""
    return _REVISION.fullmatch(text) is not None


def _refusal(folder: Path, complained: str) -> GitSilence | None:
    """Return what a failed first question means; None where there is no repository."""
    if "dubious ownership" in complained:
        return ANOTHER_OWNER
    if "not a git repository (or any" not in complained:
        return REFUSED
    # Git passes over a .git without its parts, and says the same as without one.
    return DAMAGED if _has_dot_git(folder) else None


def _has_dot_git(folder: Path) -> bool:
    """Tell whether a .git lies in a folder or above it, as far up as git may look."""
    ceilings = os.environ.get("GIT_CEILING_DIRECTORIES", "").split(os.pathsep)
    for place in (folder.resolve(), *folder.resolve().parents):
        if str(place) in ceilings:
            return False
        if os.path.lexists(place / ".git"):
            return True
    return False


def _unborn(folder: Path, settings: dict[str, str]) -> GitSilence | None:
    """Return None for a repository without a commit, else that git refuses it."""
    said = _status(folder, settings, "--porcelain=v2", "--branch")
    lines = () if said is None else said.splitlines()
    is_unborn = "# branch.oid (initial)" in lines
    # A branch whose file is damaged is told as (initial) too, but without its name.
    return None if is_unborn and "# branch.head (unknown)" not in lines else REFUSED


def _is_modified(folder: Path, settings: dict[str, str]) -> bool | None:
    said = _status(folder, settings, "--porcelain")
    return None if said is None else said != ""


def _status(folder: Path, settings: dict[str, str], *form: str) -> str | None:
    """Return what `git status` says of tracked files; None where it does not answer."""
    listing = [*_GIT, "config", "--null", "--name-only", "--list"]
    names = ask(listing, folder, settings, most_chars=_MAX_SETTINGS_CHARS)
    # A filter behind the bound would be run.
    if names is None or len(names) >= _MAX_SETTINGS_CHARS:
        return None
    found = {it[1] for it in map(_FILTER.fullmatch, names.split("\0")) if it}
    status = [*_GIT, "status", *form, "--untracked-files=no"]
    # `git status` would run in each submodule, by the settings that it finds there.
    status.append("--ignore-submodules=dirty")
    return ask(status, folder, _without_filters(settings, found))


def _settings() -> dict[str, str]:
    """Return the settings that git's own variables make: CI systems set some so."""
    return (
        _OFFLINE
        | _ENGLISH
        | {
            name: value
            for name, value in os.environ.items()
            if name.startswith("GIT_CONFIG_")
        }
    )


def _without_filters(settings: dict[str, str], filters: set[str]) -> dict[str, str]:
    """Return settings by which none of the filters names a program."""
    count = settings.get("GIT_CONFIG_COUNT", "")
    at = int(count) if re.fullmatch(r"[0-9]{1,6}", count) else 0
    changed = dict(settings)
    for name in sorted(filters):
        for member, value in (("clean", ""), ("process", ""), ("required", "false")):
            changed[f"GIT_CONFIG_KEY_{at}"] = f"filter.{name}.{member}"
            changed[f"GIT_CONFIG_VALUE_{at}"] = value
            at += 1
    return changed | {"GIT_CONFIG_COUNT": str(at)}
