"""SBOMs and runs by real processes: stated, kept, found by what they hold; a story."""

import base64
import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cases import case
from tests.system.server import ServerProcess, serving
from tests.system.test_attest import prepared, tlog
from tests.tlog.attest.repositories import git
from tests.tlogclient.boms import CYCLONEDX, SPDX, cyclonedx, spdx
from tlogclient import BlockingLog
from tlogverify import Record

REFERENCE = "https://in-toto.io/attestation/reference/v0.1"
SLSA = "https://slsa.dev/provenance/v1"
RUN = "01941b0c-7c2e-7d3a-9f0e-6f5d2c1b0a99"
OTHER_RUN = "01941b0c-7c2e-7d3a-9f0e-6f5d2c1b0a98"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    flags = ("--documents", "--publish-interval-ms", "0")
    with serving(tmp_path_factory.mktemp("sboms") / "log", *flags) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return prepared(tmp_path)


def attest(
    folder: Path, server: ServerProcess, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    return tlog(
        folder,
        *("attest", "--key", "release.key", "--log", server.url),
        *("--policy", server.folder / "policy", *arguments),
    )


def lines_of(
    folder: Path, server: ServerProcess, status: int, *arguments: str | Path
) -> list[dict[str, Any]]:
    """Ask the log for something; return what the command printed as JSON."""
    done = tlog(
        folder,
        *arguments,
        *("--log", server.url, "--policy", server.folder / "policy", "--json"),
    )
    assert (status, "") == (done.returncode, done.stderr), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def holding(
    folder: Path, server: ServerProcess, purl: str, status: int = 0
) -> list[dict[str, Any]]:
    *found, last = lines_of(folder, server, status, "search", "--component", purl)
    assert {"unread": 0, "next": None} == last
    return found


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def statement_of(envelope: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        base64.b64decode(json.loads(envelope)["payload"])
    )
    return found


def entries(server: ServerProcess) -> int:
    with BlockingLog(server.url, server.policy) as log:
        return log.checkpoint().checkpoint.size


def test_an_sbom_is_stated_kept_and_found_by_what_it_holds(
    server: ServerProcess, folder: Path
) -> None:
    for kind, make in ((CYCLONEDX, cyclonedx), (SPDX, spdx)):
        name = f"{kind.rpartition('/')[2]}.bin"
        app = folder / name
        app.write_bytes(name.encode())
        package = f"pkg:pypi/stated-{name.lower()}"
        (folder / "bom.json").write_text(
            json.dumps(make(app.read_bytes(), f"{package}@1.2"))
        )
        done = attest(folder, server, name, "--sbom", "bom.json")
        with case(kind):
            assert (0, "") == (done.returncode, done.stderr)
            envelope = (folder / f"{name}.intoto.jsonl").read_bytes()
            statement = statement_of(envelope)
            assert kind == statement["predicateType"]
            assert (
                json.loads((folder / "bom.json").read_text()) == statement["predicate"]
            )
            (found,) = holding(folder, server, f"{package}@1.2")
            assert (
                [digest(app.read_bytes())],
                digest(envelope),
                "stored",
            ) == (found["artifacts"], found["document"], found["disposition"])
            assert [] == holding(folder, server, f"{package}@1.3", status=1)
            rules = (
                f'predicate_types = ["{kind}"]\n[[keys]]\nfile = "release.key.pub"\n'
            )
            (folder / "RULES.toml").write_text(rules)
            verified = tlog(
                folder,
                *("verify", name, "--attestation", f"{name}.intoto.jsonl"),
                *("--rules", "RULES.toml", "--policy", server.folder / "policy"),
            )
            assert 0 == verified.returncode, verified.stderr
            again = attest(folder, server, name, "--sbom", "bom.json")
            assert (0, True) == (again.returncode, "attested before" in again.stdout)


def test_an_sbom_of_another_file_is_refused_before_anything_is_signed(
    server: ServerProcess, folder: Path
) -> None:
    size = entries(server)
    app = folder / "app.bin"
    app.write_bytes(b"the file")
    one_wrong = cyclonedx(b"the file")
    one_wrong["metadata"]["component"]["hashes"][0]["content"] = "00" * 20
    for what, document in {
        "CycloneDX": cyclonedx(b"another"),
        "SPDX": spdx(b"another"),
        "one of two hashes": one_wrong,
        "no SBOM": {"a": 1},
    }.items():
        (folder / "bom.json").write_text(json.dumps(document))
        done = attest(folder, server, "app.bin", "--sbom", "bom.json")
        with case(what):
            assert 2 == done.returncode, done.stderr
            assert "SBOM" in done.stderr
            assert 1 == done.stderr.count("\n")
    for flags in (
        ("--predicate", "bom.json", "--type", "a:b"),
        ("--bundle", "b.json"),
        ("--minimal",),
        ("app.whl",),
    ):
        done = attest(folder, server, "app.bin", "--sbom", "bom.json", *flags)
        with case(" ".join(flags)):
            assert 2 == done.returncode, done.stderr
    assert not (folder / "app.bin.intoto.jsonl").exists()
    assert size == entries(server)


def test_an_sbom_without_a_hash_is_taken_and_that_is_said(
    server: ServerProcess, folder: Path
) -> None:
    weak = cyclonedx(b"weak")
    del weak["metadata"]["component"]["hashes"][1]
    for name, document in {
        "cyclonedx": cyclonedx(None),
        "spdx": spdx(None),
        "weak": weak,
    }.items():
        (folder / name).write_bytes(name.encode())
        (folder / "bom.json").write_text(json.dumps(document))
        done = attest(folder, server, name, "--sbom", "bom.json")
        with case(name):
            assert 0 == done.returncode
            assert f"that it is of {name} is your word" in done.stderr
    # An artifact that is not here can be compared by its SHA-256 alone.
    (folder / "bom.json").write_text(json.dumps(cyclonedx(b"away")))
    for content, status in ((b"away", 0), (b"another", 2)):
        done = attest(folder, server, digest(content), "--sbom", "bom.json")
        assert (status, False) == (done.returncode, "your word" in done.stderr)


def test_a_large_sbom_is_kept_by_itself_and_referred_to(
    server: ServerProcess, folder: Path
) -> None:
    app, package = folder / "large.bin", "pkg:pypi/in-a-large-one"
    app.write_bytes(b"large")
    components = [
        {"name": "x", "purl": f"{package}@{number}", "description": "é" * 1_600}
        for number in range(900)
    ]
    document = cyclonedx(b"large", components=components)
    # A statement spells what is no ASCII in six bytes, and this file in two.
    content = json.dumps(document, ensure_ascii=False).encode()
    assert len(content) < 4 << 20 < 8 << 20 < len(json.dumps(document))
    (folder / "bom.json").write_bytes(content)
    run = ("--run-id", RUN.upper())
    done = attest(folder, server, "large.bin", "--sbom", "bom.json", *run)
    assert (0, True) == (done.returncode, "a reference to it is signed" in done.stderr)
    statement = statement_of((folder / "large.bin.intoto.jsonl").read_bytes())
    assert REFERENCE == statement["predicateType"]
    assert {
        "attester": {"id": server.url},
        "references": [
            {
                "downloadLocation": f"{server.url}/api/v1/documents/{digest(content)}",
                "digest": {"sha256": digest(content)[7:]},
                "mediaType": "application/vnd.cyclonedx+json",
            }
        ],
    } == statement["predicate"]
    assert ["large.bin", f"run:{RUN}"] == [it["name"] for it in statement["subject"]]
    (found,) = holding(folder, server, f"{package}@777")
    assert ([digest(b"large")], digest(content)) == (
        found["artifacts"],
        found["document"],
    )
    for denied, status in (("pkg:pypi/another", 0), (package, 1)):
        rules = f'packages_denied = ["{denied}"]\n'
        (folder / "RULES.toml").write_text(
            '[[keys]]\nname = "a"\nfile = "release.key.pub"\n[[require]]\n'
            f'predicate_types = ["{CYCLONEDX}"]\nsigners = ["a"]\n{rules}'
        )
        by = ("--rules", "RULES.toml", "--policy", server.folder / "policy")
        given = ("--attestation", "large.bin.intoto.jsonl", "--attestation", "bom.json")
        verified = tlog(folder, "verify", "large.bin", *given, *by)
        assert status == verified.returncode, verified.stderr
        # Without the SBOM, the statement that refers to it does not meet the block.
        assert 1 == tlog(folder, "verify", "large.bin", *given[:2], *by).returncode
    with BlockingLog(server.url, server.policy) as log:
        assert content == log.document(digest(content))
        logged = log.attestations(digest(b"large")).attestations
    kinds = [it.entry.predicate_type for it in logged if isinstance(it.entry, Record)]
    assert [CYCLONEDX, REFERENCE] == kinds
    # The same again changes nothing.
    size = entries(server)
    assert (
        0 == attest(folder, server, "large.bin", "--sbom", "bom.json", *run).returncode
    )
    assert size == entries(server)


def test_what_the_log_no_longer_gives_is_told(
    server: ServerProcess, folder: Path
) -> None:
    app, package = folder / "gone.bin", "pkg:pypi/gone"
    app.write_bytes(b"gone")
    (folder / "bom.json").write_text(json.dumps(cyclonedx(b"gone", package)))
    assert 0 == attest(folder, server, "gone.bin", "--sbom", "bom.json").returncode
    envelope = (folder / "gone.bin.intoto.jsonl").read_bytes()
    stored = server.folder / "documents" / "stored"
    (path,) = stored.rglob(digest(envelope)[7:])
    content = path.read_bytes()
    path.unlink()
    (found,) = holding(folder, server, package, status=1)
    assert ("absent", digest(envelope)) == (found["disposition"], found["document"])
    path.write_bytes(content)
    redact = ("documents", "redact", server.folder, digest(envelope), "--reason", "r")
    lines_of(folder, server, 0, *redact)
    assert [] == holding(folder, server, package, status=1)


def test_the_index_is_made_anew_by_one_command(
    server: ServerProcess, folder: Path
) -> None:
    app, package = folder / "anew.bin", "pkg:pypi/anew"
    app.write_bytes(b"anew")
    (folder / "bom.json").write_text(json.dumps(cyclonedx(b"anew", package)))
    assert 0 == attest(folder, server, "anew.bin", "--sbom", "bom.json").returncode
    done = tlog(folder, "documents", "index", server.folder, "--json")
    assert (0, 0) == (done.returncode, json.loads(done.stdout)["unread"])
    assert 1 == len(holding(folder, server, package))


def test_from_a_bad_data_set_to_the_run_the_image_and_its_commit(
    server: ServerProcess, folder: Path
) -> None:
    """A story: each step has what the step before has found, and nothing else."""
    image = digest(os_image := b"the manifest of an image")
    other_image = digest(os_image + b", another")
    commit = git(folder, "rev-parse", "HEAD").strip()
    # The image is built, and its build attested; later a job runs it.
    built = attest(folder, server, f"app@{image}", "--documents")
    assert 0 == built.returncode, built.stderr
    ran = folder / "ran"
    ran.mkdir()
    (ran / "release.key").write_bytes((folder / "release.key").read_bytes())
    (ran / "release.key").chmod(0o600)
    (ran / "run.json").write_text('{"job":"nightly"}')
    (ran / "data.csv").write_bytes(b"1,2,wrong\n")
    (ran / "good.csv").write_bytes(b"1,2,3\n")
    of_run = ("--predicate", "run.json", "--documents")
    started, made = (
        ("--type", "https://jobs.example/started"),
        (
            "--type",
            "https://jobs.example/made",
        ),
    )
    for arguments in (
        (f"app@{image}", *started, "--run-id", RUN),
        (f"app@{other_image}", *started, "--run-id", OTHER_RUN),
        ("data.csv", *made, "--run-id", RUN),
        ("good.csv", *made, "--run-id", OTHER_RUN),
    ):
        done = attest(ran, server, *arguments, *of_run)
        assert (0, "") == (done.returncode, done.stderr)
    # Somebody finds that data.csv is bad.  What is said of it names the run.
    found = folder / "found"
    find = ("documents", "find", "-O", found)
    (told,) = lines_of(ran, server, 0, *find, ran / "data.csv")
    statement = statement_of((found / told["document"][7:]).read_bytes())
    (run,) = [
        it["name"].removeprefix("run:")
        for it in statement["subject"]
        if it["name"].startswith("run:")
    ]
    assert RUN == run
    # What names the run names the image that ran.
    hits = lines_of(ran, server, 0, "search", "--run", run)
    (started_by,) = [
        entry
        for entry in (json.loads(it["entry"]) for it in hits)
        if entry["predicateType"] == started[1]
    ]
    run_digest = hashlib.sha256(f"run:{run}".encode()).hexdigest()
    (image_found,) = [
        it["sha256"] for it in started_by["subject"] if it["sha256"] != run_digest
    ]
    assert image == f"sha256:{image_found}"
    # The image's provenance names its commit.
    by_type = ("--predicate-type", SLSA)
    (told,) = lines_of(ran, server, 0, *find, f"sha256:{image_found}", *by_type)
    statement = statement_of((found / told["document"][7:]).read_bytes())
    source = statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]
    assert commit == source["digest"]["gitCommit"]
