"""Policies by name: a file, or a name in one of the folders that hold policies."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tlogverify.errors import FormatError
from tlogverify.policy import Policy

VARIABLE: Final = "TLOG_POLICY"
FOLDERS: Final = "~/.config/tlog/policies, then /etc/tlog/policies"

_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_VERIFIER_KEY: Final = r"[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*"


def policy_folders(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where policies are looked for by name, the user's own first.

    Source: XDG Base Directory Specification: a path that is not absolute is ignored.
    """
    own = environment.get("XDG_CONFIG_HOME", "")
    home = environment.get("HOME", "")
    config = own if os.path.isabs(own) else os.path.join(home, ".config")
    folders = [Path(config)] if os.path.isabs(config) else []
    return tuple(it / "tlog" / "policies" for it in (*folders, Path("/etc")))


def find_policy(given: str, folders: tuple[Path, ...]) -> Path:
    """Return the file that a path or a name leads to; FormatError if there is none.

    A name that is a file's path too is refused: a file that lies about in a folder must
    not take the place of the policy that its user named.
    """
    named: list[Path] = []
    if re.fullmatch(_NAME, given):
        named = [it / given for it in folders if os.path.exists(it / given)]
    if "\0" in given:
        raise FormatError("a path has no null")
    if os.path.exists(given):
        if named:
            raise FormatError(
                f"{given} is a file here and {named[0]} too: write ./{given}, or that"
            )
        return Path(given)
    if named:
        return named[0]
    if re.fullmatch(_VERIFIER_KEY, given):
        raise FormatError(
            "--policy is a file, and this is a verifier key: write a file of the lines "
            "`log KEY` and `quorum none`"
        )
    raise FormatError(
        f"No such file: the policy {given}; looked in " + ", ".join(map(str, folders))
    )


def read_policy(given: str, folders: tuple[Path, ...]) -> Policy:
    """Read the policy of a path or a name; FormatError, or OSError."""
    return Policy.read(find_policy(given, folders))
