"""The main job on real input: `make demo`.

Builds this project's own wheels, writes the provenance of each build, logs both in a
log that waits for a witness, lets a monitor find one of them, fetches the provenance by
the wheel's digest, has a document redacted, lets a gate allow one deploy and refuse
another, stops all servers, and verifies the wheels offline; then shows that one flipped
byte is found.
Exit status 0 only if every step did what it says.
"""

import hashlib
import json
import platform
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
BUILD_TYPE = "https://pypa-build.readthedocs.io/"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
TLOG = [sys.executable, "-m", "tlog"]
RULES = f"""
[[keys]]
file = "release.key.pub"
builders = ["urn:tlog:builder:local"]
[[require]]
predicate_types = ["{PREDICATE_TYPE}"]
signers = ["key 1"]
any_source = true
"""


def main() -> int:
    """Run all steps; any that fails ends the demo."""
    with tempfile.TemporaryDirectory(prefix="tlog-demo-") as folder:
        work = Path(folder)
        step("Build the artifacts: this project's own wheels, with their provenance")
        wheels = [build(ROOT / "client", work / "dist"), build(ROOT, work / "dist")]
        step("Start a witness, and a log that waits for its cosignature")
        with Servers() as servers:
            url, policy = start_log(servers, work)
            step("Submit: each wheel's digest and its provenance document's digest")
            submit(url, policy, wheels)
            step("A monitor reads the whole log, and finds the wheel that it watches")
            wait_until_public(url, len(wheels))
            monitor(url, policy, wheels[0], work)
            step("Documents by the wheel's digest; one is redacted, its proof holds")
            find_document(url, policy, wheels[0], work)
            redact_document(url, policy, wheels[1], work)
            step("A cluster asks the gate: one deploy is allowed, one is refused")
            ask_gate(servers, (url, policy), wheels, work)
        step("Log and witness are stopped; nothing below uses a network")
        require_stopped(url)
        step("Verify every wheel offline")
        for wheel in wheels:
            verify(wheel, proof_of(wheel), policy, expected=0)
        step("One flipped byte: in the artifact, in the proof, in the policy")
        show_tampering(wheels[0], policy, work)
    step("All of this was true. What to type next")
    print(
        "  .venv/bin/tlog serve --data my-log --origin log.example.org\n"
        "  export TLOG_POLICY=my-log/policy\n"
        "  .venv/bin/tlog submit --log http://127.0.0.1:8080 FILE\n"
        "  .venv/bin/tlog verify FILE --policy my-log/policy\n"
        "  .venv/bin/tlog monitor --log http://127.0.0.1:8080 \\\n"
        "      --policy my-log/policy --state my-monitor --watch FILE\n"
        "  .venv/bin/tlog fsck my-log        (with the log stopped)"
    )
    return 0


def step(title: str) -> None:
    """Print a heading."""
    print(f"\n== {title}", flush=True)


def build(source: Path, out: Path) -> Path:
    """Build a wheel and write its provenance beside it; return the wheel's path."""
    started = datetime.now(UTC)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    before = set(out.glob("*.whl"))
    run([*command, "--outdir", str(out), str(source)], quiet=True)
    (wheel,) = set(out.glob("*.whl")) - before
    statement = provenance(source, wheel, started, datetime.now(UTC))
    document = wheel.with_name(f"{wheel.name}.intoto.jsonl")
    document.write_text(json.dumps(statement, separators=(",", ":")) + "\n")
    print(f"  {wheel.name}  sha256:{sha256(wheel)}")
    print(f"  {document.name}  sha256:{sha256(document)}")
    return wheel


def provenance(
    source: Path, wheel: Path, started: datetime, finished: datetime
) -> dict[str, object]:
    """Return an in-toto statement (v1) with SLSA provenance (v1) of the build."""
    revision = source_revision()
    materials = sorted(source.glob("*.toml")) + sorted(source.glob("*/*.py"))
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": wheel.name, "digest": {"sha256": sha256(wheel)}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"source": source.relative_to(ROOT).as_posix()},
                "internalParameters": {
                    "python": platform.python_version(),
                    "platform": platform.system(),
                },
                "resolvedDependencies": [
                    *({"name": "source", "digest": it} for it in revision),
                    *(
                        {
                            "name": material.relative_to(ROOT).as_posix(),
                            "digest": {"sha256": sha256(material)},
                        }
                        for material in materials
                    ),
                    *(
                        {"name": f"pkg:pypi/{name}@{version(name)}"}
                        for name in ("build", "setuptools")
                    ),
                ],
            },
            "runDetails": {
                "builder": {
                    "id": "https://pypa-build.readthedocs.io/#local",
                    "version": {"build": version("build")},
                },
                "metadata": {
                    "invocationId": str(uuid.uuid4()),
                    "startedOn": started.isoformat(timespec="seconds"),
                    "finishedOn": finished.isoformat(timespec="seconds"),
                },
            },
        },
    }


def source_revision() -> list[dict[str, str]]:
    """Return the commit that is built; nothing where there is no git or no checkout."""
    try:
        command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return [{"gitCommit": found.stdout.strip()}]


class Servers:
    """The servers that were started; all are stopped at the end."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for server in reversed(self._started):
            # As an operator would.
            server.send_signal(signal.SIGTERM)
            if server.wait(timeout=60) != 0:
                raise SystemExit("a server did not stop cleanly")

    def start(self, *arguments: str) -> dict[str, Any]:
        """Start a server on a free port; return what it says when it is ready."""
        flags = ["--listen", "127.0.0.1:0", "--json", "--log-level", "warning"]
        server = subprocess.Popen(
            [*TLOG, *arguments, *flags], stdout=subprocess.PIPE, text=True
        )
        self._started.append(server)
        line = server.stdout.readline() if server.stdout else ""
        if not line:
            raise SystemExit(f"tlog {arguments[0]} did not start")
        said: dict[str, Any] = json.loads(line)
        return said


def start_log(servers: Servers, work: Path) -> tuple[str, Path]:
    """Start a witness and a log that asks it; return the log's URL and its policy."""
    key = work / "log" / "keys" / "log.ed25519"
    key.parent.mkdir(parents=True, mode=0o700)
    vkey = run([*TLOG, "keygen", "demo.example/log", "--out", str(key)], quiet=True)
    data = ("--data", str(work / "witness"), "--name", "demo.example/witness")
    witness = servers.start(
        "witness", *data, "--keys", "ed25519", "--log", vkey.strip()
    )
    asked = f"witness w {witness['verifier_keys'][0]} {witness['url']}\nquorum w\n"
    (work / "witnesses").write_text(asked)
    print(f"  witness {witness['url']}, key {witness['verifier_keys'][0]}")
    waits = ("--witness-policy", str(work / "witnesses"))
    log = servers.start("serve", "--data", str(work / "log"), "--documents", *waits)
    print(f"  log     {log['url']}, key {log['verifier_keys'][0]}")
    return str(log["url"]), Path(log["policy"])


def submit(url: str, policy: Path, wheels: Sequence[Path]) -> None:
    """Submit all wheels in one request; their proof files come back."""
    command = [*TLOG, "submit", "--log", url, "--policy", str(policy), "--documents"]
    print(run([*command, "--predicate-type", PREDICATE_TYPE, *map(str, wheels)]))
    for wheel in wheels:
        if not proof_of(wheel).exists():
            raise SystemExit(f"no proof file of {wheel.name}")


def wait_until_public(url: str, size: int) -> None:
    """Wait for the checkpoint, which may trail the answers by the publish interval."""
    while True:
        with urllib.request.urlopen(f"{url}/checkpoint", timeout=5) as answer:  # noqa: S310 - loopback
            if int(answer.read().split(b"\n")[1]) >= size:
                return


def monitor(url: str, policy: Path, watched: Path, work: Path) -> None:
    """Run `tlog monitor` once: exit status 4 says that it has found what it watches."""
    command = [*TLOG, "monitor", "--once", "--log", url, "--policy", str(policy)]
    command += ["--state", str(work / "monitor"), "--watch", str(watched)]
    result = subprocess.run(
        [*command, "--log-level", "warning"],
        capture_output=True,
        text=True,
        check=False,
    )
    alarms = [json.loads(line) for line in result.stdout.splitlines()]
    for alarm in alarms:
        print(f"  [{result.returncode}] {alarm['kind']}: {alarm['detail']}")
    hits = [alarm for alarm in alarms if alarm["kind"] == "hit"]
    if result.returncode != 4 or len(hits) != 1:
        raise SystemExit("expected exit status 4 and one hit")
    verify(watched, Path(hits[0]["proof"]), policy, expected=0)


def find_document(url: str, policy: Path, wheel: Path, work: Path) -> None:
    """Fetch the provenance of a wheel, known by its digest alone."""
    found = work / "found"
    asked = ["--log", url, "--policy", str(policy), "-O", str(found)]
    run([*TLOG, "documents", "find", f"sha256:{sha256(wheel)}", *asked], quiet=True)
    document = provenance_of(wheel)
    fetched = found / sha256(document)
    if fetched.read_bytes() != document.read_bytes():
        raise SystemExit("another document was fetched")
    print(f"  {wheel.name}: fetched {document.name}, sha256:{sha256(document)}")


def redact_document(url: str, policy: Path, wheel: Path, work: Path) -> None:
    """Have the provenance of a wheel removed; the log tells so, and its proof holds."""
    digest = f"sha256:{sha256(provenance_of(wheel))}"
    asked = ["--log", url, "--policy", str(policy)]
    redact = [*TLOG, "documents", "redact", str(work / "log"), digest]
    run([*redact, "--reason", "to show that it can be", *asked], quiet=True)
    said = run([*TLOG, "documents", "find", str(wheel), "--json", *asked], quiet=True)
    (told,) = (json.loads(line) for line in said.splitlines())
    if (told["document"], told["disposition"]) != (digest, "redacted"):
        raise SystemExit("the document is not told to be redacted")
    print(f"  {wheel.name}: {told['disposition']} by entry {told['entry']}")
    verify(wheel, proof_of(wheel), policy, expected=0)


def ask_gate(
    servers: Servers, log: tuple[str, Path], wheels: Sequence[Path], work: Path
) -> None:
    """Sign for one wheel, and let a gate answer admission reviews of both."""
    deploy, key = work / "deploy", work / "release.key"
    deploy.mkdir()
    run([*TLOG, "keygen", "release", "--type", "p256", "--out", str(key)], quiet=True)
    (work / "RULES.toml").write_text(RULES)
    signed = deploy / wheels[0].name
    signed.write_bytes(wheels[0].read_bytes())
    at = ["--log", log[0], "--policy", str(log[1])]
    run([*TLOG, "attest", str(signed), "--key", str(key), *at], quiet=True)
    rules = ["--rules", str(work / "RULES.toml"), "--policy", str(log[1])]
    gate = servers.start("gate", *rules, "--documents", str(deploy))
    for wheel, allowed in zip(wheels, (True, False), strict=True):
        response = review(gate["url"], f"{wheel.stem.lower()}@sha256:{sha256(wheel)}")
        if response["allowed"] is not allowed:
            raise SystemExit(f"{wheel.name}: allowed is not {allowed}")
        said = response.get("status", {}).get("message", "")
        found = response["auditAnnotations"]
        print(f"  {wheel.name}: {said or found['verdict']}")


def review(url: str, image: str) -> dict[str, Any]:
    """Ask a gate as a Kubernetes API server does; return its response."""
    pod = {"metadata": {"name": "demo"}, "spec": {"containers": [{"image": image}]}}
    request = {
        "uid": str(uuid.uuid4()),
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "operation": "CREATE",
        "namespace": "demo",
        "userInfo": {"username": "demo"},
        "object": {"apiVersion": "v1", "kind": "Pod", **pod},
    }
    version = "admission.k8s.io/v1"
    body = {"apiVersion": version, "kind": "AdmissionReview", "request": request}
    asked = urllib.request.Request(  # noqa: S310 - loopback
        f"{url}/admit/enforce",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310 - loopback
        response: dict[str, Any] = json.load(answer)["response"]
    return response


def require_stopped(url: str) -> None:
    """Make sure that nobody answers any more."""
    try:
        urllib.request.urlopen(f"{url}/checkpoint", timeout=5)  # noqa: S310 - loopback
    except urllib.error.URLError:
        return
    raise SystemExit("the log still answers")


def verify(artifact: Path, proof: Path, policy: Path, *, expected: int) -> None:
    """Run `tlog verify`; its exit status must be `expected`, its word one line."""
    command = [*TLOG, "verify", artifact.name, "--proof", str(proof)]
    result = subprocess.run(
        [*command, "--policy", str(policy)],
        cwd=artifact.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    said = (result.stdout + result.stderr).strip()
    print(f"  [{result.returncode}] {said}")
    if result.returncode != expected or "\n" in said:
        raise SystemExit(f"expected exit status {expected} and one line")


def show_tampering(wheel: Path, policy: Path, work: Path) -> None:
    """Flip one byte in each of the three inputs, one at a time."""
    proof = proof_of(wheel)
    middle = wheel.stat().st_size // 2
    verify(flip(wheel, middle, work), proof, policy, expected=1)
    # A byte of the entry, which is the second line of the proof file.
    entry = proof.read_bytes().index(b"extra ") + 40
    verify(wheel, flip(proof, entry, work), policy, expected=2)
    # A byte of the signature, at the end of the file.
    signature = proof.stat().st_size - 20
    verify(wheel, flip(proof, signature, work), policy, expected=1)
    key = policy.stat().st_size // 2
    verify(wheel, proof, flip(policy, key, work), expected=2)


def flip(file: Path, position: int, work: Path) -> Path:
    """Copy a file with the lowest bit of one byte turned over."""
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    folder = work / "tampered"
    folder.mkdir(exist_ok=True)
    copy = folder / file.name
    copy.write_bytes(content)
    return copy


def proof_of(wheel: Path) -> Path:
    """Return where `tlog submit` writes a wheel's proof."""
    return wheel.with_name(f"{wheel.name}.tlog-proof")


def provenance_of(wheel: Path) -> Path:
    """Return where the provenance of a wheel lies."""
    return wheel.with_name(f"{wheel.name}.intoto.jsonl")


def sha256(file: Path) -> str:
    """Return a file's digest in hex."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def run(command: Sequence[str], *, quiet: bool = False) -> str:
    """Run a command that must succeed; return what it printed."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{result.stderr}")
    return result.stdout if quiet else result.stdout.replace("\n", "\n  ").rstrip()


if __name__ == "__main__":
    sys.exit(main())
