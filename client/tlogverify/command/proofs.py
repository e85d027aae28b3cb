"""Proof files that a person names, and what such a file was if it is none."""

import os
from pathlib import Path
from typing import Final

from tlogverify.artifact import artifact_sha256, is_digest, path_of
from tlogverify.checkpoint import parse_checkpoint
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.note import parse_note
from tlogverify.proof import MAX_PROOF_BYTES, Proof

_SUFFIX: Final = ".tlog-proof"
_OUTPUTS: Final = (_SUFFIX, ".intoto.jsonl", ".sigstore.json")
_START: Final = b"c2sp.org/tlog-proof@"
_SUBMIT: Final = "`tlog submit` writes one, and for the same entry the same"


def passed_over(names: list[str]) -> list[str]:
    """Return those of some artifacts that a shell's pattern has named beside theirs."""
    outputs = {f"{it}{suffix}" for it in names for suffix in _OUTPUTS}
    return [it for it in names if it in outputs]


def require_file(artifact: str) -> None:
    """Say so before anything of its proof is said, if an artifact is not there."""
    if is_digest(artifact):
        return
    if not os.path.exists(path_of(artifact)):
        raise FormatError(
            "No such file: the artifact is not here; name its path, or its digest as "
            "sha256:<64 hex> with --proof FILE"
        )
    if os.path.isdir(artifact):
        raise FormatError("this is a folder: name the files in it")


def read_proof(artifact: str, given: str | None) -> Proof:
    """Read an artifact's proof file: the one that was given, else the one beside it.

    Raises FormatError, which says what to do, or OSError.
    """
    if given is None and is_digest(artifact):
        artifact_sha256(artifact)  # what is no digest is told first
        raise FormatError("beside a digest lies no proof file: name it by --proof FILE")
    path = Path(f"{artifact}{_SUFFIX}" if given is None else given)
    try:
        content = read_bounded(path, "a proof", MAX_PROOF_BYTES)
    except FileNotFoundError:
        raise FormatError(
            f"No such file: the proof {path}; name it by --proof FILE, or submit the "
            "artifact: `tlog submit`"
        ) from None
    try:
        proof = Proof.parse(content)
        # The policy comes later: a note that was cut is told as the file's fault.
        parse_checkpoint(parse_note(proof.note).text)
    except FormatError as error:
        why = f"{path} is not a proof file: {error}; {_next_step(content)}"
        raise FormatError(why) from None
    return proof


def _next_step(content: bytes) -> str:
    is_json = content.lstrip()[:1] == b"{"
    forms = {
        f"it is empty: {_SUBMIT}": not content.strip(),
        "its lines end in CR LF: copy it again without conversion of lines": (
            b"\r\n" in content
        ),
        "it is damaged or was cut short: fetch it again": content.startswith(_START),
        "this is a Sigstore bundle: it goes behind --bundle": (
            is_json and b"dev.sigstore.bundle" in content
        ),
        "this is a signed envelope: it goes behind --attestation": (
            is_json and b'"payloadType"' in content
        ),
        "this is a Sigsum proof: give it to `sigsum-verify`": (
            content.startswith(b"version=") and b"\nlog=" in content
        ),
        "this is a checkpoint without a proof: ask its log for the entry's proof": (
            b"\n\n\xe2\x80\x94 " in content
        ),
        f"proof files start with {_START.decode()}v1: {_SUBMIT}": True,
    }
    return next(hint for hint, is_it in forms.items() if is_it)
