"""The state of a git repository: which revision, from where, changed or not.

A repository's own settings may name programs, and its `.gitattributes` say when they
run.  None is run for a question here: monitors, hooks and pagers are set to nothing,
so is each filter that is configured, and nothing is fetched.  A file that a filter
would have changed back counts as changed.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog.attest.commands import ask

_GIT: Final = (
    *("git", "--no-optional-locks", "-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat"),
)
_MAX_SETTINGS_CHARS: Final = 1 << 20
_REVISION: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FILTER: Final = re.compile(r"(?s)filter\.(.+)\.[^.]+")
# Objects that a partial clone lacks would be fetched, by programs of its settings.
_OFFLINE: Final = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}


@dataclass(frozen=True, slots=True)
class GitState:
    """What is checked out.

    remote: the URL of `origin` as it is configured, with any credentials; "" for none.
    ref: refs/..., "" where no branch is checked out.  is_modified: tracked files of the
    repository differ from the revision; files of submodules are not looked at.
    """

    revision: str
    remote: str
    ref: str
    is_modified: bool


def read_git(folder: Path) -> GitState | None:
    """Return the state of the repository that holds `folder`; None if there is none."""
    settings = _settings()
    revision = ask([*_GIT, "rev-parse", "--verify", "HEAD"], folder, settings)
    if revision is None or not is_revision(revision):
        return None
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


def _is_modified(folder: Path, settings: dict[str, str]) -> bool:
    listing = [*_GIT, "config", "--null", "--name-only", "--list"]
    names = ask(listing, folder, settings, most_chars=_MAX_SETTINGS_CHARS)
    # Where the answer is not known, it is not said that nothing was changed.
    if names is None or len(names) >= _MAX_SETTINGS_CHARS:
        return True
    found = {it[1] for it in map(_FILTER.fullmatch, names.split("\0")) if it}
    status = [*_GIT, "status", "--porcelain", "--untracked-files=no"]
    # `git status` would run in each submodule, by the settings that it finds there.
    status.append("--ignore-submodules=dirty")
    return ask(status, folder, _without_filters(settings, found)) != ""


def _settings() -> dict[str, str]:
    """Return the settings that git's own variables make: CI systems set some so."""
    return _OFFLINE | {
        name: value
        for name, value in os.environ.items()
        if name.startswith("GIT_CONFIG_")
    }


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
