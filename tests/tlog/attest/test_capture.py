"""What is captured of a build, from real repositories and each CI's own variables."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from tests.tlog.attest.repositories import git, repository
from tlog import __version__
from tlog.attest.capture import BUILD_TYPE, Told, capture_provenance, minimal
from tlog.attest.commands import ask
from tlog.attest.git import GitState, read_git
from tlog.attest.materials import MAX_LOCK_FILES, read_lock_files
from tlog.attest.toolchain import read_toolchain
from tlog.errors import RejectedError
from tlogverify.attestation.slsa import read_provenance
from tlogverify.errors import FormatError


@pytest.fixture(autouse=True)
def no_repository_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    # Whom git trusts on this machine is no part of a test.
    for level in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{level}", os.devnull)
    for name in ("GIT_CONFIG_COUNT", "GIT_DIR", "GIT_WORK_TREE", "SUDO_UID"):
        monkeypatch.delenv(name, raising=False)


NOW = Told(1_764_000_000)
REMOTE = "https://git.example/team/app.git"
COMMIT = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d"


def captured(
    folder: Path, environment: dict[str, str] | None = None, told: Told = NOW
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Capture; return buildDefinition and runDetails."""
    predicate: dict[str, Any] = capture_provenance(
        folder, environment or {}, told
    ).predicate
    return predicate["buildDefinition"], predicate["runDetails"]


def test_outside_of_git_and_ci_little_is_known(tmp_path: Path) -> None:
    definition, details = captured(tmp_path)
    assert BUILD_TYPE == definition["buildType"]
    assert {} == definition["externalParameters"]
    assert [] == definition["resolvedDependencies"]
    assert __version__ == definition["internalParameters"]["toolchain"]["tlog"]
    assert {
        "builder": {"id": "urn:tlog:builder:local"},
        "metadata": {"finishedOn": "2025-11-24T16:00:00Z"},
    } == details


def test_git_tells_revision_remote_and_branch(tmp_path: Path) -> None:
    revision = repository(tmp_path, branch="release/1")
    git(tmp_path, "config", "remote.origin.url", REMOTE)
    (tmp_path / "untracked").write_text("a build's own file")
    definition, _ = captured(tmp_path)
    assert {
        "source": f"git+{REMOTE}",
        "ref": "refs/heads/release/1",
    } == definition["externalParameters"]
    assert [
        {
            "uri": f"git+{REMOTE}@refs/heads/release/1",
            "digest": {"gitCommit": revision},
        }
    ] == definition["resolvedDependencies"]


def test_a_changed_file_is_told(tmp_path: Path) -> None:
    repository(tmp_path)
    git(tmp_path, "config", "remote.origin.url", REMOTE)
    (tmp_path / "tracked").write_text("two")
    definition, _ = captured(tmp_path)
    assert {"modified": True} == definition["resolvedDependencies"][0]["annotations"]


def test_a_detached_head_has_no_ref(tmp_path: Path) -> None:
    revision = repository(tmp_path)
    git(tmp_path, "checkout", "--quiet", "--detach")
    state = read_git(tmp_path)
    assert isinstance(state, GitState)
    assert (revision, "", "", False) == (
        state.revision,
        state.remote,
        state.ref,
        state.is_modified,
    )


def test_a_repository_without_a_commit_says_nothing(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert read_git(tmp_path) is None


def test_a_remote_on_this_machine_is_not_told(tmp_path: Path) -> None:
    revision = repository(tmp_path)
    git(tmp_path, "config", "remote.origin.url", str(tmp_path / "secret-place"))
    found = capture_provenance(tmp_path, {}, NOW)
    assert "secret-place" not in str(found.predicate)
    assert f"[{{'digest': {{'gitCommit': '{revision}'}}}}]" in str(found.predicate)
    assert ["source"] == [it.what for it in found.omissions]


def test_a_repositorys_settings_run_no_program(tmp_path: Path) -> None:
    repository(tmp_path)
    ran = tmp_path / "ran"
    git(tmp_path, "config", "core.fsmonitor", f"touch {ran}; false")
    assert isinstance(read_git(tmp_path), GitState)
    assert not ran.exists()


GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "octocat/app",
    "GITHUB_REF": "refs/tags/v1",
    "GITHUB_SHA": COMMIT,
    "GITHUB_RUN_ID": "42",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_WORKFLOW_REF": "octocat/app/.github/workflows/x.yml@refs/tags/v1",
    "GITHUB_EVENT_NAME": "push",
    "RUNNER_ENVIRONMENT": "github-hosted",
    "RUNNER_OS": "Linux",
    "RUNNER_ARCH": "X64",
    "GITHUB_ACTOR": "octocat",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_URL": "https://gitlab.example/team/app",
    "CI_COMMIT_SHA": COMMIT,
    "CI_COMMIT_REF_NAME": "main",
    "CI_JOB_URL": "https://gitlab.example/team/app/-/jobs/7",
    "CI_JOB_NAME": "release",
    "CI_JOB_STARTED_AT": "2025-11-24T15:59:00Z",
    "CI_PIPELINE_SOURCE": "push",
    "CI_CONFIG_PATH": ".gitlab-ci.yml",
    "CI_RUNNER_ID": "12",
    "CI_RUNNER_EXECUTABLE_ARCH": "linux/amd64",
    "GITLAB_USER_NAME": "somebody",
}
JENKINS = {
    "JENKINS_URL": "https://jenkins.example/",
    "BUILD_URL": "https://jenkins.example/job/app/7/",
    "JOB_NAME": "app",
    "GIT_URL": "git@git.example:team/app.git",
    "GIT_COMMIT": COMMIT,
    "GIT_BRANCH": "origin/main",
    "NODE_NAME": "somebody",
}


@pytest.mark.parametrize(
    ("environment", "external", "builder", "metadata"),
    [
        pytest.param(
            GITHUB,
            {
                "source": "git+https://github.com/octocat/app",
                "ref": "refs/tags/v1",
                "workflow": "octocat/app/.github/workflows/x.yml@refs/tags/v1",
                "event": "push",
            },
            "https://github.com/actions/runner/github-hosted",
            {
                "invocationId": "https://github.com/octocat/app/actions/runs/42"
                "/attempts/2",
            },
            id="github",
        ),
        pytest.param(
            GITLAB,
            {
                "source": "git+https://gitlab.example/team/app",
                "ref": "refs/heads/main",
                "job": "release",
                "config": ".gitlab-ci.yml",
                "event": "push",
            },
            "https://gitlab.example/team/app/-/runners/12",
            {
                "invocationId": "https://gitlab.example/team/app/-/jobs/7",
                "startedOn": "2025-11-24T15:59:00Z",
            },
            id="gitlab",
        ),
        pytest.param(
            JENKINS,
            {
                "source": "git+ssh://git.example/team/app.git",
                "ref": "origin/main",
                "job": "app",
            },
            "https://jenkins.example/",
            {"invocationId": "https://jenkins.example/job/app/7/"},
            id="jenkins",
        ),
    ],
)
def test_a_ci_systems_variables_are_understood(
    tmp_path: Path,
    environment: dict[str, str],
    external: dict[str, str],
    builder: str,
    metadata: dict[str, str],
) -> None:
    definition, details = captured(tmp_path, environment)
    assert external == definition["externalParameters"]
    assert {"id": builder} == details["builder"]
    assert metadata | {"finishedOn": "2025-11-24T16:00:00Z"} == details["metadata"]
    (checkout,) = definition["resolvedDependencies"]
    assert {"gitCommit": COMMIT} == checkout["digest"]
    assert "somebody" not in str((definition, details))


def test_a_tag_of_gitlab_is_a_tag(tmp_path: Path) -> None:
    definition, _ = captured(tmp_path, GITLAB | {"CI_COMMIT_TAG": "v1"})
    assert "refs/tags/v1" == definition["externalParameters"]["ref"]


def test_a_checkout_that_is_what_the_ci_names_is_told(tmp_path: Path) -> None:
    revision = repository(tmp_path)
    definition, _ = captured(tmp_path, GITHUB | {"GITHUB_SHA": revision})
    (checkout,) = definition["resolvedDependencies"]
    assert {"gitCommit": revision} == checkout["digest"]


@pytest.mark.parametrize(
    ("commit", "why"),
    [
        (COMMIT, "what is checked out here is not the commit that the CI names"),
        ("", "what is checked out here is not the commit that the CI names"),
        ("main", "what the CI names is no commit"),
        (COMMIT.upper(), "what the CI names is no commit"),
    ],
)
def test_another_repositorys_commit_is_not_paired_with_the_ci_s_source(
    tmp_path: Path, commit: str, why: str
) -> None:
    repository(tmp_path)
    found = capture_provenance(tmp_path, GITHUB | {"GITHUB_SHA": commit}, NOW)
    assert "gitCommit" not in str(found.predicate)
    assert [("gitCommit", why)] == [(it.what, it.why) for it in found.omissions]


def test_a_change_above_the_folder_is_told(tmp_path: Path) -> None:
    repository(tmp_path)
    (tmp_path / "below").mkdir()
    (tmp_path / "tracked").write_text("two")
    state = read_git(tmp_path / "below")
    assert isinstance(state, GitState)
    assert state.is_modified


def test_a_setting_by_gits_own_variables_is_git_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "remote.origin.url")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", REMOTE)
    state = read_git(tmp_path)
    assert isinstance(state, GitState)
    assert (REMOTE, False) == (state.remote, state.is_modified)
    assert ask(["printenv", "GIT_CONFIG_VALUE_0"], tmp_path) is None


@pytest.mark.parametrize("member", ["clean", "process"])
def test_a_filter_of_a_repository_runs_no_program(tmp_path: Path, member: str) -> None:
    repository(tmp_path)
    ran = tmp_path / "ran"
    (tmp_path / ".git" / "info" / "attributes").write_text("* filter=spy\n")
    git(tmp_path, "config", f"filter.spy.{member}", f"touch {ran}; cat")
    git(tmp_path, "config", "filter.spy.required", "true")
    os.utime(tmp_path / "tracked", (1, 1))
    state = read_git(tmp_path)
    assert isinstance(state, GitState)
    assert (False, False) == (ran.exists(), state.is_modified)


LOCAL = "urn:tlog:builder:local"
GITHUB_BUILDER = "https://github.com/actions/runner/github-hosted"


@pytest.mark.parametrize(
    ("environment", "change", "builder", "source"),
    [
        pytest.param(
            *(GITHUB, {"GITHUB_SERVER_URL": "https://github.com/"}),
            *(GITHUB_BUILDER, "git+https://github.com/octocat/app"),
            id="slash-behind-the-server",
        ),
        pytest.param(
            *(GITHUB, {"GITHUB_SERVER_URL": "https://ghe.example/x//"}),
            "https://ghe.example/x/actions/runner/github-hosted",
            "git+https://ghe.example/x/octocat/app",
            id="slashes-behind-a-path",
        ),
        pytest.param(
            *(GITHUB, {"GITHUB_SERVER_URL": "https://GitHub.com"}),
            *(GITHUB_BUILDER, "git+https://github.com/octocat/app"),
            id="capital-letters-in-a-host",
        ),
        pytest.param(
            *(GITHUB, {"GITHUB_REPOSITORY": "octocat/app/"}),
            *(GITHUB_BUILDER, "git+https://github.com/octocat/app"),
            id="slash-behind-the-repository",
        ),
        pytest.param(
            *(GITHUB, {"CI_KEY": "github"}),
            *(GITHUB_BUILDER, "git+https://github.com/octocat/app"),
            id="a-key-that-is-a-public-word",
        ),
        pytest.param(
            *(GITLAB, {"CI_PROJECT_URL": "https://gitlab.example/team/app/"}),
            "https://gitlab.example/team/app/-/runners/12",
            "git+https://gitlab.example/team/app",
            id="slash-behind-the-project",
        ),
        pytest.param(
            *(GITLAB, {"CI_RUNNER_ID": ""}),
            *(LOCAL, "git+https://gitlab.example/team/app"),
            id="no-runner",
        ),
    ],
)
def test_a_variable_that_is_spelled_otherwise_is_understood(
    tmp_path: Path,
    environment: dict[str, str],
    change: dict[str, str],
    builder: str,
    source: str,
) -> None:
    found = capture_provenance(tmp_path, environment | change, NOW)
    definition, details = captured(tmp_path, environment | change)
    assert (builder, source) == (
        details["builder"]["id"],
        definition["externalParameters"]["source"],
    )
    assert "//octocat" not in details["metadata"]["invocationId"]
    told = [it.what for it in found.omissions]
    assert (builder == LOCAL) == ("builder.id" in told)


@pytest.mark.parametrize(
    ("environment", "builder"),
    [
        (
            {"GITHUB_ACTIONS": "true"},
            "https://github.com/actions/runner/self-hosted",
        ),
        ({"GITLAB_CI": "true"}, "urn:tlog:builder:local"),
        ({"JENKINS_URL": "https://j.example/"}, "https://j.example/"),
        ({"GITHUB_ACTIONS": "false"}, "urn:tlog:builder:local"),
    ],
)
def test_a_ci_that_says_little_is_still_named(
    tmp_path: Path, environment: dict[str, str], builder: str
) -> None:
    definition, details = captured(tmp_path, environment)
    assert {"id": builder} == details["builder"]
    assert {} == definition["externalParameters"]
    assert {"finishedOn"} == set(details["metadata"])


def test_what_people_say_wins(tmp_path: Path) -> None:
    told = Told(0, builder_id="https://b.example", started_on="1970-01-01T00:00:00Z")
    _, details = captured(tmp_path, GITLAB, told)
    assert "https://b.example" == details["builder"]["id"]
    assert {
        "startedOn": "1970-01-01T00:00:00Z",
        "finishedOn": "1970-01-01T00:00:00Z",
    }.items() <= details["metadata"].items()


def test_what_is_captured_is_what_a_verifier_reads(tmp_path: Path) -> None:
    found = read_provenance(capture_provenance(tmp_path, GITHUB, NOW).predicate)
    assert ("git+https://github.com/octocat/app",) == found.sources
    assert BUILD_TYPE == found.build_type


def test_a_builder_id_that_looks_secret_is_refused(tmp_path: Path) -> None:
    told = Told(0, builder_id="https://user:password@b.example")
    with pytest.raises(RejectedError, match="--builder-id"):
        capture_provenance(tmp_path, {}, told)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00.5+01:00",
        "1970-01-01T00:00:00-00:00",
    ],
)
def test_a_time_by_rfc_3339_is_taken(text: str) -> None:
    assert Told(2_000_000_000, started_on=text).started_on == text


def test_a_time_is_told_in_utc(tmp_path: Path) -> None:
    for said, expected in (
        ("2025-11-24T16:30:00.75+01:00", "2025-11-24T15:30:00Z"),
        ("1970-01-01T00:00:00-00:00", "1970-01-01T00:00:00Z"),
    ):
        _, details = captured(tmp_path, GITLAB | {"CI_JOB_STARTED_AT": said})
        assert expected == details["metadata"]["startedOn"]


def test_a_build_starts_before_it_is_over(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="before it is over"):
        Told(1_764_000_000, started_on="2025-11-24T16:00:01Z")
    started = {"CI_JOB_STARTED_AT": "2025-11-24T16:00:01Z"}
    environment = GITLAB | started | {"CI_COMMIT_SHA": repository(tmp_path)}
    found = capture_provenance(tmp_path, environment, NOW)
    assert "startedOn" not in str(found.predicate)
    assert ["startedOn"] == [it.what for it in found.omissions]


@pytest.mark.parametrize("password", ["p/ssW0rdX", "12345/ssW0rdX", "p#ssW0rdX"])
def test_no_password_of_a_ci_s_url_comes_out(tmp_path: Path, password: str) -> None:
    url = f"https://alice:{password}@gitlab.example/team/app"
    environment = GITLAB | {"CI_PROJECT_URL": url, "CI_JOB_URL": f"{url}/-/jobs/7"}
    with pytest.raises(RejectedError, match="--builder-id"):
        capture_provenance(tmp_path, environment, NOW)
    found = capture_provenance(
        tmp_path, environment, Told(0, builder_id="https://b.example")
    )
    assert "ssW0rdX" not in str(found)
    assert {"source", "invocationId"} <= {it.what for it in found.omissions}


def test_a_branch_that_no_uri_can_name_is_left_out_of_it(tmp_path: Path) -> None:
    revision = repository(tmp_path)
    named = {"GITHUB_SHA": revision, "GITHUB_REF": "refs/heads/\u00fc"}
    found = capture_provenance(tmp_path, GITHUB | named, NOW)
    (checkout,) = found.predicate["buildDefinition"]["resolvedDependencies"]  # type: ignore[index]  # an object
    assert {"digest": {"gitCommit": revision}} == checkout
    assert ["uri"] == [it.what for it in found.omissions]


@pytest.mark.parametrize(
    "text",
    [
        "now",
        "2026-01-31",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00",
        "2026-13-31T12:00:00Z",
        "2026-01-31T12:00:00Z\n",
        "٢026-01-31T12:00:00Z",
    ],
)
def test_another_time_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="RFC 3339"):
        Told(0, started_on=text)


@pytest.mark.parametrize(
    "text", ["mine", "https:", "b:ü", "b:{c}", "b:%zz", "b: c", ":b"]
)
def test_a_builder_id_that_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="is a URI"):
        Told(0, builder_id=text)


def test_what_people_said_is_not_shown_when_it_is_refused() -> None:
    for said in ({"builder_id": "hunter2 x"}, {"started_on": "hunter2"}):
        with pytest.raises(FormatError) as caught:
            Told(0, **said)
        assert "hunter2" not in str(caught.value)


def test_a_ci_time_that_is_none_is_left_out(tmp_path: Path) -> None:
    _, details = captured(tmp_path, GITLAB | {"CI_JOB_STARTED_AT": "yesterday"})
    assert "startedOn" not in details["metadata"]


def test_lock_files_are_materials_by_their_digest(tmp_path: Path) -> None:
    for name in ("uv.lock", "requirements.txt", "requirements-dev.txt", "README.md"):
        (tmp_path / name).write_text(name)
    (tmp_path / "Cargo.lock").mkdir()
    definition, _ = captured(tmp_path)
    assert [
        {"name": name, "digest": {"sha256": hashlib.sha256(name.encode()).hexdigest()}}
        for name in ("requirements-dev.txt", "requirements.txt", "uv.lock")
    ] == definition["resolvedDependencies"]


def test_materials_are_bounded(tmp_path: Path) -> None:
    for number in range(MAX_LOCK_FILES + 1):
        (tmp_path / f"requirements-{number:03}.txt").touch()
    with (tmp_path / "go.sum").open("wb") as file:
        file.truncate((64 << 20) + 1)
    found = read_lock_files(tmp_path)
    assert MAX_LOCK_FILES == len(found)
    assert "go.sum" not in [it.name for it in found]


def test_a_tool_is_asked_where_a_lock_file_hints_at_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "rustc"
    tool.write_text("#!/bin/sh\necho rustc 9.9.9\necho more\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "rustc" not in read_toolchain(tmp_path, ["uv.lock"])
    assert "rustc 9.9.9" == read_toolchain(tmp_path, ["Cargo.lock"])["rustc"]
    assert "go" not in read_toolchain(tmp_path, ["go.sum", "go.mod"])


def test_a_program_is_not_handed_what_looks_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "hunter2")
    monkeypatch.setenv("HARMLESS", "seen")
    assert "seen" == ask(["printenv", "HARMLESS"], tmp_path)
    assert ask(["printenv", "DEPLOY_TOKEN"], tmp_path) is None


def test_a_program_that_fails_says_nothing(tmp_path: Path) -> None:
    assert ask(["false"], tmp_path) is None
    assert ask(["there-is-no-such-program"], tmp_path) is None
    assert "x" == ask(["echo", "x"], tmp_path)


def test_the_minimum_is_builder_source_and_times(tmp_path: Path) -> None:
    repository(tmp_path, branch="release/1")
    (tmp_path / "uv.lock").write_text("version = 1\n")
    environment = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://git.example",
        "GITHUB_REPOSITORY": "team/app",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_EVENT_NAME": "push",
    }
    full = capture_provenance(tmp_path, environment, NOW).predicate
    left = minimal(full)
    assert {"buildDefinition", "runDetails"} == left.keys()
    assert full["runDetails"] == left["runDetails"]
    assert {
        "buildType": BUILD_TYPE,
        "externalParameters": {
            "source": "git+https://git.example/team/app",
            "ref": "refs/heads/main",
        },
    } == left["buildDefinition"]


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_the_trace_of_a_ci_step_is_kept_as_it_stands(tmp_path: Path) -> None:
    captured_whole = capture_provenance(tmp_path, {"TRACEPARENT": TRACE}, NOW)
    details: Any = captured_whole.predicate["runDetails"]
    assert TRACE == details["metadata"]["tlog_traceparent"]
    assert "TRACEPARENT" not in {it.what for it in captured_whole.omissions}
    shortened: Any = minimal(captured_whole.predicate)["runDetails"]
    expected = {
        name: value
        for name, value in details["metadata"].items()
        if name != "tlog_traceparent"
    }
    assert {**details, "metadata": expected} == shortened


@pytest.mark.parametrize(
    "trace",
    [
        TRACE.upper(),
        TRACE.replace("00-4", "01-4", 1),
        TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        TRACE.replace("00f067aa0ba902b7", "0" * 16),
        TRACE[:-1],
        f"{TRACE}-more",
    ],
)
def test_what_is_no_trace_context_is_left_out_and_told(
    tmp_path: Path, trace: str
) -> None:
    found = capture_provenance(tmp_path, {"TRACEPARENT": trace}, NOW)
    details: Any = found.predicate["runDetails"]
    assert "tlog_traceparent" not in details["metadata"]
    assert "TRACEPARENT" in {it.what for it in found.omissions}
