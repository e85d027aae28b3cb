"""Trust policies: which logs, which witnesses, how many of them.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <member>...
    quorum <name>|none
    #!tlog retired <name>+<id> <size>

A checkpoint satisfies a policy if one of the logs signed it, under its own origin, and
the quorum's witnesses did too.  Names are opaque octets, defined before they are used,
and each is a member at most once, so that groups form trees and never cycles.

The last form is a comment to everybody else: of a key above it that signs no head of
more than `size` entries any more, so that such a head needs another key.

Source: C2SP tlog-policy; decision 0032 for the comment.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, QuorumError, SignatureError
from tlogverify.files import read_bounded
from tlogverify.keys import KeyType, VerifierKey, parse_verifier_key
from tlogverify.lines import parse_decimal
from tlogverify.signed import Signer, open_signed_checkpoint

MAX_POLICY_BYTES: Final = 1 << 20
MAX_LINES: Final = 4096

_NONE: Final = b"none"
_OURS: Final = b"#!tlog"
_FORBIDDEN: Final = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_LOG_TYPES: Final = (KeyType.ED25519, KeyType.MLDSA44)
_WITNESS_TYPES: Final = (KeyType.COSIGNATURE, KeyType.MLDSA44)


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """A log that may sign; url: where it is read, if the policy says so.

    retired: the size of the last head that the key signed; None while it signs.
    """

    key: VerifierKey
    url: str | None
    retired: int | None = None

    def signs(self, checkpoint: Checkpoint) -> bool:
        """Whether the key may vouch for a head: of its own log, before it retired."""
        return self.key.name == checkpoint.origin and not _is_late(self, checkpoint)


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """A witness; name: the policy's own; url, retired: as of a log, its own prefix."""

    name: bytes
    key: VerifierKey
    url: str | None
    retired: int | None = None


@dataclass(frozen=True, slots=True)
class PolicyGroup:
    """A group holds if `needed` of its members do."""

    name: bytes
    needed: int
    members: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What a policy proved about a checkpoint.

    log: the log's keys that signed.  witnesses: all of the policy's that signed.
    """

    checkpoint: Checkpoint
    log: tuple[VerifierKey, ...]
    witnesses: tuple[Signer, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy; make one with `Policy.parse` or `Policy.read`.

    quorum: the name of a witness or group, or None for no cosignature.
    """

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[PolicyGroup, ...]
    quorum: bytes | None

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Policy":
        """Read a policy file; raises FormatError, or OSError if it is not readable."""
        return cls.parse(read_bounded(Path(path), "a policy", MAX_POLICY_BYTES))

    @classmethod
    def parse(cls, text: bytes) -> "Policy":
        """Parse a policy; raises FormatError naming the line and the rule."""
        if len(text) > MAX_POLICY_BYTES:
            raise FormatError(f"a policy has at most {MAX_POLICY_BYTES} bytes")
        lines = text.removesuffix(b"\n").split(b"\n")
        if len(lines) > MAX_LINES:
            raise FormatError(f"a policy has at most {MAX_LINES} lines", len(lines))
        reader = _Reader()
        for number, line in enumerate(lines, 1):
            try:
                reader.take(line)
            except FormatError as error:
                raise FormatError(f"policy line {number}: {error}") from None
        return reader.policy()

    def open_checkpoint(self, note_bytes: bytes) -> Witnessed:
        """Return the checkpoint of a note that satisfies this policy.

        Raises FormatError; SignatureError unless a log of this policy signed it and
        every line of a known key is right; QuorumError if too few witnesses did.
        """
        signed = open_signed_checkpoint(
            note_bytes,
            (log.key for log in self.logs),
            (witness.key for witness in self.witnesses),
        )
        by_key = {signer.key: signer for signer in signed.signers}
        logs = [log for log in self.logs if log.key in by_key]
        vouching = tuple(log.key for log in logs if log.signs(signed.checkpoint))
        if not vouching:
            raise SignatureError(_late(signed.checkpoint, logs))
        in_time = (w for w in self.witnesses if not _is_late(w, signed.checkpoint))
        witnesses = {w.name: by_key.get(w.key) for w in in_time}
        self._require_quorum({name for name, signer in witnesses.items() if signer})
        return Witnessed(
            checkpoint=signed.checkpoint,
            log=vouching,
            witnesses=tuple(signer for signer in witnesses.values() if signer),
        )

    def _require_quorum(self, holding: set[bytes]) -> None:
        # A group's members stand above it, so one pass in file order decides them all.
        for group in self.groups:
            if sum(member in holding for member in group.members) >= group.needed:
                holding.add(group.name)
        if self.quorum is not None and self.quorum not in holding:
            name = self.quorum.decode("utf-8", "backslashreplace")
            raise QuorumError(f"too few witnesses signed for the quorum {name!r}")


@dataclass(slots=True)
class _Reader:
    """The lines read so far; every rule of the grammar is checked as one comes in."""

    logs: list[PolicyLog] = field(default_factory=list)
    witnesses: list[PolicyWitness] = field(default_factory=list)
    groups: list[PolicyGroup] = field(default_factory=list)
    quorums: list[bytes] = field(default_factory=list)
    names: set[bytes] = field(default_factory=set)
    members: set[bytes] = field(default_factory=set)

    def take(self, line: bytes) -> None:
        if bad := _FORBIDDEN.search(line):
            raise FormatError("an octet that a policy does not allow", bad.group())
        fields = re.findall(rb"[^ \t]+", line)
        if not fields or (fields[0].startswith(b"#") and fields[0] != _OURS):
            return
        match fields:
            case [_, b"retired", key, size] if fields[0] == _OURS:
                self._retire(key, parse_decimal("a size", size))
            case [b"log", vkey, *url] if len(url) <= 1:
                self._take_log(vkey, _url(url))
            case [b"witness", name, vkey, *url] if len(url) <= 1:
                self._take_witness(name, vkey, _url(url))
            case [b"group", name, needed, *members] if members:
                self._take_group(name, needed, tuple(members))
            case [b"quorum", name]:
                self._take_quorum(name)
            case [vkey] if vkey.count(b"+") >= 2:
                raise FormatError(
                    "a verifier key alone is no policy: write `log` before it, and a "
                    "line `quorum none` or one of witnesses",
                    line,
                )
            case _:
                raise FormatError("not a log, witness, group or quorum line", line)

    def policy(self) -> Policy:
        if not self.quorums:
            raise FormatError("a policy has one quorum line")
        return Policy(
            logs=tuple(self.logs),
            witnesses=tuple(self.witnesses),
            groups=tuple(self.groups),
            quorum=None if self.quorums[0] == _NONE else self.quorums[0],
        )

    def _take_log(self, vkey: bytes, url: str | None) -> None:
        key = parse_verifier_key(vkey)
        if key.key_type not in _LOG_TYPES:
            raise FormatError("a log's key has type 01 or 06", key.name)
        _require_new_key(key, {log.key.public_bytes: b"log" for log in self.logs})
        self.logs.append(PolicyLog(key, url))

    def _retire(self, named: bytes, size: int) -> None:
        for place, log in enumerate(self.logs):
            if _id_of(log.key) == named and log.retired is None:
                self.logs[place] = replace(log, retired=size)
                return
        for place, it in enumerate(self.witnesses):
            if _id_of(it.key) == named and it.retired is None:
                self.witnesses[place] = replace(it, retired=size)
                return
        raise FormatError("no key above retires, or it does twice", named)

    def _take_witness(self, name: bytes, vkey: bytes, url: str | None) -> None:
        key = parse_verifier_key(vkey)
        if key.key_type not in _WITNESS_TYPES:
            raise FormatError("a witness's key has type 04 or 06", key.name)
        _require_new_key(key, {w.key.public_bytes: w.name for w in self.witnesses})
        self._define(name)
        self.witnesses.append(PolicyWitness(name, key, url))

    def _take_group(
        self, name: bytes, needed: bytes, members: tuple[bytes, ...]
    ) -> None:
        keywords = {b"all": len(members), b"any": 1}
        count = keywords.get(needed) or parse_decimal(
            "a group's threshold", needed, len(members)
        )
        if count == 0:
            raise FormatError("a group's threshold is at least 1", needed)
        for member in members:
            if member not in self.names:
                raise FormatError("a group's member is not defined above it", member)
            if member in self.members:
                raise FormatError("a name is a member twice", member)
            self.members.add(member)
        self._define(name)
        self.groups.append(PolicyGroup(name, count, members))

    def _take_quorum(self, name: bytes) -> None:
        if self.quorums:
            raise FormatError("a policy has one quorum line", name)
        if name != _NONE and name not in self.names:
            raise FormatError("the quorum is not defined above it", name)
        self.quorums.append(name)

    def _define(self, name: bytes) -> None:
        if name == _NONE:
            raise FormatError("none is not a name to define")
        if name in self.names:
            raise FormatError("a name is defined twice", name)
        self.names.add(name)


def _id_of(key: VerifierKey) -> bytes:
    return f"{key.name}+{key.key_id.hex()}".encode()


def _is_late(it: PolicyLog | PolicyWitness, checkpoint: Checkpoint) -> bool:
    return it.retired is not None and checkpoint.size > it.retired


def _late(checkpoint: Checkpoint, logs: Iterable[PolicyLog]) -> str:
    last = max(log.retired for log in logs if log.retired is not None)
    return (
        f"only a key that retired at size {last} signed this head of "
        f"{checkpoint.size} entries: ask the log for a new proof"
    )


def _url(fields: list[bytes]) -> str | None:
    if not fields:
        return None
    if not fields[0].isascii():
        raise FormatError("a URL is ASCII", fields[0])
    return fields[0].decode("ascii")


def _require_new_key(key: VerifierKey, known: Mapping[bytes, bytes]) -> None:
    # Two names for one key would let one signer count twice.
    if key.public_bytes in known:
        raise FormatError("a public key stands here twice", key.name)
