"""The state of a git repository: which revision, from where, changed or not."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog.attest.commands import ask

# A repository's own settings may name programs: none of these are run for a question.
_GIT: Final = (
    *("git", "--no-optional-locks", "-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat"),
)
_REVISION: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class GitState:
    """What is checked out.

    remote: the URL of `origin` as it is configured, with any credentials; "" for none.
    ref: refs/..., "" where no branch is checked out.  is_modified: tracked files differ
    from the revision.
    """

    revision: str
    remote: str
    ref: str
    is_modified: bool


def read_git(folder: Path) -> GitState | None:
    """Return the state of the repository that holds `folder`; None if there is none."""
    revision = ask([*_GIT, "rev-parse", "--verify", "HEAD"], folder)
    if revision is None or _REVISION.fullmatch(revision) is None:
        return None
    changes = ask(
        [*_GIT, "status", "--porcelain", "--untracked-files=no", "--", "."], folder
    )
    return GitState(
        revision=revision,
        remote=ask([*_GIT, "config", "--get", "remote.origin.url"], folder) or "",
        ref=ask([*_GIT, "symbolic-ref", "--quiet", "HEAD"], folder) or "",
        # Where the answer is not known, it is not said that nothing was changed.
        is_modified=changes != "",
    )
