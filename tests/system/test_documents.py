"""Documents by real processes: stored, found, removed; nothing half after a kill."""

import base64
import hashlib
import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.cases import case
from tests.system.server import ServerProcess, run_tlog, serving
from tlogclient import BlockingLog, RefusedError
from tlogverify import Policy, Proof, Record
from tlogverify.artifact import verify_artifact
from tlogverify.record import Subject

FLAGS = ("--documents", "--publish-interval-ms", "0")


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def named(content: bytes) -> str:
    return f"sha256:{sha256(content).hex()}"


def logged(server: ServerProcess, content: bytes, artifact: bytes = b"") -> int:
    """Log a record that names a document; return its index."""
    record = Record((Subject(sha256(artifact or content + b"!")),), sha256(content))
    with BlockingLog(server.url, server.policy) as log:
        return log.submit_one(record).index


def stored_files(server: ServerProcess) -> set[str]:
    root = server.folder / "documents"
    return {
        it.relative_to(root).as_posix()
        for folder in ("stored", "pending", "tmp", "damaged")
        for it in (root / folder).rglob("*")
        if it.is_file()
    }


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with serving(tmp_path / "log", *FLAGS) as running:
        yield running


def test_a_kill_during_an_upload_leaves_nothing_half(server: ServerProcess) -> None:
    content = os.urandom(3 << 20)
    index = logged(server, content)
    host, port = server.url.removeprefix("http://").split(":")
    for sent in (1, 1 << 20, len(content) - 1):
        with (
            case(f"{sent} bytes came"),
            socket.create_connection((host, int(port))) as it,
        ):
            head = (
                f"PUT /api/v1/documents/{named(content)}?entry={index} HTTP/1.1\r\n"
                f"Host: a\r\nContent-Length: {len(content)}\r\n\r\n"
            )
            it.sendall(head.encode() + content[:sent])
            while not any(name.startswith("tmp/") for name in stored_files(server)):
                pass
            server.kill()
            server.start()
            host, port = server.url.removeprefix("http://").split(":")
            assert set() == stored_files(server)
    with BlockingLog(server.url, server.policy) as log:
        with pytest.raises(RefusedError) as absent:
            log.document(named(content))
        assert 404 == absent.value.status
        log.put_document(content, entry=index)
    server.kill()
    server.start()
    with BlockingLog(server.url, server.policy) as log:
        assert content == log.document(named(content))
    assert 0 == run_tlog("fsck", server.folder, "--documents").returncode


def test_a_kill_after_the_answer_loses_no_document(server: ServerProcess) -> None:
    """Some threads store while the process is killed: what was answered is there."""
    answered: list[bytes] = []
    contents = [b"%d " % number * 1000 for number in range(400)]
    indexes = {it: logged(server, it) for it in contents[:40]}

    def store(part: list[bytes]) -> None:
        try:
            with BlockingLog(server.url, server.policy, attempts=1) as log:
                for content in part:
                    log.put_document(content, entry=indexes[content])
                    answered.append(content)
        except Exception:  # noqa: BLE001 - the process was killed
            return

    parts = [contents[start:40:4] for start in range(4)]
    threads = [threading.Thread(target=store, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    while len(answered) < 8:
        pass
    server.kill()
    for thread in threads:
        thread.join()
    server.start()
    with BlockingLog(server.url, server.policy) as log:
        for content in answered:
            assert content == log.document(named(content))
    assert not [it for it in stored_files(server) if it.startswith("tmp/")]
    assert 0 == run_tlog("fsck", server.folder, "--documents").returncode


def test_a_person_stores_finds_and_redacts(
    server: ServerProcess, tmp_path: Path
) -> None:
    app, build = tmp_path / "app.tar", tmp_path / "build.json"
    app.write_bytes(b"an artifact")
    build.write_text('{"builder":"mine"}')
    policy = server.folder / "policy"
    submit = ("submit", "--log", server.url, "--policy", policy, app)
    done = run_tlog(
        *submit, "--provenance", build, "--documents", "--environment", "release"
    )
    assert (0, "") == (done.returncode, done.stderr)
    proof = Proof.read(tmp_path / "app.tar.tlog-proof")
    found = tmp_path / "found"
    find = ("documents", "find", app, "--log", server.url, "--policy", policy)
    done = run_tlog(*find, "-O", found)
    assert (0, "") == (done.returncode, done.stderr)
    assert build.read_bytes() == (found / named(build.read_bytes())[7:]).read_bytes()
    (line,) = run_tlog("documents", "list", server.folder, "--json").stdout.splitlines()
    assert {
        "digest": named(build.read_bytes()),
        "state": "stored",
        "entries": [0],
        "environments": ["release"],
    }.items() <= json.loads(line).items()
    got = tmp_path / "got"
    get = ("documents", "get", server.folder, named(build.read_bytes()))
    assert 0 == run_tlog(*get, "-o", got).returncode
    assert (build.read_bytes(), build.read_text()) == (
        got.read_bytes(),
        run_tlog(*get).stdout,
    )
    redact = ("documents", "redact", server.folder, named(build.read_bytes()))
    refused = run_tlog(*redact, "--reason", "a secret")
    assert 2 == refused.returncode
    assert "another process holds" in refused.stderr
    done = run_tlog(
        *redact, "--reason", "a secret", "--log", server.url, "--policy", policy
    )
    assert (0, "") == (done.returncode, done.stderr)
    done = run_tlog(*find, "--json")
    told = json.loads(done.stdout)
    assert ("redacted", "a secret", 1) == (
        told["disposition"],
        told["reason"],
        told["entry"],
    )
    gone_here = run_tlog(*get)
    assert (2, "") == (gone_here.returncode, gone_here.stdout)
    assert "redacted: a secret" in gone_here.stderr
    verify_artifact(app, proof, Policy.read(policy))


def test_a_stopped_log_says_so_too(server: ServerProcess) -> None:
    other = b"another document"
    index = logged(server, other)
    with BlockingLog(server.url, server.policy) as log:
        log.put_document(other, entry=index)
        before = log.prove(index)
        head = log.checkpoint()
    assert 0 == server.terminate()
    done = run_tlog(
        "documents", "redact", server.folder, named(other), "--reason", "why", "--json"
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert index + 1 == json.loads(done.stdout)["entry"]
    assert 0 == run_tlog("fsck", server.folder).returncode
    assert 0 == run_tlog("fsck", server.folder, "--documents").returncode
    server.start()
    with BlockingLog(server.url, server.policy) as log:
        log.checkpoint(extending=head.checkpoint)
        assert before.extra == log.prove(index).extra
        with pytest.raises(RefusedError) as gone:
            log.document(named(other))
        assert 410 == gone.value.status


def test_rules_are_tried_before_they_are_done(
    server: ServerProcess, tmp_path: Path
) -> None:
    documents = {name: name.encode() for name in ("release", "branch", "held")}
    with BlockingLog(server.url, server.policy) as log:
        for name, content in documents.items():
            index = logged(server, content)
            environment = "release" if name == "release" else "branch"
            log.put_document(content, entry=index, environment=environment)
    assert 0 == server.terminate()
    # As if they were stored long ago.
    for path in (server.folder / "documents" / "facts").rglob("*.json"):
        facts = json.loads(path.read_bytes())
        facts["stored"] = "2001-01-01T00:00:00Z"
        text = json.dumps(facts, separators=(",", ":"), sort_keys=True)
        path.write_text(f"{text}\n")
    rules = tmp_path / "retention.toml"
    rules.write_text(
        '[[keep]]\nenvironment = "release"\nkeep = "forever"\n'
        '[[keep]]\nenvironment = "branch"\nkeep = "90d"\n'
        f'[[hold]]\ndigest = "{named(documents["held"])}"\nreason = "case 17"\n'
    )
    prune = ("documents", "prune", server.folder, "--rules", rules)
    before = stored_files(server)
    tried = run_tlog(*prune, "--dry-run")
    assert (0, "") == (tried.returncode, tried.stderr)
    assert f"expire  {named(documents['branch'])}" in tried.stdout
    assert f"hold    {named(documents['held'])}" in tried.stdout
    assert "3 documents: 1 would be expired" in tried.stdout
    assert before == stored_files(server)
    done = run_tlog(*prune)
    assert (0, "") == (done.returncode, done.stderr)
    assert "1 expired" in done.stdout
    server.start()
    with BlockingLog(server.url, server.policy) as log:
        with pytest.raises(RefusedError) as gone:
            log.document(named(documents["branch"]))
        assert 410 == gone.value.status
        for name in ("release", "held"):
            assert documents[name] == log.document(named(documents[name]))
    broken = tmp_path / "broken.toml"
    broken.write_text('[[keep]]\nkeep = "soon"\n')
    done = run_tlog("documents", "prune", server.folder, "--rules", broken)
    assert 2 == done.returncode


def test_fsck_names_the_damaged_document(server: ServerProcess) -> None:
    contents = [b"%d" % number for number in range(3)]
    with BlockingLog(server.url, server.policy) as log:
        for content in contents:
            log.put_document(content, entry=logged(server, content))
    fsck = ("fsck", server.folder, "--documents", "--json")
    whole = run_tlog(*fsck)
    assert {"whole": True, "documents": 3, "removed": 0} == json.loads(whole.stdout)
    name = named(contents[1])[7:]
    file = server.folder / "documents" / "stored" / name[:2] / name
    kept = file.read_bytes()
    for damage in ("flipped", "renamed", "left behind a tombstone"):
        with case(damage):
            if damage == "flipped":
                file.write_bytes(b"x")
            elif damage == "renamed":
                file.rename(file.with_name(f"{name[:-1]}"))
            else:
                policy = ("--policy", server.folder / "policy")
                redact = ("documents", "redact", server.folder, f"sha256:{name}")
                reason = ("--reason", "a reason", "--log", server.url, *policy)
                assert 0 == run_tlog(*redact, *reason).returncode
                file.write_bytes(kept)
            found = run_tlog(*fsck)
            assert 1 == found.returncode
            told = json.loads(found.stdout)
            assert ("document", True) == (told["kind"], name[:-1] in told["where"])
            file.with_name(f"{name[:-1]}").unlink(missing_ok=True)
            file.write_bytes(kept)


def test_modes_are_those_of_private_files(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "log", *FLAGS)
    server.umask = 0
    try:
        server.start()
        content = b"private"
        with BlockingLog(server.url, server.policy) as log:
            log.put_document(content, entry=logged(server, content))
            log.put_document(b"waits")
    finally:
        server.end()
    for path in (tmp_path / "log" / "documents").rglob("*"):
        expected = 0o700 if path.is_dir() else 0o600
        assert expected == stat.S_IMODE(path.stat().st_mode), path


def test_a_store_is_held_by_one_server_and_is_no_other_roles(
    server: ServerProcess, tmp_path: Path
) -> None:
    folder = server.folder / "documents"
    for flags in (("--documents", str(folder)), ("--documents", str(server.folder))):
        with case(" ".join(flags)):
            done = run_tlog(
                "serve", "--data", tmp_path / "other", "--origin", "other", *flags
            )
            assert 2 == done.returncode
            assert "Traceback" not in done.stderr
    with urlopen(f"{server.url}/metrics") as answer:  # noqa: S310 - loopback
        assert b'tlog_tamper_detections_total{kind="document"} 0.0' in answer.read()


def test_an_attestation_is_kept_and_says_how_much_it_says(
    server: ServerProcess, tmp_path: Path
) -> None:
    key, app = tmp_path / "release.key", tmp_path / "app.whl"
    app.write_bytes(b"a wheel")
    assert 0 == run_tlog("keygen", "r", "--type", "p256", "--out", key).returncode
    policy = ("--policy", server.folder / "policy", "--log", server.url)
    attest = ("attest", app, "--key", key, *policy, "--documents", "--minimal")
    for expected in ("", ", attested before"):
        done = run_tlog(*attest, "--environment", "release")
        assert 0 == done.returncode, done.stderr
        assert f"entry 0{expected}" in done.stdout
    envelope = (tmp_path / "app.whl.intoto.jsonl").read_bytes()
    with BlockingLog(server.url, server.policy) as log:
        (found,) = log.attestations(named(app.read_bytes())).attestations
    assert isinstance(found.entry, Record)
    assert found.document is not None
    minimal = "urn:tlog:provenance:minimal:v1"
    assert (minimal, envelope) == (found.entry.predicate_type, found.document.content)
    statement = json.loads(base64.b64decode(json.loads(envelope)["payload"]))
    assert minimal == statement["predicateType"]
    definition = statement["predicate"]["buildDefinition"]
    assert {"buildType", "externalParameters"} == definition.keys()
    both = run_tlog(*attest, "--full")
    assert (2, "") == (both.returncode, both.stdout)


def test_a_log_without_documents_says_so(tmp_path: Path) -> None:
    app, build = tmp_path / "app.tar", tmp_path / "build.json"
    app.write_bytes(b"an artifact")
    build.write_text("{}")
    with serving(tmp_path / "log") as server:
        submit = ("submit", app, "--provenance", build, "--log", server.url)
        policy = ("--policy", server.folder / "policy")
        done = run_tlog(*submit, *policy, "--documents")
    assert 1 == done.returncode
    assert "keeps no documents" in done.stderr
    # What was asked for first is done.
    assert (tmp_path / "app.tar.tlog-proof").exists()
