"""A release, as a trial: `make release-dry-run`.  Nothing leaves the machine.

Both distributions are built twice, from the committed tree in two folders, and are
equal; they are installed alone and together, in bare environments of each Python that
is here; each wheel gets an SBOM and provenance, logged by our own tool and verified
offline; and the second build is held against the provenance of the first.
Exit status 0 only if every step did what it says.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
TLOG: Final = [sys.executable, "-m", "tlog"]
PYTHONS: Final = ("python3.11", "python3.12", "python3.13", "python3.14")
RULES: Final = """any_source = true
predicate_types = ["https://slsa.dev/provenance/v1"]

[[keys]]
file = "release.key.pub"
builders = ["urn:tlog:builder:local"]
"""


def main() -> int:
    """Run all steps; any that fails ends the trial."""
    with tempfile.TemporaryDirectory(prefix="tlog-release-") as folder:
        work = Path(folder)
        step("Build both distributions twice, from the committed tree")
        first, second = build_all(work / "first"), build_all(work / "second")
        require_equal(first, second)
        step("Install them alone and together, in bare environments")
        installed = install_all(first, work)
        step("Provenance and an SBOM of each wheel, logged by our own tool")
        wheels = [it for it in first if it.suffix == ".whl"]
        server, url = start_log(work)
        try:
            attest_all(wheels, installed, work, url)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
        step("The log is stopped; verify each offline, against the second build too")
        verify_all(wheels, second, work)
    step("All of this was true, and nothing was released")
    return 0


def build_all(folder: Path) -> list[Path]:
    """Build sdists and wheels of the committed tree in a folder; return them."""
    epoch = run(["git", "log", "-1", "--format=%ct"]).strip()
    source, out = folder / "source", folder / "dist"
    source.mkdir(parents=True)
    archive = subprocess.run(
        ["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tree:
        tree.extractall(source, filter="data")
    variables = {
        **os.environ,
        "SOURCE_DATE_EPOCH": epoch,
        # Where it was built is no part of what was built.
        "CFLAGS": f"-ffile-prefix-map={source}=.",
    }
    for project in (source / "client", source):
        command = [
            sys.executable,
            "-m",
            "build",
            "--no-isolation",
            "--outdir",
            str(out),
        ]
        run([*command, str(project)], variables=variables)
    for sdist in out.glob("*.tar.gz"):
        sdist.write_bytes(repacked(sdist.read_bytes(), int(epoch)))
    return sorted(out.iterdir())


def repacked(sdist: bytes, epoch_s: int) -> bytes:
    """Return a tar.gz with the same members, in order, and of one time and owner.

    setuptools writes the time at which it runs into it.
    """
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(sdist)) as old,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for it in sorted(old.getmembers(), key=lambda member: member.name):
            content = old.extractfile(it)
            plain = tarfile.TarInfo(it.name)
            plain.size, plain.type, plain.mtime = it.size, it.type, epoch_s
            plain.mode = 0o755 if it.isdir() or it.mode & 0o100 else 0o644
            new.addfile(plain, content)
    return gzip.compress(packed.getvalue(), mtime=epoch_s)


def require_equal(first: Sequence[Path], second: Sequence[Path]) -> None:
    """Tell the digest of each file; end the trial where the two builds differ."""
    if [it.name for it in first] != [it.name for it in second]:
        raise SystemExit("the two builds made other files")
    for one, other in zip(first, second, strict=True):
        if sha256(one) != sha256(other):
            raise SystemExit(f"{one.name} differs between the two builds")
        print(f"  {one.name}  sha256:{sha256(one)}  twice")


def install_all(dists: Sequence[Path], work: Path) -> dict[str, dict[str, str]]:
    """Install the wheels alone and together; return what each brought, by version."""
    client, server = (it for it in dists if it.suffix == ".whl")
    found = "--find-links", str(client.parent)
    packages: dict[str, dict[str, str]] = {}
    for python in filter(works, PYTHONS):
        for name, wheels, runs in (
            ("client", [client], ["-m", "tlogverify", "--help"]),
            ("server", [*found, server], ["-m", "tlog", "--version"]),
            ("both", [client, server], ["-m", "tlog", "--version"]),
        ):
            folder = work / f"{python}-{name}"
            run([python, "-m", "venv", str(folder)])
            own = str(folder / "bin" / "python")
            limits = ["--constraint", str(ROOT / "tests" / "constraints.txt")]
            pip = [own, "-m", "pip", "--disable-pip-version-check"]
            run([*pip, "install", "--quiet", *limits, *map(str, wheels)])
            run([own, *runs], folder=work)
            listed = json.loads(run([*pip, "list", "--format", "json"]))
            packages[name] = {it["name"]: it["version"] for it in listed}
            print(f"  {python}, {name}: {len(listed)} packages, {' '.join(runs)}")
    return packages


def works(python: str) -> bool:
    """Whether there is such a Python, and not its name alone."""
    if shutil.which(python) is None:
        return False
    done = subprocess.run([python, "-c", ""], capture_output=True, check=False)
    return done.returncode == 0


def sbom_of(wheel: Path, packages: Mapping[str, str]) -> dict[str, object]:
    """Return a CycloneDX SBOM: the wheel, and what was installed with it."""
    name, version = wheel.name.split("-")[:2]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "name": name,
                "version": version,
                "purl": f"pkg:pypi/{name.replace('_', '-')}@{version}",
                "hashes": [{"alg": "SHA-256", "content": sha256(wheel)}],
            }
        },
        "components": [
            {
                "type": "library",
                "name": it,
                "version": packages[it],
                "purl": f"pkg:pypi/{it.lower().replace('_', '-')}@{packages[it]}",
            }
            for it in sorted(packages)
            if it not in {"pip", "setuptools", "tlog-client", "tlog-server"}
        ],
    }


def start_log(work: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a log of our own on loopback; return it and its URL."""
    server = subprocess.Popen(
        [
            *(*TLOG, "serve", "--data", str(work / "log"), "--listen", "127.0.0.1:0"),
            *("--origin", "release.example/log", "--documents", "--json"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    line = server.stdout.readline() if server.stdout is not None else ""
    if not line:
        raise SystemExit("the log did not start")
    url: str = json.loads(line)["url"]
    return server, url


def attest_all(
    wheels: Sequence[Path],
    installed: Mapping[str, Mapping[str, str]],
    work: Path,
    url: str,
) -> None:
    """Sign and log provenance and SBOM of each wheel."""
    key = work / "release.key"
    run([*TLOG, "keygen", "release", "--type", "p256", "--out", str(key)])
    (work / "RULES.toml").write_text(RULES)
    logged = ["--key", str(key), "--log", url, "--policy", str(work / "log" / "policy")]
    for wheel in wheels:
        print(f"  {run([*TLOG, 'attest', str(wheel), *logged]).strip()}")
        # A second statement of one file lies in a folder of its own.
        folder = work / "sboms"
        folder.mkdir(exist_ok=True)
        copy = Path(shutil.copy(wheel, folder))
        bom = folder / f"{wheel.name}.cdx.json"
        which = "client" if "client" in wheel.name else "server"
        bom.write_text(json.dumps(sbom_of(wheel, installed[which]), indent=1))
        said = run([*TLOG, "attest", str(copy), "--sbom", str(bom), *logged])
        print(f"  {said.strip()}")


def verify_all(wheels: Sequence[Path], second: Sequence[Path], work: Path) -> None:
    """Verify each wheel by its provenance, and the second build against it."""
    believed = ["--rules", str(work / "RULES.toml")]
    believed += ["--policy", str(work / "log" / "policy")]
    for wheel in wheels:
        attested = ["--attestation", f"{wheel}.intoto.jsonl", *believed]
        print(f"  {run([*TLOG, 'verify', str(wheel), *attested]).strip()}")
        (again,) = (it for it in second if it.name == wheel.name)
        command = [*TLOG, "rebuild-check", str(wheel), *attested]
        print(f"  {run([*command, '--rebuilt', str(again)]).strip()}")


def sha256(file: Path) -> str:
    """Return a file's digest in hex."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def step(title: str) -> None:
    """Say what comes next."""
    print(f"== {title}", flush=True)


def run(
    command: Sequence[str],
    *,
    variables: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> str:
    """Run a command that must succeed; return what it printed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
