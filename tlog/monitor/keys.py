"""The log's keys: those of the policy, as far as the log's own entries change them.

An entry by which a key joins, retires or is revoked counts once it is below a verified
head, and only if the keys in question signed it.  So a monitor follows a change of keys
by itself, and a key that came without an entry stays unknown.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from tlog.monitor.matching import Watch
from tlog.monitor.state import State
from tlogclient.keychanges import ChangeKind, KeyChange, parse_key_change
from tlogverify.checkpoint import parse_checkpoint
from tlogverify.errors import SignatureError
from tlogverify.keys import VerifierKey
from tlogverify.note import parse_note
from tlogverify.policy import Policy, PolicyLog

_SIGNATURE_BYTES: Final = (64, 8 + 2420)
"""Of a log's line by Ed25519, and by ML-DSA-44, which states a time."""


class LogKeys:
    """The keys of one log; given: the policy that the monitor was started with."""

    def __init__(self, given: Policy, state: State) -> None:
        self.given = given
        self._state = state

    def policy(self) -> Policy:
        """Return the policy with what the verified entries say of its keys."""
        size = self._state.cursor().head.size
        policy, seen = self.given, set[str]()
        # A key that has joined may say more: its own entries are looked at too.
        while labels := {it.label for it in _watches(policy)} - seen:
            seen |= labels
            for index, entry in self._state.reading.hits_of(sorted(labels), size):
                policy = _changed(policy, entry, self._behind(index, size))
        return policy

    def watches(self) -> tuple[Watch, ...]:
        """Return what finds the entries about these keys."""
        return _watches(self.policy())

    def unannounced(self, note: bytes) -> str | None:
        """Return the name and the id of a key that signed a verified head unannounced.

        It bears the log's name, and neither the policy nor an entry names it.  Raises
        FormatError if the bytes are no checkpoint.
        """
        parsed = parse_note(note)
        origin = parse_checkpoint(parsed.text).origin
        known = [log.key for log in self.policy().logs]
        for line in parsed.signatures:
            is_ours = line.name == origin and len(line.signature) in _SIGNATURE_BYTES
            if is_ours and not any(line.is_by(key) for key in known):
                return f"{line.name}+{line.key_id.hex()}"
        return None

    def _behind(self, index: int, size: int) -> Iterator[bytes]:
        """Return the entries behind an index, up to a size; read as they are taken."""
        tree = self._state.tree()
        yield from map(tree.entry, range(index + 1, size))


def _watches(policy: Policy) -> tuple[Watch, ...]:
    return tuple(
        Watch(_digest(it.key), f"the log's key {it.key.name}+{it.key.key_id.hex()}")
        for it in policy.logs
    )


def _digest(key: VerifierKey) -> bytes:
    return hashlib.sha256(key.encode().encode()).digest()


def _changed(policy: Policy, entry: bytes, behind: Iterable[bytes]) -> Policy:
    """Return the policy as one entry changes it, if it proves a change.

    behind: the entries that follow it.
    """
    try:
        change = parse_key_change(entry, [log.key for log in policy.logs], behind)
    except SignatureError:
        # Anybody can submit such an entry.
        return policy
    return policy if change is None else replace(policy, logs=_logs(policy, change))


def _logs(policy: Policy, change: KeyChange) -> tuple[PolicyLog, ...]:
    known = {log.key for log in policy.logs}
    if change.kind is ChangeKind.JOINS:
        more = () if change.new in known else (PolicyLog(change.new, None),)
        return (*policy.logs, *more)
    if change.new not in known:
        # Its own joining comes first, by the old key's word.
        return policy.logs
    return tuple(
        replace(log, retired=_earlier(log.retired, change.number))
        if log.key == change.old
        else log
        for log in policy.logs
    )


def _earlier(retired: int | None, number: int) -> int:
    return number if retired is None else min(retired, number)
