"""Verify an artifact from a shell, offline: `python -m tlogverify`.

With --attestation and --rules: and that its signed statement is as the rules ask.
With --evidence: verify instead that a log's key signed two histories.

Exit status: 0 proven, 1 not proven, 2 unusable input.  Says why in one line.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from typing import TextIO

from tlogverify.artifact import ProvenArtifact, verify_artifact
from tlogverify.attestation import verdict
from tlogverify.errors import FormatError, VerificationError
from tlogverify.evidence import Evidence
from tlogverify.files import lead_nowhere
from tlogverify.kinds import describe_signer, name_signer
from tlogverify.policy import Policy
from tlogverify.proof import Proof
from tlogverify.record import Record
from tlogverify.rekor import RekorEntry


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tlogverify",
        description="Prove offline that a transparency log holds a record of a file.",
        epilog="Exit status: 0 proven, 1 not proven, 2 unusable input.",
    )
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, for `tlog verify` too."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("artifact", nargs="?", help="a file, or sha256:<64 hex>")
    what.add_argument("--evidence", help="a file of evidence against a log")
    parser.add_argument("--proof", help="default: ARTIFACT.tlog-proof")
    parser.add_argument("--policy", required=True, help="a tlog-policy file")
    parser.add_argument("--attestation", help="a DSSE envelope; needs --rules")
    parser.add_argument("--rules", help="whose attestations to believe, in TOML")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Verify one thing, say so in one line, and return the exit status."""
    try:
        document, line = _prove(options)
        _tell(json.dumps(document) if options.json else printable(line), sys.stdout)
    except VerificationError as error:
        return _refuse(options, "not proven", str(error), 1)
    except (FormatError, OSError) as error:
        return _refuse(options, "unusable input", str(error), 2)
    return 0


def _prove(options: argparse.Namespace) -> tuple[dict[str, object], str]:
    policy = Policy.read(options.policy)
    artifact, attestation, rules = options.artifact, options.attestation, options.rules
    if (attestation is None) != (rules is None) or (
        rules is not None and options.evidence is not None
    ):
        raise FormatError("--attestation and --rules go together, without --evidence")
    if options.evidence is not None:
        return _convict(options.evidence, policy)
    proof = Proof.read(options.proof or f"{artifact}.tlog-proof")
    if attestation is None:
        proven = verify_artifact(artifact, proof, policy)
        return describe(artifact, proven), summary(artifact, proven)
    attested = verdict.read_and_verify(artifact, attestation, proof, policy, rules)
    document = describe(artifact, attested.artifact) | verdict.describe(attested)
    return document, summary(artifact, attested.artifact) + verdict.summary(attested)


def describe(artifact: str, proven: ProvenArtifact) -> dict[str, object]:
    """Return the verdict as values for JSON."""
    checkpoint = proven.witnessed.checkpoint
    return {
        "artifact": artifact,
        "proven": True,
        "sha256": proven.sha256.hex(),
        **_named(proven.record),
        "origin": checkpoint.origin,
        "index": proven.index,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "witnesses": [
            {"name": signer.key.name, "time": signer.time_s}
            for signer in proven.witnessed.witnesses
        ],
    }


def summary(artifact: str, proven: ProvenArtifact) -> str:
    """Return the verdict as one line for people."""
    checkpoint, signers = proven.witnessed.checkpoint, proven.witnessed.witnesses
    cosigned = f", cosigned by {len(signers)}" if signers else ""
    return (
        f"{artifact}: proven, entry {proven.index} of {checkpoint.size} in "
        f"{checkpoint.origin}{cosigned}{_signed(proven.record)}"
    )


def _named(record: Record | RekorEntry) -> dict[str, object]:
    if isinstance(record, Record):
        return {
            "provenance": record.provenance.hex(),
            "predicate_type": record.predicate_type,
            "signer": None if record.signer is None else record.signer.hex(),
        }
    signers = [describe_signer(it) for it in record.signatures]
    return {"kind": record.kind, "signers": signers}


def _signed(record: Record | RekorEntry) -> str:
    if isinstance(record, Record):
        return ""
    signers = ", ".join(name_signer(it) for it in record.signatures)
    return f"; signed with {signers} (signature and certificate were not judged here)"


def _convict(path: str, policy: Policy) -> tuple[dict[str, object], str]:
    older, newer = Evidence.read(path).verify(policy)
    heads = [{"size": head.size, "root": head.root.hex()} for head in (older, newer)]
    line = (
        f"{path}: proven: the key of {older.origin} signed two histories, heads of "
        f"{older.size} and {newer.size} entries"
    )
    return {
        "evidence": path,
        "proven": True,
        "origin": older.origin,
        "older": heads[0],
        "newer": heads[1],
    }, line


def _refuse(options: argparse.Namespace, judged: str, why: str, status: int) -> int:
    kind = "artifact" if options.evidence is None else "evidence"
    what = vars(options)[kind]
    with contextlib.suppress(OSError):
        _tell(printable(f"{what}: {judged}: {why}"), sys.stderr)
    if options.json:
        try:
            _tell(json.dumps({kind: what, "proven": False, "why": why}), sys.stdout)
        except OSError:
            status = 2
    return status


def _tell(line: str, stream: TextIO) -> None:
    """Write a line now; OSError if nobody can have read it."""
    try:
        print(line, file=stream, flush=True)
    except OSError:
        lead_nowhere(stream.fileno())
        raise


def printable(line: str) -> str:
    """Return a line that any terminal can show."""
    # File names and origins may hold what no terminal should obey or encode.
    return "".join(
        char if char.isascii() and char.isprintable() else ascii(char)[1:-1]
        for char in line
    )


if __name__ == "__main__":
    sys.exit(main())
