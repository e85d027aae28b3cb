"""Which backend hashes: the fastest that this machine has, or the one asked for.

    TLOG_HASH_BACKEND    avx512, shani, avx2, armv8, portable or hashlib
    TLOG_HASH_THREADS    for large batches, 1 to 64; 2 where there are two cores

Both are read once, when the package is imported.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tlog.errors import RejectedError
from tlog.hashing.backend import Backend, RefusedBackend
from tlog.hashing.built import Maker, make_native
from tlog.hashing.plain import PlainBackend
from tlog.hashing.selftest import is_right

KERNELS: Final = ("avx512", "shani", "avx2", "armv8", "portable")
"""The names of all kernels, the fastest first."""

NAMES: Final = (*KERNELS, PlainBackend.name)

BACKEND_VARIABLE: Final = "TLOG_HASH_BACKEND"
THREADS_VARIABLE: Final = "TLOG_HASH_THREADS"


@dataclass(frozen=True, slots=True)
class Choice:
    """The backend that hashes; fault: the kernel that failed its self-test, or None."""

    backend: Backend
    fault: str | None = None


def choose(environment: Mapping[str, str], make: Maker = make_native) -> Choice:
    """Choose a backend, test it, and use `hashlib` if it fails."""
    try:
        name = environment.get(BACKEND_VARIABLE)
        candidate = _candidate(name, _threads(environment), make)
    except RejectedError as error:
        return Choice(RefusedBackend(error))
    if is_right(candidate):
        return Choice(candidate)
    return Choice(PlainBackend(), fault=candidate.name)


def available(make: Maker = make_native) -> list[str]:
    """Return the names of all backends that this machine has, fastest first."""
    return [name for name in NAMES if _made(name, 1, make)]


def _candidate(name: str | None, threads: int, make: Maker) -> Backend:
    if name is not None and name not in NAMES:
        raise RejectedError(f"{BACKEND_VARIABLE} is one of {', '.join(NAMES)}")
    for it in NAMES if name is None else [name]:
        if backend := _made(it, threads, make):
            return backend
    raise RejectedError(
        f"{BACKEND_VARIABLE}={name} is not to be had here; this machine and this build "
        f"have {', '.join(available(make))}",
    )


def _made(name: str, threads: int, make: Maker) -> Backend | None:
    if name == PlainBackend.name:
        return PlainBackend()
    try:
        return make(name, threads)
    except LookupError:
        return None


def _threads(environment: Mapping[str, str]) -> int:
    text = environment.get(THREADS_VARIABLE)
    if text is None:
        return min(2, _cores())
    if re.fullmatch(r"[1-9][0-9]?", text) is None or int(text) > 64:
        raise RejectedError(f"{THREADS_VARIABLE} is from 1 to 64")
    return int(text)


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
