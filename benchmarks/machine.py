"""What the figures were measured on: the machine, the versions and the commit.

Neither host names nor paths: nothing that tells whose machine it is.
"""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

from cryptography.hazmat.backends.openssl import backend as openssl

import tlog
from tlog import hashing

_ROOT: Final = Path(__file__).parents[1]
# They are written by the runs themselves.
_WRITTEN: Final = (":!benchmarks/results", ":!benchmarks/README.md")
_FLAGS: Final = ("sha_ni", "avx2", "avx512f", "avx512bw", "avx512vl", "sha2")
_PACKAGES: Final = ("aiohttp", "cryptography", "msgspec", "rocksdict", "uvloop")


def describe_machine(folder: Path) -> dict[str, object]:
    """Return the facts of this machine that the figures depend on.

    folder: where the logs under test lie; its file system is one of the facts.
    """
    cpu = Path("/proc/cpuinfo").read_text("utf-8")
    flags = set(_first(r"^(?:flags|Features)\s*: (.*)$", cpu).split())
    memory_kib = _first(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text("utf-8"))
    return {
        "cpu": _first(r"^model name\s*: (.*)$", cpu),
        "cpu_model_number": _first(r"^model\s*: (.*)$", cpu),
        "flags": {flag: flag in flags for flag in _FLAGS},
        "cores": os.cpu_count(),
        "memory_mib": int(memory_kib) // 1024,
        "kernel": f"{platform.system()} {platform.release()}",
        "file_system": file_system(folder),
    }


def describe_versions() -> dict[str, str]:
    """Return the versions of all that has a part in the figures."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "tlog": tlog.__version__,
        "hash_backend": hashing.backend(),
        "hash_threads": str(hashing.threads()),
        **{package: version(package) for package in _PACKAGES},
        "openssl": openssl.openssl_version_text(),
    }


def describe_commit() -> str:
    """Return the commit that is measured, and whether files differ from it."""
    git = ("git", "-C", str(_ROOT))
    try:
        commit = _output(*git, "rev-parse", "--short=12", "HEAD")
        changed = _output(*git, "status", "--porcelain", "--", ".", *_WRITTEN)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit} with changes" if changed else commit


def file_system(folder: Path) -> str:
    """Return the type of the file system that `folder` lies on."""
    real = folder.resolve()
    best, found = -1, "unknown"
    for line in Path("/proc/mounts").read_text("utf-8").splitlines():
        mount, kind = line.split(" ")[1:3]
        if real.is_relative_to(mount) and len(mount) >= best:
            best, found = len(mount), kind
    return found


def _output(*command: str) -> str:
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def _first(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    return match[1] if match else "unknown"
