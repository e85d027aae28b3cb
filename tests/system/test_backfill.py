"""Backfilling by real processes: said to be so, resumed where it ended, refused."""

import base64
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cases import case
from tests.system.server import ServerProcess, serving
from tests.system.test_attest import tlog
from tlogclient import BlockingLog
from tlogverify import Record

TYPE = "urn:tlog:backfill:v1"
TIME_S = 1_700_000_000
SINCE = "2023-11-14T22:13:20Z"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    flags = ("--documents", "--publish-interval-ms", "0")
    with serving(tmp_path_factory.mktemp("backfill") / "log", *flags) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tlog(tmp_path, "keygen", "release", "--type", "p256", "--out", "release.key")
    assert 0 == made.returncode, made.stderr
    return tmp_path


def backfill(
    folder: Path, server: ServerProcess, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    return tlog(
        folder,
        *("backfill", "--key", "release.key", "--log", server.url, "-O", "out"),
        *("--policy", server.folder / "policy", *arguments),
    )


def old_files(folder: Path, count: int, label: str) -> dict[str, bytes]:
    """Lay files of an old time; return their digests and contents."""
    old = folder / "old" / "deep"
    old.mkdir(parents=True)
    found = {}
    for number in range(count):
        content = f"{label} {number}".encode()
        path = (old if number % 2 else old.parent) / f"app-{number}.tar"
        path.write_bytes(content)
        os.utime(path, (TIME_S, TIME_S))
        found[f"sha256:{hashlib.sha256(content).hexdigest()}"] = content
    return found


def statement_of(path: Path) -> dict[str, Any]:
    payload = base64.b64decode(json.loads(path.read_bytes())["payload"])
    found: dict[str, Any] = json.loads(payload)
    return found


def state(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "out" / "backfill.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def size(server: ServerProcess) -> int:
    with BlockingLog(server.url, server.policy) as log:
        return log.checkpoint().checkpoint.size


def test_every_file_is_logged_once_and_said_to_be_unverifiable(
    server: ServerProcess, folder: Path
) -> None:
    files = old_files(folder, 300, "folder")
    planned = backfill(folder, server, "--from", "old", "--dry-run", "--json")
    assert (0, 300) == (planned.returncode, len(planned.stdout.splitlines()))
    assert not (folder / "out").exists()
    done = backfill(folder, server, "--from", "old", "--documents", "--json")
    assert (0, "") == (done.returncode, done.stderr)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert files.keys() == {it["artifact"] for it in told}
    digest = next(iter(files))
    name = digest.replace(":", "-")
    statement = statement_of(folder / "out" / f"{name}.intoto.jsonl")
    assert {
        "knownSince": SINCE,
        "sources": ["file:app-0.tar"],
        "method": "folder",
        "unverifiable": True,
    } == statement["predicate"]
    assert TYPE == statement["predicateType"]
    with BlockingLog(server.url, server.policy) as log:
        (found,) = log.attestations(digest).attestations
    assert isinstance(found.entry, Record)
    assert TYPE == found.entry.predicate_type
    assert found.document is not None
    assert "stored" == found.document.disposition
    # The same again does nothing.
    before = size(server)
    again = backfill(folder, server, "--from", "old")
    assert (0, "0 logged, 300 done before\n") == (again.returncode, again.stdout)
    assert before == size(server)


def test_rules_refuse_it_unless_they_allow_it(
    server: ServerProcess, folder: Path
) -> None:
    (digest,) = old_files(folder, 1, "rules")
    assert 0 == backfill(folder, server, "--from", "old").returncode
    name = f"out/{digest.replace(':', '-')}"
    key = '[[keys]]\nfile = "release.key.pub"\n'
    slsa = 'predicate_types = ["https://slsa.dev/provenance/v1"]\n'
    slsa += 'builders = ["urn:a"]\nany_source = true\n'
    for what, text, status in (
        ("allowed", f'predicate_types = ["{TYPE}"]\nallow_backfill = true\n', 0),
        ("not allowed", f'predicate_types = ["{TYPE}"]\n', 2),
        ("false", f'predicate_types = ["{TYPE}"]\nallow_backfill = false\n', 2),
        ("no boolean", f'predicate_types = ["{TYPE}"]\nallow_backfill = 1\n', 2),
        ("for another type", 'predicate_types = ["a:b"]\nallow_backfill = true\n', 2),
        ("of provenance", slsa, 1),
        ("of provenance, allowed", f"allow_backfill = true\n{slsa}", 2),
    ):
        for form in (f"{text}{key}", blocks(text, key)):
            (folder / "RULES.toml").write_text(form)
            done = tlog(
                folder,
                *("verify", digest, "--proof", f"{name}.tlog-proof"),
                *("--attestation", f"{name}.intoto.jsonl", "--rules", "RULES.toml"),
                *("--policy", server.folder / "policy"),
            )
            with case(f"{what}: {form}"):
                assert status == done.returncode, done.stderr


def blocks(text: str, key: str) -> str:
    """Return the same rules as one block of several requirements."""
    named = key.replace("[[keys]]\n", '[[keys]]\nname = "release"\n')
    return f'{named}[[require]]\nsigners = ["release"]\n{text}'


def test_what_a_stop_has_left_is_done_by_the_next_run(
    server: ServerProcess, folder: Path
) -> None:
    files = old_files(folder, 3, "stop")
    assert 0 == backfill(folder, server, "--from", "old").returncode
    before, lines = size(server), state(folder)
    file = folder / "out" / "backfill.jsonl"
    whole = file.read_bytes()
    # Killed before the state had the last one; while its line was written.
    ends = [it + 1 for it, byte in enumerate(whole) if byte == ord("\n")]
    for end in (ends[1], ends[1] + 5, 0):
        file.write_bytes(whole[:end])
        done = backfill(folder, server, "--from", "old")
        with case(f"{end} bytes of the state"):
            assert 0 == done.returncode
            assert f"{1 if end else 3} logged" in done.stdout
    assert before == size(server)
    assert len(files) == len({it["sha256"] for it in lines})
    # What was logged without its document is given to the log later.
    done = backfill(folder, server, "--from", "old", "--documents")
    assert "3 logged, 0 done before" in done.stdout
    assert before == size(server)
    with BlockingLog(server.url, server.policy) as log:
        for digest in files:
            (found,) = log.attestations(digest).attestations
            assert found.document is not None
            assert "stored" == found.document.disposition


def test_rows_of_a_csv_file_are_read_strictly(
    server: ServerProcess, folder: Path
) -> None:
    digest = f"sha256:{hashlib.sha256(b'a row').hexdigest()}"
    head, since = "digest,known_since,source,name", "2020-01-31T12:00:00+02:00"
    rows = [
        f"{digest},{since},https://a.example/1,app 1",
        f"{digest},2021-01-01T00:00:00Z,https://b.example/1,",
    ]
    (folder / "known.csv").write_text("\n".join([head, *rows]))
    done = backfill(folder, server, "--from", "known.csv")
    assert (0, "1 logged, 0 done before\n") == (done.returncode, done.stdout)
    name = digest.replace(":", "-")
    statement = statement_of(folder / "out" / f"{name}.intoto.jsonl")
    assert {
        "knownSince": "2020-01-31T10:00:00Z",
        "sources": ["https://a.example/1", "https://b.example/1"],
        "method": "csv",
        "unverifiable": True,
    } == statement["predicate"]
    assert "app 1" == statement["subject"][0]["name"]
    for what, text in {
        "no columns": rows[0],
        "another column": f"{head},more\n{rows[0]},x",
        "no digest": f"{head}\nabc,{since},a:b,",
        "no time": f"{head}\n{digest},yesterday,a:b,",
        "no source": f"{head}\n{digest},{since},,",
        "a cell more": f"{head}\n{rows[0]},x",
        "no row": head,
    }.items():
        (folder / "known.csv").write_text(text)
        done = backfill(folder, server, "--from", "known.csv")
        with case(what):
            assert 2 == done.returncode, done.stderr
            assert 1 == done.stderr.count("\n")
    for flags in (("--dry-run",), ("-O", "out")):
        done = tlog(folder, "backfill", "--from", "known.csv", *flags)
        assert 2 == done.returncode, done.stderr
