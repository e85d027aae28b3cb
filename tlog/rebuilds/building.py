"""The attested source, fetched at its revision and built in a clean folder.

The command sees an environment of its own: where programs are, a new home, UTC, and
the time of the revision as SOURCE_DATE_EPOCH.  It is the caller's command, and runs
with the caller's rights: who doubts the source runs this in a machine to throw away.

Source: reproducible-builds.org, "SOURCE_DATE_EPOCH".
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog.clock import Clock
from tlogverify.attestation.members import array_member, object_member, optional_text
from tlogverify.attestation.slsa import MAX_DEPENDENCIES
from tlogverify.errors import FormatError, TlogError

_REVISION: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PROTOCOLS: Final = "https:ssh:file"


class NotBuiltError(TlogError):
    """The source could not be fetched, or its command made no artifact."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the source is, and which revision was built; uri: "" if it is not told."""

    uri: str
    revision: str


@dataclass(frozen=True, slots=True)
class Built:
    """A rebuilt artifact; seconds: from the first byte fetched to the last one made."""

    path: Path
    seconds: float
    epoch_s: int


def source_of(predicate: Mapping[str, object]) -> Source:
    """Return the source that SLSA provenance names first, with its git revision.

    Raises FormatError if it names none.
    """
    rule = "provenance"
    definition = object_member(rule, predicate, "buildDefinition")
    for it in array_member(rule, definition, "resolvedDependencies", MAX_DEPENDENCIES):
        digest = object_member("a dependency", it, "digest")
        revision = optional_text("a dependency", digest, "gitCommit")
        if _REVISION.fullmatch(revision):
            uri = optional_text("a dependency", it, "uri")
            return Source(uri.removeprefix("git+").partition("@refs/")[0], revision)
    raise FormatError("the provenance names the revision of its source (gitCommit)")


def build_again(
    source: Source,
    command: Sequence[str],
    output: Path,
    folder: Path,
    clock: Clock,
) -> Built:
    """Fetch a source into a new folder below `folder`, and run a command there.

    source: its uri is what git can clone.  output: of the command, below the source.

    Raises NotBuiltError.
    """
    checkout, home = folder / "source", folder / "home"
    home.mkdir()
    begun_s = clock.monotonic_s()
    _git(folder, "clone", "--quiet", "--no-checkout", "--", source.uri, str(checkout))
    _git(checkout, "checkout", "--quiet", "--detach", source.revision)
    epoch_s = int(_git(checkout, "log", "-1", "--format=%ct"))
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "SOURCE_DATE_EPOCH": str(epoch_s),
    }
    try:
        ended = subprocess.run(  # noqa: S603 - the caller's own command
            command,
            cwd=checkout,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            check=False,
        )
    except OSError as error:
        raise NotBuiltError(f"{command[0]} could not be run: {error}") from error
    if ended.returncode:
        raise NotBuiltError(f"{command[0]} ended with {ended.returncode}")
    made = checkout / output
    if not made.is_file():
        raise NotBuiltError(f"{command[0]} has made no {output}")
    return Built(made, clock.monotonic_s() - begun_s, epoch_s)


def _git(folder: Path, *arguments: str) -> str:
    variables = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": _PROTOCOLS}
    try:
        ended = subprocess.run(  # noqa: S603 - the commands stand in this file
            ["git", *arguments],  # noqa: S607 - the operator's git
            cwd=folder,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise NotBuiltError(f"git could not be run: {error}") from error
    if ended.returncode:
        said = ended.stderr.strip().splitlines()[-1:]
        raise NotBuiltError(f"git {arguments[0]}: {' '.join(said)}")
    return ended.stdout.strip()
