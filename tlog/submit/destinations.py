"""Destinations of proofs, and the files that lie there already.

A proof that holds is never replaced by another proof, unless the caller asks for it.  A
proof of another entry stays, and so does a proof of another log.  A cosigned proof is
not replaced by a proof without cosignatures.
"""

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tlog.errors import RejectedError
from tlog.hashing import hash_leaves
from tlog.submit.artifacts import PROOF, Artifact
from tlogverify import Policy, Proof
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, TlogError, VerificationError
from tlogverify.hashing import to_hash
from tlogverify.merkle import verify_inclusion
from tlogverify.proof import MAX_PROOF_BYTES

_MAGIC: Final = b"c2sp.org/tlog-proof@v1"
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Destination:
    """The file that an artifact's proof is written to."""

    artifact: Artifact
    path: Path


@dataclass(frozen=True, slots=True)
class Planned:
    """A destination, and the entry that its proof is of, in canonical bytes."""

    destination: Destination
    entry: bytes


def choose_destinations(
    artifacts: Sequence[Artifact], out: Path | None, folder: Path | None
) -> tuple[Destination, ...]:
    """Return where each proof goes: `out`, or below `folder`, or beside its file.

    Raises RejectedError if an artifact has no destination, or two have the same.
    """
    if out is not None and len(artifacts) != 1:
        raise RejectedError(
            f"-o names one proof, and there are {len(artifacts)} artifacts"
        )
    destinations = tuple(
        Destination(it, out or _path_of(it, folder)) for it in artifacts
    )
    taken: dict[str, Destination] = {}
    for it in destinations:
        other = taken.setdefault(os.path.normpath(it.path), it)
        if other is not it:
            raise RejectedError(
                f"the proofs of {other.artifact.name!a} and {it.artifact.name!a} would "
                f"both be {str(it.path)!a}",
            )
    return destinations


def _path_of(artifact: Artifact, folder: Path | None) -> Path:
    if artifact.stem is None:
        raise RejectedError(
            f"{artifact.name!a} has no name: -o FILE says where its proof goes",
        )
    name = f"{artifact.stem.name}{PROOF}"
    if folder is not None:
        return folder / artifact.stem.with_name(name)
    if artifact.path is not None:
        return artifact.path.with_name(name)
    return Path(name)


def prepare_folders(destinations: Iterable[Destination], folder: Path | None) -> None:
    """Make `folder` and what is needed below it, and show that each takes a file.

    Raises OSError that names the folder.
    """
    for parent in dict.fromkeys(it.path.parent for it in destinations):
        if folder is not None:
            parent.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.NamedTemporaryFile(dir=parent, prefix=".", suffix=".new"):
                pass
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(parent)) from error


def require_free(destinations: Iterable[Destination]) -> None:
    """Raise OSError or RejectedError for a destination that can hold no proof.

    It is a folder, a link, a device, or a name that is too long.
    """
    for destination in destinations:
        _mode_of(destination.path)


def _mode_of(path: Path) -> int | None:
    """Return the mode of the file that lies there; None if there is none."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise RejectedError(
            f"{str(path)!a} is no regular file: no proof is written there"
        )
    return mode


class Finder:
    """Finds the proofs that are there already and hold.

    policy: a proof must satisfy it to be kept.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._origins = {log.key.name for log in policy.logs}
        # Proofs of one request have one checkpoint: it is verified once.
        self._heads: dict[bytes, Checkpoint | None] = {}

    def split(
        self,
        planned: Iterable[Planned],
        *,
        replace_others: bool,
        step: Callable[[], None],
    ) -> tuple[list[tuple[Planned, Proof]], list[Planned]]:
        """Return those that have their proof already, and those that are missing.

        replace_others: files that are something else count as missing.  step: is
        called before each file.

        Raises RejectedError that names the files that must not be replaced.
        """
        kept: list[tuple[Planned, Proof]] = []
        missing: list[Planned] = []
        refused: list[str] = []
        for it in planned:
            step()
            try:
                proof = self._find(it)
            except RejectedError as error:
                refused.append(str(error))
                if replace_others:
                    missing.append(it)
                continue
            if proof is None:
                missing.append(it)
            else:
                kept.append((it, proof))
        if refused and not replace_others:
            more = len(refused) - _SHOWN
            shown = refused[:_SHOWN] + ([f"and {more} more"] if more > 0 else [])
            raise RejectedError(f"{'; '.join(shown)}: --force replaces it")
        return kept, missing

    def _find(self, planned: Planned) -> Proof | None:
        path = planned.destination.path
        if _mode_of(path) is None:
            return None
        with path.open("rb") as file:
            content = file.read(MAX_PROOF_BYTES + 1)
        try:
            proof = Proof.parse(content)
        except FormatError:
            if _MAGIC.startswith(content[: len(_MAGIC)]):
                return None  # a proof that was cut short is no proof of anything
            raise _other(path, "no proof file") from None
        if proof.extra != planned.entry:
            raise _other(path, f"the proof of another entry, {proof.index}")
        if self._holds(proof, planned.entry):
            return proof
        origin = proof.note.partition(b"\n")[0].decode("utf-8", "replace")
        if origin not in self._origins:
            raise _other(path, f"a proof by another log, {origin[:72]!a}")
        return None

    def _holds(self, proof: Proof, entry: bytes) -> bool:
        if proof.note not in self._heads:
            self._heads[proof.note] = satisfying(proof.note, self._policy)
        head = self._heads[proof.note]
        if head is None:
            return False
        try:
            verify_inclusion(
                proof.index,
                head.size,
                to_hash(hash_leaves([entry])),
                proof.path,
                head.root,
            )
        except VerificationError:
            return False
        return True


def satisfying(note: bytes, policy: Policy) -> Checkpoint | None:
    """Return a note's checkpoint if it satisfies `policy`, else None."""
    try:
        return policy.open_checkpoint(note).checkpoint
    except TlogError:
        return None


def without_quorum(policy: Policy) -> Policy:
    """Return a policy that takes the log's own signature."""
    return replace(policy, quorum=None)


def _other(path: Path, what: str) -> RejectedError:
    return RejectedError(f"{str(path)!a} is {what}")
