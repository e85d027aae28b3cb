"""SLSA provenance v1 of a build, from the environment and the folder it runs in.

    buildType             urn:tlog:build:captured:v1
    externalParameters    source, ref; of a CI system: workflow, job, config, event
    internalParameters    toolchain, platform
                          checkout, where git has not answered
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

from tlog.attest.ci import ALLOWED_VARIABLES, LOCAL_BUILDER, CiBuild, read_ci
from tlog.attest.git import GitSilence, GitState, is_revision, read_git
from tlog.attest.materials import LockFile, read_lock_files
from tlog.attest.redaction import NOTHING, Allowance, Omission, redact
from tlog.attest.toolchain import read_toolchain
from tlog.attest.urls import clean_url
from tlog.attest.variables import read_variables, secret_values
from tlog.errors import RejectedError
from tlogverify.attestation.slsa import read_provenance
from tlogverify.errors import FormatError

BUILD_TYPE: Final = "urn:tlog:build:captured:v1"
MINIMAL_TYPE: Final = "urn:tlog:provenance:minimal:v1"
TRACE_MEMBER: Final = "tlog_traceparent"
"""An extension of SLSA's metadata, as it wants them called: whose, and what."""
"""The predicate type of what `minimal` leaves."""

# The characters of RFC 3986, 2.
# Of the version that there is; identifiers of zeros alone are none.
_TRACEPARENT: Final = re.compile(
    r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_URI: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
)
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
)


@dataclass(frozen=True, slots=True)
class Told:
    """What people say of their build: builder_id and started_on win over a CI's word.

    time_s: now, which is when the build is over.
    Raises FormatError, which shows none of it, for what is no URI, for what is no time,
    and for a start that is still to come.
    """

    time_s: int
    builder_id: str = ""
    started_on: str = ""

    def __post_init__(self) -> None:
        if self.started_on:
            started = utc_time(self.started_on)
            if started > _utc(datetime.fromtimestamp(self.time_s, UTC)):
                raise FormatError("a build starts before it is over")
        if self.builder_id:
            require_uri("a builder's id", self.builder_id)


@dataclass(frozen=True, slots=True)
class Captured:
    """A predicate, and what was left out of it."""

    predicate: dict[str, object]
    omissions: tuple[Omission, ...]


def capture_provenance(
    folder: Path,
    environment: Mapping[str, str],
    told: Told,
    allowed: Allowance = NOTHING,
) -> Captured:
    """Capture the provenance of what was built in `folder`.

    allowed: members that stay, whatever looks like a secret in them.

    Raises RejectedError if the builder's id looks like a secret, or is no plain URL
    where a CI system names it.
    """
    variables, unread = read_variables(environment, ALLOWED_VARIABLES)
    found = _Found(read_ci(variables), read_git(folder), read_lock_files(folder), told)
    builder, of_builder = found.builder()
    toolchain = read_toolchain(folder, [it.name for it in found.lock_files])
    document, unnamed = found.predicate(toolchain, builder)
    predicate, omitted = redact(document, secret_values(environment), allowed)
    try:
        read_provenance(predicate)
    except FormatError:
        raise RejectedError(
            "the builder's id looks like a secret: give another by --builder-id, or "
            "let it stay by --allow runDetails.builder.id",
        ) from None
    return Captured(predicate, (*unread, *of_builder, *unnamed, *omitted))


def minimal(predicate: Mapping[str, object]) -> dict[str, object]:
    """Return captured provenance without materials, parameters and tools.

    The source with its ref, builder, build type, invocation and times are left.  It is
    no SLSA provenance any more, and so of MINIMAL_TYPE.
    """
    build = predicate["buildDefinition"]
    external = build["externalParameters"] if isinstance(build, Mapping) else {}
    kept = {name: external[name] for name in ("source", "ref") if name in external}
    given = predicate["runDetails"]
    details = dict(given) if isinstance(given, Mapping) else {}
    metadata = details.get("metadata")
    without_trace = dict(metadata) if isinstance(metadata, Mapping) else {}
    without_trace.pop(TRACE_MEMBER, None)
    return {
        "buildDefinition": {"buildType": BUILD_TYPE, "externalParameters": kept},
        "runDetails": {**details, "metadata": without_trace},
    }


def require_uri(rule: str, text: str) -> None:
    """Raise FormatError, which does not show the text, unless it is a URI."""
    if _URI.fullmatch(text) is None:
        raise FormatError(f"{rule} is a URI")


def utc_time(text: str) -> str:
    """Return a time by RFC 3339 in whole seconds of UTC, as SLSA provenance has it.

    FormatError for another text.
    """
    try:
        if _TIME.fullmatch(text) is None:
            raise ValueError
        return _utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise FormatError("a time is RFC 3339: 2026-01-31T12:00:00Z") from None


def _utc(time: datetime) -> str:
    # isoformat writes four digits of a year, strftime may not.
    utc = time.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    return f"{utc.isoformat()}Z"


@dataclass(frozen=True, slots=True)
class _Found:
    build: CiBuild
    git: GitState | GitSilence | None
    lock_files: tuple[LockFile, ...]
    told: Told

    def builder(self) -> tuple[str, tuple[Omission, ...]]:
        """Return the builder's id; RejectedError if the CI's is no plain URL."""
        if self.told.builder_id:
            return self.told.builder_id, ()
        named = self.build.builder_id
        if named == LOCAL_BUILDER:
            is_ci = self.build != CiBuild(LOCAL_BUILDER)
            why = "the CI system does not name its runner"
            return named, (Omission("builder.id", why),) if is_ci else ()
        plain = _plain_url(named)
        if not plain:
            raise RejectedError("the builder's id is no plain URL: --builder-id")
        return plain, ()

    def predicate(
        self, toolchain: Mapping[str, str], builder: str
    ) -> tuple[dict[str, object], tuple[Omission, ...]]:
        source, of_source = self._source()
        ref = self.build.ref or (self.git.ref if isinstance(self.git, GitState) else "")
        external = {"source": source, "ref": ref, **dict(self.build.parameters)}
        internal: dict[str, object] = {"toolchain": dict(toolchain)}
        if self.build.platform:
            internal["platform"] = dict(self.build.platform)
        unknown, of_git = self._unknown()
        if unknown:
            internal["checkout"] = unknown
        checkout, of_checkout = self._checkout(source, ref)
        metadata, of_metadata = self._metadata()
        dependencies = [*checkout, *map(_material, self.lock_files)]
        return {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": _without_empty(external),
                "internalParameters": internal,
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": {"id": builder},
                "metadata": metadata,
            },
        }, (*of_git, *of_source, *of_checkout, *of_metadata)

    def _unknown(self) -> tuple[str, tuple[Omission, ...]]:
        """Return why nothing is known of the files that were built; "" if it is."""
        if isinstance(self.git, GitSilence):
            why, advice = self.git.why, self.git.advice
        elif self.git is None and (self.build.commit or self.build.source):
            why = "the working folder lies in no repository"
            advice = "run this in the checkout that the CI system names"
        elif self.git is not None and self.git.is_modified is None:
            why = "git does not tell whether files were changed"
            advice = "`git status` in this folder says why"
        else:
            return "", ()
        return why, (Omission("checkout", f"{why}: {advice}"),)

    def _source(self) -> tuple[str, tuple[Omission, ...]]:
        remote = self.git.remote if isinstance(self.git, GitState) else ""
        found = self.build.source or remote
        if not found:
            return "", ()
        url = clean_url(found)
        if url is None:
            return "", (Omission("source", "it is no plain URL of a network"),)
        # git@ is no secret: it is the user of everybody.
        if re.search(r"(?i)^https?://[^/]*@|:[^/@]+@|[?#]", found):
            return f"git+{url}", (
                Omission("source", "user, password and query of its URL"),
            )
        return f"git+{url}", ()

    def _checkout(
        self, source: str, ref: str
    ) -> tuple[list[dict[str, object]], tuple[Omission, ...]]:
        commit, why = self._commit()
        omissions = [Omission("gitCommit", why)] if why else []
        checkout: dict[str, object] = {}
        uri = f"{source}@{ref}" if ref else source
        if source and _URI.fullmatch(uri) is None:
            omissions.append(Omission("uri", "it has characters that no URI has"))
        elif source:
            checkout["uri"] = uri
        # Without a URL that others know, the revision is still told.
        if commit:
            checkout["digest"] = {"gitCommit": commit}
        if checkout and self._unknown()[0]:
            # Whoever asks whether it is true or absent takes it for neither.
            checkout["annotations"] = {"modified": "unknown"}
        elif checkout and isinstance(self.git, GitState) and self.git.is_modified:
            checkout["annotations"] = {"modified": True}
        return [checkout] if checkout else [], tuple(omissions)

    def _commit(self) -> tuple[str, str]:
        """Return the commit that belongs to the source, or "" and why there is none."""
        named = self.build.commit
        if named and not is_revision(named):
            return "", "what the CI names is no commit"
        # The CI's word alone, which `annotations` says.
        if not isinstance(self.git, GitState):
            return named, ""
        # The CI's source and another repository's revision would make a pair that
        # nobody has ever checked out.
        if (named or self.build.source) and named != self.git.revision:
            return "", "what is checked out here is not the commit that the CI names"
        return self.git.revision, ""

    def _metadata(self) -> tuple[dict[str, str], tuple[Omission, ...]]:
        finished = _utc(datetime.fromtimestamp(self.told.time_s, UTC))
        omissions = []
        invocation = _plain_url(self.build.invocation_id)
        if self.build.invocation_id and not invocation:
            omissions.append(Omission("invocationId", "it is no plain URL"))
        started = self.told.started_on or self.build.started_on
        try:
            started = utc_time(started) if started else ""
        except FormatError:
            omissions.append(Omission("startedOn", "it is no time"))
            started = ""
        if started > finished:
            omissions.append(Omission("startedOn", "it is later than now"))
            started = ""
        trace = self.build.traceparent
        if trace and _TRACEPARENT.fullmatch(trace) is None:
            omissions.append(Omission("TRACEPARENT", "it is no W3C trace context"))
            trace = ""
        members = {
            "invocationId": invocation,
            "startedOn": started,
            "finishedOn": finished,
            TRACE_MEMBER: trace,
        }
        return _without_empty(members), tuple(omissions)


def _plain_url(url: str) -> str:
    """Return a URL with its host in lower case; "" where more than that is unclean."""
    plain = clean_url(url)
    return plain if plain is not None and plain.lower() == url.lower() else ""


def _material(lock_file: LockFile) -> dict[str, object]:
    digest = {"sha256": lock_file.sha256.hex()}
    return {"name": lock_file.name, "digest": digest}


def _without_empty(members: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in members.items() if value}
