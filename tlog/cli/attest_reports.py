"""What `tlog attest` tells: on standard error what it does, then what is kept."""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

from tlog.attest import (
    Allowance,
    Attested,
    Bundled,
    Claim,
    Omission,
    PassedOver,
)
from tlogverify.command.telling import complain, printable
from tlogverify.files import lead_nowhere

MAX_TOLD: Final = 10
"""More lines of one kind than a person reads are counted instead."""


def report(
    options: argparse.Namespace,
    claim: Claim,
    attested: Attested,
    omissions: Iterable[Omission],
) -> list[str]:
    """Return the lines that say what is kept of one statement now."""
    index = attested.proof.index
    if options.json:
        files = [
            {
                "file": it.given,
                "attestation": str(it.attestation),
                "proof": str(it.proof),
            }
            for it in claim.artifacts
        ]
        told = [(it.is_allowed, {"what": it.what, "why": it.why}) for it in omissions]
        document = {
            "index": index,
            "sha256": hashlib.sha256(attested.envelope).hexdigest(),
            "kept": attested.is_kept,
            "artifacts": files,
            "left_out": [it for is_allowed, it in told if not is_allowed],
            "allowed": [it for is_allowed, it in told if is_allowed],
        }
        return [json.dumps(document)]
    how = ", attested before" if attested.is_kept else ""
    return [
        printable(f"{it.given}: entry {index}{how}, in {it.attestation} and {it.proof}")
        for it in claim.artifacts
    ]


def report_bundle(
    options: argparse.Namespace, claim: Claim, bundled: Bundled
) -> list[str]:
    """Return the line that says what a bundle holds."""
    if options.json:
        document = {
            "index": bundled.index,
            "bundle": str(options.bundle),
            "kept": bundled.is_kept,
            "artifacts": [it.given for it in claim.artifacts],
        }
        return [json.dumps(document)]
    how = ", attested before" if bundled.is_kept else ""
    return [
        printable(f"{it.given}: entry {bundled.index}{how}, in {options.bundle}")
        for it in claim.artifacts
    ]


def tell_passed_over(passed_over: Sequence[PassedOver]) -> None:
    """Say which files are no artifacts."""
    for it in passed_over[:MAX_TOLD]:
        tell(f"passed over: {it.path}: {it.why}")
    if (more := len(passed_over) - MAX_TOLD) > 0:
        tell(f"passed over: {more} more files that are no artifacts")


def tell_omissions(
    options: argparse.Namespace,
    captured: Sequence[Omission],
    unnamed: Iterable[Iterable[Omission]],
) -> None:
    """Say what was left out, and what was let through."""
    for it in (*(one for group in unnamed for one in group), *captured):
        done = "let through by --allow" if it.is_allowed else "left out"
        tell(f"{done}: {it.what}: {it.why}")
    for path in Allowance(options.allow).unused(captured):
        tell(f"--allow {path}: no member there had to be let through")


def tell(line: str) -> None:
    """Write a line to stderr; nobody's absence there costs a proof."""
    complain(f"tlog attest: {line}")


def print_lines(lines: Iterable[str]) -> int:
    """Print what was done, and return the exit status.

    A reader who has gone has seen enough; another failure is told, with status 2.
    """
    try:
        for line in lines:
            _write(line, sys.stdout)
    except OSError as error:
        lead_nowhere(sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            tell(f"all is done, but the report cannot be written: {error.strerror}")
            return 2
    return 0


def _write(line: str, stream: TextIO | None) -> None:
    # A stream that is closed from the start is None; print would take another then.
    if stream is not None:
        print(line, file=stream, flush=True)
