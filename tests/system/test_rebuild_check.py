"""`tlog rebuild-check` on this project's own wheel: rebuilt equal; a planted change."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.docs.documents import ROOT
from tests.system.server import ServerProcess, environment, run_tlog, serving

BUILD = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist")
OF_REBUILDS = """predicate_types = ["urn:tlog:rebuild:{}:v1"]

[[keys]]
file = "release.key.pub"
"""
OF_TWO = """
[[keys]]
name = "one"
file = "release.key.pub"
[[keys]]
name = "two"
file = "second.key.pub"
[[require]]
predicate_types = ["urn:tlog:rebuild:equal:v1"]
signers = ["one", "two"]
threshold = 2
"""
RULES = """any_source = true
predicate_types = ["https://slsa.dev/provenance/v1"]

[[keys]]
file = "release.key.pub"
builders = ["urn:tlog:builder:local"]
"""


def git(folder: Path, *arguments: str) -> str:
    """Run git with an author and a time that are ours."""
    who = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org"}
    who |= {"GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org"}
    who |= {"GIT_AUTHOR_DATE": "@1700000000 +0000"}
    who |= {"GIT_COMMITTER_DATE": "@1700000000 +0000", "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **who},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def released(work: Path, server: ServerProcess) -> Path:
    """Build the client's wheel from a repository of its sources, and attest it."""
    source = work / "source"
    passed_over = shutil.ignore_patterns("build", "dist", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT / "client", source, ignore=passed_over)
    (source / ".gitignore").write_text("dist/\nbuild/\n*.egg-info/\n")
    git(source, "init", "--quiet")
    git(source, "add", ".")
    git(source, "commit", "--quiet", "--message", "release")
    variables = {**environment(), "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run(BUILD, cwd=source, env=variables, check=True, capture_output=True)
    (wheel,) = (source / "dist").glob("*.whl")
    key = run_tlog("keygen", "r", "--type", "p256", "--out", work / "release.key")
    assert 0 == key.returncode, key.stderr
    (work / "RULES.toml").write_text(RULES)
    done = run_tlog(
        *("attest", wheel, "--key", work / "release.key", "--log", server.url),
        *("--policy", server.folder / "policy"),
        folder=source,
    )
    assert 0 == done.returncode, done.stderr
    return wheel


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not here")
def test_our_own_wheel_is_rebuilt_equal_and_a_planted_change_is_named(
    tmp_path: Path,
) -> None:
    with serving(tmp_path / "log") as server:
        wheel = released(tmp_path, server)
        asked: list[str | Path] = [
            *("rebuild-check", wheel, "--attestation", f"{wheel}.intoto.jsonl"),
            *("--rules", tmp_path / "RULES.toml", "--policy", server.folder / "policy"),
            *("--key", tmp_path / "release.key", "--log", server.url, "--json"),
            *("--textfile", tmp_path / "rebuild.prom"),
        ]
        done = run_tlog(*asked, "--source", tmp_path / "source", "--", *BUILD)
        assert 0 == done.returncode, done.stderr
        told = json.loads(done.stdout)
        assert ("equal", 0, 1700000000) == (
            told["result"],
            told["variance"],
            told["sourceDateEpoch"],
        )
        assert (
            "tlog_rebuild_variance_ratio 0.0" in (tmp_path / "rebuild.prom").read_text()
        )

        kept(wheel, "one-equal")

        # One byte of one member, planted: named, measured, signed and logged.
        planted = tmp_path / "planted.whl"
        with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(planted, "w") as new:
            for it in old.infolist():
                content = old.read(it)
                if it.filename == "tlogverify/merkle.py":
                    content = content.replace(b"Raises", b"raises", 1)
                new.writestr(it, content)
        done = run_tlog(*asked, "--rebuilt", planted)
        assert 1 == done.returncode, done.stderr
        told = json.loads(done.stdout)
        assert "different" == told["result"]
        assert ["tlogverify/merkle.py"] == [it["name"] for it in told["differences"]]
        assert 0 < told["variance"] < 0.2
        kept(wheel, "one-different")
        logged = f"{wheel}.rebuild"
        for kind, status in (("different", 0), ("equal", 1)):
            (tmp_path / "of.toml").write_text(OF_REBUILDS.format(kind))
            done = run_tlog(
                *("verify", wheel, "--attestation", f"{logged}.intoto.jsonl"),
                *("--proof", f"{logged}.tlog-proof", "--rules", tmp_path / "of.toml"),
                *("--policy", server.folder / "policy"),
            )
            assert status == done.returncode, done.stdout + done.stderr
        refused = run_tlog(*asked, "--source", tmp_path / "source", "--", "false")
        assert (1, "false ended with 1" in refused.stderr) == (
            refused.returncode,
            True,
        )
        assert 2 == run_tlog(*asked).returncode
        require_two_rebuilders(tmp_path, wheel, asked, planted)


def kept(wheel: Path, name: str) -> None:
    """Copy what a rebuild has stated, and the proof of it."""
    for end in (".intoto.jsonl", ".tlog-proof"):
        shutil.copy(f"{wheel}.rebuild{end}", wheel.with_name(f"{name}{end}"))


def require_two_rebuilders(
    folder: Path, wheel: Path, asked: list[str | Path], planted: Path
) -> None:
    """A threshold of 2 wants two who came to the same bytes, each by a key."""
    made = run_tlog("keygen", "two", "--type", "p256", "--out", folder / "second.key")
    assert 0 == made.returncode, made.stderr
    by_another = [
        folder / "second.key" if it == folder / "release.key" else it for it in asked
    ]
    for name, rebuilt, status in (("equal", wheel, 0), ("different", planted, 1)):
        done = run_tlog(*by_another, "--rebuilt", rebuilt)
        assert status == done.returncode, done.stderr
        kept(wheel, f"two-{name}")
    (folder / "two.toml").write_text(OF_TWO)
    by = ("--rules", folder / "two.toml", *asked[6:8])
    for stated, status in (
        (("one-equal", "two-equal"), 0),
        (("one-equal", "one-equal"), 1),
        (("one-equal", "one-different"), 1),
        (("one-equal", "two-different"), 1),
        (("two-equal",), 1),
    ):
        given = [
            it
            for name in stated
            for it in ("--attestation", wheel.with_name(f"{name}.intoto.jsonl"))
        ]
        done = run_tlog("verify", wheel, *given, *by)
        assert status == done.returncode, f"{stated} {done.stdout}{done.stderr}"
