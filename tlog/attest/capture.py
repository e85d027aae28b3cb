"""SLSA provenance v1 of a build, from the environment and the folder it runs in.

    buildType             urn:tlog:build:captured:v1
    externalParameters    source, ref; of a CI system: workflow, job, config, event
    internalParameters    toolchain, platform
    resolvedDependencies  the source with its revision; each lock file with its digest
    runDetails            builder.id; invocationId, startedOn, finishedOn

Everything passes `tlog.attest.redaction` before it leaves this file.

Source: SLSA provenance v1; this project's `docs/attestations.md`, "What is captured".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tlog.attest.ci import ALLOWED_VARIABLES, CiBuild, read_ci
from tlog.attest.git import GitState, read_git
from tlog.attest.materials import LockFile, read_lock_files
from tlog.attest.redaction import (
    Omission,
    clean_url,
    read_variables,
    redact,
    secret_values,
)
from tlog.attest.toolchain import read_toolchain
from tlog.errors import RejectedError
from tlogverify.attestation.slsa import read_provenance
from tlogverify.errors import FormatError

BUILD_TYPE: Final = "urn:tlog:build:captured:v1"

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
)


@dataclass(frozen=True, slots=True)
class Told:
    """What people say of their build: builder_id and started_on win over a CI's word.

    time_s: now, which is when the build is over.
    Raises FormatError for what is no URI, and for what is no time.
    """

    time_s: int
    builder_id: str = ""
    started_on: str = ""

    def __post_init__(self) -> None:
        if self.started_on:
            require_time(self.started_on)
        if self.builder_id and _URI.fullmatch(self.builder_id) is None:
            raise FormatError("a builder's id is a URI")


@dataclass(frozen=True, slots=True)
class Captured:
    """A predicate, and what was left out of it."""

    predicate: dict[str, object]
    omissions: tuple[Omission, ...]


def capture(folder: Path, environment: Mapping[str, str], told: Told) -> Captured:
    """Capture the provenance of what was built in `folder`.

    Raises RejectedError if the builder's id looks like a secret.
    """
    variables, unread = read_variables(environment, ALLOWED_VARIABLES)
    build, git = read_ci(variables), read_git(folder)
    found = _Found(build, git, read_lock_files(folder), told)
    toolchain = read_toolchain(folder, [it.name for it in found.lock_files])
    document, unnamed = found.predicate(toolchain)
    predicate, omitted = redact(document, secret_values(environment))
    try:
        read_provenance(predicate)
    except FormatError:
        raise RejectedError(
            "secret-builder", "the builder's id looks like a secret: --builder-id"
        ) from None
    return Captured(predicate, (*unread, *unnamed, *omitted))


def require_time(text: str) -> None:
    """Raise FormatError unless a text is a time by RFC 3339."""
    try:
        if _TIME.fullmatch(text) is None:
            raise ValueError
        datetime.fromisoformat(text)
    except ValueError:
        raise FormatError("a time is RFC 3339: 2026-01-31T12:00:00Z") from None


@dataclass(frozen=True, slots=True)
class _Found:
    build: CiBuild
    git: GitState | None
    lock_files: tuple[LockFile, ...]
    told: Told

    def predicate(
        self, toolchain: Mapping[str, str]
    ) -> tuple[dict[str, object], tuple[Omission, ...]]:
        source, omissions = self._source()
        ref = self.build.ref or ("" if self.git is None else self.git.ref)
        external = {"source": source, "ref": ref, **dict(self.build.parameters)}
        internal: dict[str, object] = {"toolchain": dict(toolchain)}
        if self.build.platform:
            internal["platform"] = dict(self.build.platform)
        dependencies = [*self._checkout(source, ref), *map(_material, self.lock_files)]
        return {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": _without_empty(external),
                "internalParameters": internal,
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": {"id": self.told.builder_id or self.build.builder_id},
                "metadata": self._metadata(),
            },
        }, omissions

    def _source(self) -> tuple[str, tuple[Omission, ...]]:
        found = self.build.source or ("" if self.git is None else self.git.remote)
        if not found:
            return "", ()
        url = clean_url(found)
        if url is None:
            return "", (Omission("source", "it is no URL of a network"),)
        # git@ is no secret: it is the user of everybody.
        if url != found and re.search(r"(?i)^https?://[^/]*@|:[^/@]+@|[?#]", found):
            return f"git+{url}", (
                Omission("source", "user, password and query of its URL"),
            )
        return f"git+{url}", ()

    def _checkout(self, source: str, ref: str) -> list[dict[str, object]]:
        # What lies in the folder wins over what the CI was asked to check out.
        commit = self.build.commit if self.git is None else self.git.revision
        if not commit:
            return []
        # Without a URL that others know, the revision is still told.
        checkout: dict[str, object] = {"digest": {"gitCommit": commit}}
        if source:
            checkout["uri"] = f"{source}@{ref}" if ref else source
        if self.git is not None and self.git.is_modified:
            checkout["annotations"] = {"modified": True}
        return [checkout]

    def _metadata(self) -> dict[str, str]:
        finished = datetime.fromtimestamp(self.told.time_s, UTC)
        started = self.told.started_on or self.build.started_on
        return _without_empty(
            {
                "invocationId": self.build.invocation_id,
                "startedOn": started if _TIME.fullmatch(started) else "",
                "finishedOn": finished.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )


def _material(lock_file: LockFile) -> dict[str, object]:
    digest = {"sha256": lock_file.sha256.hex()}
    return {"name": lock_file.name, "digest": digest}


def _without_empty(members: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in members.items() if value}
