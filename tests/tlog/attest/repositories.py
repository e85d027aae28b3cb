"""Git repositories in a test's own folder."""

import os
import subprocess
from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    """Run git as nobody in particular; return what it says."""
    ended = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *arguments],
        cwd=folder,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
        check=True,
        capture_output=True,
        text=True,
    )
    return ended.stdout.strip()


def repository(folder: Path, *, branch: str = "main") -> str:
    """Make a repository with one commit; return its revision."""
    git(folder, "init", "--quiet", "--initial-branch", branch)
    (folder / "tracked").write_text("one")
    git(folder, "add", "tracked")
    git(folder, "commit", "--quiet", "-m", "one")
    return git(folder, "rev-parse", "HEAD")
