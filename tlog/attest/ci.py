"""What a CI system says of a build, by the variables that it documents.

Only the names that stand here are ever read from the environment.  They are the word of
whoever runs the job: a build platform that nobody can fool would have to sign itself.

Source: GitHub Actions, "Variables reference"; GitLab, "Predefined CI/CD variables";
Jenkins, "Using environment variables", and its Git plugin.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

_GITHUB: Final = (
    *("GITHUB_ACTIONS", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_REF"),
    *("GITHUB_SHA", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_WORKFLOW_REF"),
    *("GITHUB_EVENT_NAME", "RUNNER_ENVIRONMENT", "RUNNER_OS", "RUNNER_ARCH"),
)
_GITLAB: Final = (
    *("GITLAB_CI", "CI_PROJECT_URL", "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME"),
    *("CI_COMMIT_TAG", "CI_JOB_URL", "CI_JOB_NAME", "CI_JOB_STARTED_AT"),
    *("CI_PIPELINE_SOURCE", "CI_CONFIG_PATH", "CI_RUNNER_ID"),
    "CI_RUNNER_EXECUTABLE_ARCH",
)
_JENKINS: Final = (
    *("JENKINS_URL", "BUILD_URL", "JOB_NAME", "GIT_URL", "GIT_COMMIT", "GIT_BRANCH"),
)
_EVERYWHERE: Final = ("TRACEPARENT",)
ALLOWED_VARIABLES: Final = frozenset((*_GITHUB, *_GITLAB, *_JENKINS, *_EVERYWHERE))

LOCAL_BUILDER: Final = "urn:tlog:builder:local"


@dataclass(frozen=True, slots=True)
class CiBuild:
    """One run; "" is what the system does not say.

    source: a repository's URL, as found.  parameters: what a tenant chose, beside
    source and ref.  platform: what the system chose.  traceparent: the span that the
    build is a part of, as found (W3C Trace Context, 3.2).
    """

    builder_id: str
    invocation_id: str = ""
    source: str = ""
    ref: str = ""
    commit: str = ""
    started_on: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    platform: tuple[tuple[str, str], ...] = ()
    traceparent: str = ""


def read_ci(variables: Mapping[str, str]) -> CiBuild:
    """Return what the environment says of this run; `LOCAL_BUILDER` outside of CI."""
    return replace(_build_of(variables), traceparent=variables.get("TRACEPARENT", ""))


def _build_of(variables: Mapping[str, str]) -> CiBuild:
    if variables.get("GITHUB_ACTIONS") == "true":
        return _github(variables)
    if variables.get("GITLAB_CI") == "true":
        return _gitlab(variables)
    if variables.get("JENKINS_URL"):
        return _jenkins(variables)
    return CiBuild(LOCAL_BUILDER)


def _github(variables: Mapping[str, str]) -> CiBuild:
    def get(name: str) -> str:
        return variables.get(name, "")

    # Slashes at an end are no part of a name: URL//o/r would be another repository.
    server = get("GITHUB_SERVER_URL").rstrip("/") or "https://github.com"
    name = get("GITHUB_REPOSITORY").strip("/")
    repository = f"{server}/{name}" if name else ""
    run, attempt = get("GITHUB_RUN_ID"), get("GITHUB_RUN_ATTEMPT") or "1"
    environment = get("RUNNER_ENVIRONMENT") or "self-hosted"
    return CiBuild(
        builder_id=f"{server}/actions/runner/{environment}",
        invocation_id=f"{repository}/actions/runs/{run}/attempts/{attempt}"
        if repository and run
        else "",
        source=repository,
        ref=get("GITHUB_REF"),
        commit=get("GITHUB_SHA"),
        parameters=_set(
            workflow=get("GITHUB_WORKFLOW_REF"), event=get("GITHUB_EVENT_NAME")
        ),
        platform=_set(os=get("RUNNER_OS"), arch=get("RUNNER_ARCH")),
    )


def _gitlab(variables: Mapping[str, str]) -> CiBuild:
    def get(name: str) -> str:
        return variables.get(name, "")

    tag, branch = get("CI_COMMIT_TAG"), get("CI_COMMIT_REF_NAME")
    project, runner = get("CI_PROJECT_URL").rstrip("/"), get("CI_RUNNER_ID")
    is_named = project and runner
    return CiBuild(
        builder_id=f"{project}/-/runners/{runner}" if is_named else LOCAL_BUILDER,
        invocation_id=get("CI_JOB_URL"),
        source=project,
        ref=f"refs/tags/{tag}" if tag else f"refs/heads/{branch}" if branch else "",
        commit=get("CI_COMMIT_SHA"),
        started_on=get("CI_JOB_STARTED_AT"),
        parameters=_set(
            job=get("CI_JOB_NAME"),
            config=get("CI_CONFIG_PATH"),
            event=get("CI_PIPELINE_SOURCE"),
        ),
        platform=_set(arch=get("CI_RUNNER_EXECUTABLE_ARCH")),
    )


def _jenkins(variables: Mapping[str, str]) -> CiBuild:
    def get(name: str) -> str:
        return variables.get(name, "")

    return CiBuild(
        builder_id=get("JENKINS_URL"),
        invocation_id=get("BUILD_URL"),
        source=get("GIT_URL"),
        ref=get("GIT_BRANCH"),
        commit=get("GIT_COMMIT"),
        parameters=_set(job=get("JOB_NAME")),
    )


def _set(**members: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in members.items() if value)
