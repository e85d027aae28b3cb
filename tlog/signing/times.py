"""The times that a role's signatures state: none goes back without a word."""

from collections.abc import Iterable
from typing import Final

from tlog.log_lines import log_event
from tlogverify.keys import KeyType, VerifierKey
from tlogverify.note import parse_note

_TIME_BYTES: Final = 8


class StatedTimes:
    """The latest time that a role has stated in a signature.

    what: what is signed, for the log line.  A clock that was set back is not held up:
    a signature states the time that the machine has.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._latest_s = 0

    def remember(self, note: bytes, keys: Iterable[VerifierKey]) -> None:
        """Take the times of a note that this role signed with `keys` before its start.

        Raises FormatError if the bytes are no note.
        """
        timed = [it for it in keys if it.key_type is not KeyType.ED25519]
        for line in parse_note(note).signatures:
            if any(line.is_by(key) for key in timed):
                time_s = int.from_bytes(line.signature[:_TIME_BYTES], "big")
                self._latest_s = max(self._latest_s, time_s)

    def state(self, time_s: int) -> int:
        """Return the time to be stated, after a word if it is before the latest one."""
        if time_s < self._latest_s:
            log_event(
                "signature time goes back",
                level="warning",
                signs=self._what,
                stated=self._latest_s,
                now=time_s,
            )
        # Each step back has its word; what follows the step has none.
        self._latest_s = time_s
        return time_s
