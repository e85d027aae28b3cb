"""A gate as a process: scripts ask it, it is killed; coverage is told."""

import hashlib
import json
import signal
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.support.cases import case
from tests.system.server import ServerProcess, serving
from tests.system.test_attest import tlog
from tests.tlog.gate.workshop import pod, review

RULES = """
[[keys]]
file = "release.key.pub"
builders = ["urn:tlog:builder:local"]
[[require]]
predicate_types = ["https://slsa.dev/provenance/v1"]
signers = ["key 1"]
any_source = true
"""
SECRET = "a-very-secret-token"


class GateProcess(ServerProcess):
    """`tlog gate` on the files of one folder."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        super().__init__(folder, origin="")
        at = self._command.index("serve")
        self._command = [*self._command[:at], "gate", "--json"]
        self._command += ["--listen", "127.0.0.1:0", *arguments]


@contextmanager
def gating(folder: Path, *arguments: str) -> Iterator[GateProcess]:
    """Run a gate; whatever is left of the process at the end is killed."""
    gate = GateProcess(folder, *arguments)
    try:
        yield gate.start()
    finally:
        gate.end()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder with a log that keeps documents, its address, keys and rules."""
    folder = tmp_path_factory.mktemp("gate")
    (folder / "RULES.toml").write_text(RULES)
    for name in ("release", "gate"):
        made = tlog(folder, "keygen", name, "--type", "p256", "--out", f"{name}.key")
        assert 0 == made.returncode, made.stderr
    with serving(folder / "log", "--documents") as log:
        (folder / "url").write_text(log.url)
        yield folder


def log_of(folder: Path) -> tuple[str, str, str, str]:
    """Return the arguments that name the log."""
    policy = str(folder / "log" / "policy")
    return ("--log", (folder / "url").read_text(), "--policy", policy)


def package(folder: Path, name: str) -> Path:
    """Write a serverless function's package, as people zip one."""
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("handler.py", f"def handler(event): return {name!r}\n")
    return path


def rules_of(folder: Path) -> tuple[str, str]:
    return ("--rules", str(folder / "RULES.toml"))


def post(url: str, body: object) -> dict[str, Any]:
    """Send JSON to a gate, and return its answer."""
    headers = {"Content-Type": "application/json"}
    asked = Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - loopback
    with urlopen(asked) as answer:  # noqa: S310 - a loopback server of ours
        found: dict[str, Any] = json.load(answer)
    return found


@contextmanager
def answering(page: object) -> Iterator[tuple[str, list[str]]]:
    """Answer one page to all; give the URL, and what was said of who asks."""
    seen: list[str] = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(str(self.headers["Authorization"]))
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.dumps(page).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - as the server calls it

        def log_message(  # type: ignore[explicit-override]  # typing: from 3.12
            self, *_: object
        ) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()


def test_a_functions_package_is_deployed_once_it_is_signed(place: Path) -> None:
    zipped = package(place, "function.zip")
    signing = ("--vsa-key", str(place / "gate.key"), "--verifier", "https://g.example")
    with gating(place / "a", *rules_of(place), *log_of(place), *signing) as gate:
        ask = ("gate", "decide", zipped.name, "--gate", gate.url)
        done = tlog(place, *ask)
        assert (1, True) == (done.returncode, "refused (no-entry)" in done.stdout)
        signed = ("--key", "release.key", *log_of(place), "--documents")
        done = tlog(place, "attest", zipped.name, *signed)
        assert 0 == done.returncode, done.stderr
        # An entry is found once the log has published it.
        while tlog(place, "search", zipped.name, *log_of(place)).returncode:
            pass
        # The refusal is kept for seconds: a changed file of rules ends it.
        (place / "RULES.toml").write_text(f"{RULES}# once more\n")
        done = tlog(place, *ask, "--vsa", "vsa.jsonl", "--json")
        told = json.loads(done.stdout)
        assert (0, "met") == (done.returncode, told["reason"])
        assert "payload" in json.loads((place / "vsa.jsonl").read_text())
        digest = f"sha256:{hashlib.sha256(zipped.read_bytes()).hexdigest()}"
        nowhere = ("--environment", "nowhere", "--vsa", "vsa.jsonl")
        done = tlog(place, *ask[:2], digest, *ask[3:], *nowhere)
        assert "there is no summary" in done.stderr
        assert not (place / "vsa.jsonl").exists()
        assert (1, True) == (done.returncode, "no-rules" in done.stdout)
        done = tlog(place, *ask[:2], digest, *ask[3:], "--audit", "--requester", "ci")
        assert (0, True) == (done.returncode, "later" in done.stdout)
        done = tlog(place, *ask[:2], "sha256:12", *ask[3:])
        assert 2 == done.returncode
        assert 0 == gate.terminate()
    # The log's own folder says the same, and the log is not asked.
    here = ("--policy", str(place / "log" / "policy"), "--store", str(place / "log"))
    with gating(place / "b", *rules_of(place), *here) as gate:
        for artifact, status in ((zipped.name, 0), (f"sha256:{'ab' * 32}", 1)):
            done = tlog(place, "gate", "decide", artifact, "--gate", gate.url)
            assert status == done.returncode, done.stderr
    # The port of a gate that has ended may be another's by now: nobody listens at 1.
    nobody = ("--gate", "http://127.0.0.1:1", "--timeout", "1")
    done = tlog(place, *ask[:3], *nobody)
    assert 3 == done.returncode


def test_an_answer_about_another_artifact_is_none(place: Path) -> None:
    """Of another artifact, without a verdict, and no JSON: and an old summary goes."""
    asked = f"sha256:{'ab' * 32}"
    answer = {"artifact": asked, "allowed": True, "outcome": "allowed", "reason": "met"}
    table: list[tuple[object, int]] = [
        (answer, 0),
        ({**answer, "artifact": f"sha256:{'ab' * 31}ac"}, 2),
        ({**answer, "allowed": "true"}, 2),
        ([answer], 2),
    ]
    for told, status in table:
        with case(str(told)), answering(told) as (url, _):
            (place / "old.jsonl").write_text("{}")
            ask = ("gate", "decide", asked, "--gate", url, "--vsa", "old.jsonl")
            done = tlog(place, *ask)
            assert status == done.returncode, done.stderr
            assert 1 == done.stderr.count("\n"), done.stderr
            assert not (place / "old.jsonl").exists()


def test_a_killed_gate_has_lost_no_use_of_break_glass(place: Path) -> None:
    spool = ("--spool", str(place / "spool"))
    nowhere = ("--log", "http://127.0.0.1:1", "--policy", str(place / "log" / "policy"))
    short = ("--deadline-ms", "100")
    made = pod("images.example/app:1")
    made["metadata"]["annotations"] = {"tlog.dev/break-glass": "INC-7"}
    with gating(place / "b", *rules_of(place), *nowhere, *spool, *short) as gate:
        answer = post(f"{gate.url}/break-glass", review(made))
        assert answer["response"]["allowed"]
        gate.kill()
        assert 1 == len([*(place / "spool").glob("*.json")])
    with gating(place / "c", *rules_of(place), *log_of(place), *spool) as gate:
        while [*(place / "spool").glob("*.json")]:
            pass
        (use,) = (place / "spool" / "logged").glob("*.json")
        assert "INC-7" == json.loads(use.read_bytes())["reason"]
        gate.kill()
    # An entry is found once the log has published it.
    while tlog(place, "search", str(use), *log_of(place)).returncode:
        pass


def test_nothing_secret_is_written(place: Path) -> None:
    (place / "token").write_text(f"{SECRET}\n")
    token = ("--log-token-file", str(place / "token"), "--log-level", "debug")
    with gating(place / "d", *rules_of(place), *log_of(place), *token) as gate:
        asked = review(pod("images.example/app:1"))
        spec = asked["request"]["object"]["spec"]
        spec["containers"][0]["env"] = [{"name": "PASSWORD", "value": SECRET}]
        asked["request"]["userInfo"]["extra"] = {"token": [SECRET]}
        answer = post(f"{gate.url}/admit/enforce", asked)
        assert not answer["response"]["allowed"]
        with urlopen(f"{gate.url}/metrics") as metrics:  # noqa: S310 - a loopback server of ours
            assert SECRET not in metrics.read().decode()
        assert SECRET not in json.dumps(answer)
        gate.send(signal.SIGTERM)
        assert 0 == gate.wait()
    assert '"refused"' in gate.stderr
    assert SECRET not in gate.stderr


def test_settings_that_cannot_serve_are_told_before_it_starts(place: Path) -> None:
    policy = ("--policy", str(place / "log" / "policy"))
    table = {
        "--rules FILE is needed": policy,
        "--policy FILE is needed": rules_of(place),
        "loopback alone": (*rules_of(place), *policy, "--listen", "0.0.0.0:0"),
        "No such file": ("--rules", str(place / "none.toml"), *policy),
        "--log needs --policy": (
            *(*rules_of(place), "--log", "http://127.0.0.1:1"),
            *("--trusted-root", "none.json"),
        ),
        "an environment is": (*rules_of(place), *policy, "--environment", "x:y"),
        "that is named has rules": (
            *rules_of(place),
            *policy,
            "--namespaces",
            "a=warn:b",
        ),
        "--store needs --log": (*rules_of(place), *policy, "--store", "."),
        "--monitor needs --store": (*rules_of(place), *policy, "--monitor", "."),
        "--verifier go together": (*rules_of(place), *policy, "--verifier", "urn:a"),
    }
    for why, arguments in table.items():
        with case(why):
            done = tlog(place, "gate", *arguments)
            assert 2 == done.returncode
            assert why in done.stderr


def test_the_manifest_is_printed_by_either_name(place: Path) -> None:
    (place / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nAA==\n")
    image = f"images.example/tlog@sha256:{'ab' * 32}"
    given = ("--image", image, "--authority", "ca.pem", "--file", "RULES.toml")
    done = tlog(place, "gate", "manifest", *given)
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout == tlog(place, "gate-manifest", *given).stdout
    assert done.stdout.startswith("---\n")
    for wrong in (
        ("--image", "images.example/tlog:1", *given[2:]),
        (*given, "--file", "release.key"),
        (*given, "--timeout-seconds", "30"),
        (*given[:3], "RULES.toml"),
    ):
        with case(str(wrong)):
            assert 2 == tlog(place, "gate", "manifest", *wrong).returncode


def test_coverage_tells_which_have_provenance_and_counts_them(place: Path) -> None:
    (place / "covered").write_text("covered")
    signed = ("--key", "release.key", *log_of(place), "--documents")
    done = tlog(place, "attest", "covered", *signed)
    assert 0 == done.returncode, done.stderr
    covered = hashlib.sha256(b"covered").hexdigest()
    lines = ["# what runs", f"images.example/a@sha256:{covered}", f"sha256:{'ab' * 32}"]
    lines += ["images.example/b:1.0  # by a tag", "", f"sha256:{'ab' * 32}", "Odd!"]
    (place / "images").write_text("\n".join(lines))
    at = ("coverage", *log_of(place), "--images", "images")
    done = tlog(place, *at, "--textfile", "out.prom", "--environment", "prod")
    assert 1 == done.returncode, done.stderr
    assert "1 of 4 artifacts have provenance" in done.stdout
    assert "images.example/b:1.0: no provenance: it is not named by" in done.stdout
    metrics = (place / "out.prom").read_text().splitlines()
    counts = [it for it in metrics if not it.startswith("#")]
    assert [
        'tlog_artifacts{environment="prod",provenance="yes"} 1.0',
        'tlog_artifacts{environment="prod",provenance="no"} 3.0',
    ] == counts
    done = tlog(place, *at, "--json", "--predicate-type", "https://spdx.dev/Document")
    told = [json.loads(it) for it in done.stdout.splitlines()]
    assert [False] * 4 == [it["provenance"] for it in told]
    (place / "images").write_text(f"sha256:{covered}\n")
    assert 0 == tlog(place, *at).returncode


def test_coverage_of_a_cluster_asks_its_api_server(place: Path) -> None:
    (place / "covered").write_text("covered")
    signed = ("--key", "release.key", *log_of(place), "--documents")
    assert 0 == tlog(place, "attest", "covered", *signed).returncode
    covered = hashlib.sha256(b"covered").hexdigest()
    pulled = {"name": "c", "imageID": f"images.example/a@sha256:{covered}"}
    page = {
        "kind": "PodList",
        "metadata": {},
        "items": [
            {
                "spec": {"containers": [{"name": "c", "image": "images.example/a:1"}]},
                "status": {"containerStatuses": [pulled]},
            }
        ],
    }
    (place / "token").write_text(f"{SECRET}\n")
    with answering(page) as (url, seen):
        at = ("coverage", *log_of(place), "--kubernetes", url)
        done = tlog(place, *at, "--kubernetes-token-file", "token", "--json")
    assert (0, "") == (done.returncode, done.stderr)
    told = json.loads(done.stdout)
    assert f"images.example/a:1@sha256:{covered}" == told["artifact"]
    assert [f"Bearer {SECRET}"] == seen
    assert SECRET not in done.stdout
