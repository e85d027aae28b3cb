"""Verify an artifact from a shell, offline: `python -m tlogverify`.

Exit status: 0 proven, 1 not proven, 2 unusable input.  Says why in one line.
"""

import argparse
import json
import sys
from collections.abc import Sequence

from tlogverify.artifact import ProvenArtifact, verify_artifact
from tlogverify.errors import FormatError, VerificationError
from tlogverify.policy import Policy
from tlogverify.proof import Proof


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
    parser.add_argument("artifact", help="a file, or sha256:<64 hex>")
    parser.add_argument("--proof", help="default: ARTIFACT.tlog-proof")
    parser.add_argument("--policy", required=True, help="a tlog-policy file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Verify one artifact, say so in one line, and return the exit status."""
    proof_path = options.proof or f"{options.artifact}.tlog-proof"
    try:
        proof, policy = Proof.read(proof_path), Policy.read(options.policy)
        proven = verify_artifact(options.artifact, proof, policy)
    except VerificationError as error:
        return _refuse(options, "not proven", str(error), 1)
    except (FormatError, OSError) as error:
        return _refuse(options, "unusable input", str(error), 2)
    if options.json:
        print(json.dumps(describe(options.artifact, proven)))
    else:
        print(_printable(summary(options.artifact, proven)))
    return 0


def describe(artifact: str, proven: ProvenArtifact) -> dict[str, object]:
    """Return the verdict as values for JSON."""
    record, checkpoint = proven.record, proven.witnessed.checkpoint
    return {
        "artifact": artifact,
        "proven": True,
        "sha256": proven.sha256.hex(),
        "provenance": record.provenance.hex(),
        "predicate_type": record.predicate_type,
        "signer": None if record.signer is None else record.signer.hex(),
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
        f"{checkpoint.origin}{cosigned}"
    )


def _refuse(options: argparse.Namespace, verdict: str, why: str, status: int) -> int:
    if options.json:
        refusal = {"artifact": options.artifact, "proven": False, "why": why}
        print(json.dumps(refusal))
    print(_printable(f"{options.artifact}: {verdict}: {why}"), file=sys.stderr)
    return status


def _printable(line: str) -> str:
    # File names and origins may hold what no terminal should obey or encode.
    return "".join(
        char if char.isascii() and char.isprintable() else ascii(char)[1:-1]
        for char in line
    )


if __name__ == "__main__":
    sys.exit(main())
