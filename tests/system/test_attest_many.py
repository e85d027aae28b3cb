"""Attest folders, digests, many files and hostile names; and what a report costs."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import warm
from tests.system.server import COMMAND, ServerProcess, serving
from tests.system.test_attest import NAMES, plain_environment, prepared, tlog, verify
from tests.tlog.attest.repositories import git, repository

DIGEST = "ab" * 32
STRANGER = 12_345
NO_SETTINGS = {f"GIT_CONFIG_{it}": os.devnull for it in ("GLOBAL", "SYSTEM")}

# As found in documents of others, each of its own kind.
ACCEPTED = {
    "user-name": {"url": "git+https://someone@git.example/someone/promise-lib.git"},
    "ssh-style-user": {"x": "git+https://git@git.example/o/p.git"},
    "image-by-digest": {"image": f"docker://alpine:3.19@sha256:{DIGEST}"},
    "package-name": {"name": "sk-learn-contrib-estimators-2024-edition"},
    "prose": {"description": "Bearer token2header-middleware for small web servers"},
}
SECRET = {"env": {"url": "https://user:" + "correct-horse-battery@git.example/o/p.git"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("many") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder, to be copied."""
    return prepared(tmp_path_factory.mktemp("pattern"))


@pytest.fixture
def folder(pattern: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pattern, tmp_path / "folder")


def predicate(folder: Path, said: dict[str, Any]) -> tuple[str, ...]:
    (folder / "p.json").write_text(json.dumps(said))
    return "--predicate", "p.json", "--type", "https://said.example/v1"


def logging_to(server: ServerProcess) -> tuple[str, ...]:
    policy = str(server.folder / "policy")
    return "--key", "release.key", "--log", server.url, "--policy", policy


def test_what_only_looks_like_a_secret_is_signed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    done = tlog(tmp_path, "attest", "a", "--dry-run", *predicate(tmp_path, ACCEPTED))
    assert (0, "") == (done.returncode, done.stderr)
    assert ACCEPTED == json.loads(done.stdout)["predicate"]


def test_a_secret_is_refused_and_may_stay_where_a_person_names_it(
    folder: Path, server: ServerProcess
) -> None:
    said = predicate(folder, SECRET | {"again": SECRET})
    refused = tlog(folder, "attest", NAMES[0], *said, *logging_to(server))
    assert (2, 1) == (refused.returncode, refused.stderr.count("\n"))
    for place in ("env.url: it looks", "again.env.url: it looks", "--allow PATH"):
        assert place in refused.stderr
    assert "correct-horse" not in refused.stderr
    assert not (folder / f"{NAMES[0]}.intoto.jsonl").exists()
    allowed = ("--allow", "env.url", "--allow", "again.env.url", "--allow", "other")
    done = tlog(
        folder, "attest", NAMES[0], *said, *logging_to(server), *allowed, "--json"
    )
    assert 0 == done.returncode, done.stderr
    why = "it looks like a secret: password in a URL"
    assert [
        f"tlog attest: let through by --allow: env.url: {why}",
        f"tlog attest: let through by --allow: again.env.url: {why}",
        "tlog attest: --allow other: no member there had to be let through",
    ] == done.stderr.splitlines()
    report = json.loads(done.stdout)
    assert ([], ["env.url", "again.env.url"]) == (
        report["left_out"],
        [it["what"] for it in report["allowed"]],
    )


def test_a_folder_and_an_image_are_one_statement(
    folder: Path, server: ServerProcess
) -> None:
    for name in ("dist/a.whl", "dist/sub/b.whl", "dist/a.whl.tlog-proof.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    image = f"registry.example/app:1.2@sha256:{DIGEST}"
    arguments = ("attest", "dist", image, "--recursive", *logging_to(server))
    done = tlog(folder, *arguments, "--json")
    assert (0, "") == (done.returncode, done.stderr)
    files = json.loads(done.stdout)["artifacts"]
    assert ["dist/a.whl", "dist/a.whl.tlog-proof.txt", "dist/sub/b.whl", image] == [
        it["file"] for it in files
    ]
    again = tlog(folder, *arguments)
    assert 0 == again.returncode
    assert (6, 4) == (
        again.stderr.count("passed over: dist/"),
        again.stdout.count(", attested before, in "),
    )
    shutil.copy(server.folder / "policy", folder / "policy")
    for artifact, beside in (
        ("dist/sub/b.whl", "dist/sub/b.whl"),
        (f"sha256:{DIGEST}", f"sha256-{DIGEST}"),
    ):
        proven = tlog(
            *(folder, "verify", artifact, "--proof", f"{beside}.tlog-proof"),
            *("--attestation", f"{beside}.intoto.jsonl", "--rules", "RULES.toml"),
            *("--policy", "policy"),
        )
        assert 0 == proven.returncode, proven.stderr


def test_more_files_than_a_statement_takes_make_several(
    folder: Path, server: ServerProcess
) -> None:
    (folder / "dist").mkdir()
    for number in range(257):
        (folder / "dist" / f"{number:03}").write_text(str(number))
    arguments = ("attest", "dist", "--recursive", *logging_to(server), "--json")
    done = tlog(folder, *arguments)
    assert 0 == done.returncode
    told = "tlog attest: 257 artifacts make 2 statements, in this order\n"
    assert told == done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert (256, ["dist/256"]) == (
        len(first["artifacts"]),
        [it["file"] for it in second["artifacts"]],
    )
    assert first["index"] != second["index"]
    again = [json.loads(it) for it in tlog(folder, *arguments).stdout.splitlines()]
    assert [(True, first["index"]), (True, second["index"])] == [
        (it["kept"], it["index"]) for it in again
    ]
    counted = tlog(folder, *arguments).stderr
    # 257 envelopes and as many proofs, of which ten are told by name.
    assert "passed over: 504 more files that are no artifacts" in counted
    assert 10 == counted.count("passed over: dist/")


def attest_with(
    folder: Path,
    server: ServerProcess,
    stdout: warm.Stream = subprocess.PIPE,
    stderr: warm.Stream = subprocess.PIPE,
) -> subprocess.CompletedProcess[str]:
    return warm.run(
        [*COMMAND, "attest", *NAMES, *logging_to(server)],
        folder=folder,
        environment=plain_environment() | {"A_TOKEN": "told-on-stderr"},
        stdout=stdout,
        stderr=stderr,
    )


def closed_pipe() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize(
    ("stream", "is_full", "status"),
    [
        ("stdout", False, 0),
        ("stderr", False, 0),
        ("stdout", True, 2),
        ("stderr", True, 0),
    ],
)
def test_a_report_that_nobody_takes_costs_no_proof(
    folder: Path, server: ServerProcess, stream: str, status: int, *, is_full: bool
) -> None:
    target = os.open("/dev/full", os.O_WRONLY) if is_full else closed_pipe()
    try:
        done = attest_with(folder, server, **{stream: target})
    finally:
        os.close(target)
    assert status == done.returncode, done.stderr
    shutil.copy(server.folder / "policy", folder / "policy")
    assert [0, 0] == [verify(folder, name).returncode for name in NAMES]
    said = (done.stdout or "") + (done.stderr or "")
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    is_told = "all is done, but the report cannot be written" in said
    assert (status == 2) == is_told


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_stream_that_was_never_open_costs_no_proof(
    folder: Path, server: ServerProcess, closed: str
) -> None:
    attest_with(folder, server)
    for name in NAMES:
        (folder / f"{name}.tlog-proof").unlink()
    told = plain_environment() | {"A_TOKEN": "told-on-stderr"}
    command, descriptors = warm.command("tlog", told)
    command += ["attest", *NAMES, *map(str, logging_to(server))]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command],
        cwd=folder,
        env=told,
        pass_fds=descriptors,
        check=False,
        capture_output=True,
        text=True,
    )
    assert 0 == done.returncode, done.stderr
    # What belongs on stderr does not move to stdout.
    assert "A_TOKEN" not in done.stdout
    assert [True, True] == [(folder / f"{it}.tlog-proof").exists() for it in NAMES]


def test_a_name_that_no_terminal_should_show_is_escaped_and_proven(
    folder: Path, server: ServerProcess
) -> None:
    name = os.fsdecode(b"a\x1b[31m\xff\n.bin")
    (folder / name).write_text("a")
    done = tlog(folder, "attest", name, *logging_to(server))
    assert 0 == done.returncode
    shown = "a\\x1b[31m\\udcff\\n.bin"
    assert done.stdout.startswith(f"{shown}: entry ")
    assert "left out: subject[0].name: it is no text" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert (folder / f"{name}.tlog-proof").exists()
    said = json.loads(
        tlog(folder, "attest", name, *logging_to(server), "--json").stdout
    )
    assert [name] == [it["file"] for it in said["artifacts"]]
    (folder / f"{name}.tlog-proof").write_text("of something else")
    refused = tlog(folder, "attest", name, *logging_to(server))
    assert (2, 2) == (refused.returncode, refused.stderr.count("\n"))
    assert f"{shown}.tlog-proof is a proof of something else" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("/proc/self/status",), "the folder /proc/"),
        (("there-is-none",), "the artifact is not there: there-is-none"),
    ],
)
def test_what_cannot_end_well_is_refused_before_anything_is_logged(
    folder: Path, server: ServerProcess, arguments: tuple[str, ...], why: str
) -> None:
    before = sorted(folder.rglob("*"))
    done = tlog(folder, "attest", NAMES[0], *arguments, *logging_to(server))
    assert (2, 1) == (done.returncode, done.stderr.count("\n"))
    assert why in done.stderr
    assert before == sorted(folder.rglob("*"))


def test_a_checkout_that_git_refuses_is_told(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files to another user")
    repository(tmp_path)
    revision = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "a").write_text("a")
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, STRANGER, STRANGER)
    variables = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "octocat/app",
        "GITHUB_SHA": revision,
    }
    done = tlog(tmp_path, "attest", "a", "--dry-run", **variables, **NO_SETTINGS)
    assert 0 == done.returncode
    why = "git refused, as the repository belongs to another user"
    assert f"tlog attest: left out: checkout: {why}: name it in" in done.stderr
    definition = json.loads(done.stdout)["predicate"]["buildDefinition"]
    assert why == definition["internalParameters"]["checkout"]
    (checkout,) = definition["resolvedDependencies"]
    assert {"modified": "unknown"} == checkout["annotations"]


def test_a_machine_without_git_is_told(tmp_path: Path) -> None:
    repository(tmp_path)
    (tmp_path / "a").write_text("a")
    done = tlog(tmp_path, "attest", "a", "--dry-run", PATH=str(tmp_path))
    assert 0 == done.returncode
    assert "left out: checkout: git is not on the PATH: install it" in done.stderr
    definition = json.loads(done.stdout)["predicate"]["buildDefinition"]
    assert "git is not on the PATH" == definition["internalParameters"]["checkout"]
    assert "gitCommit" not in done.stdout
