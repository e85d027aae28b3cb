"""Runs: how a record names the run of a job that made or read its artifacts.

A run is a subject of the record beside the artifacts.  Its digest is the SHA-256 of

    run:01941b0c-7c2e-7d3a-9f0e-6f5d2c1b0a99

in ASCII, without a line end.  The statement spells it out as the subject's name.

Source: OpenLineage, `Run.runId`; this project's record 0029.
"""

import hashlib
import re
from typing import Final

from tlogclient.findings import Digest
from tlogverify.errors import FormatError

RUN_PREFIX: Final = "run:"

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def run_name(run_id: str) -> str:
    """Return the name of a run as statements spell it; FormatError if it is no UUID."""
    lower = run_id.lower()
    if _UUID.fullmatch(lower) is None:
        raise FormatError("a run is a UUID: 8-4-4-4-12 hex digits", run_id)
    return f"{RUN_PREFIX}{lower}"


def run_digest(run_id: str) -> Digest:
    """Return the digest by which a log finds a run; FormatError if it is no UUID."""
    name = run_name(run_id).encode("ascii")
    return Digest("sha256", hashlib.sha256(name).digest())
