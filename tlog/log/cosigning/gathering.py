"""Cosignatures as they gather on the heads of a log.  PURE.

    no target        nothing to ask for: the last target is shown, or there was none
    target           one head is sent to all witnesses until it is shown

    event            no target                   target
    ---------------  --------------------------  ------------------------------------
    aim(signed)      the signed head becomes     stays: witnesses that each took the
                     the target                  newest head would never sign the same
    outgrow(size)    stays                       the signed head becomes the target:
                                                 a witness knows a larger head of ours
    take(lines)      added to what is shown      added; if the policy is satisfied the
                                                 head is shown, and no target is left
    give_up()        stays                       the head is shown with what it has
    hear()           stays                       the head is shown if the policy has no
                                                 quorum
    stop()           nothing more is shown       nothing more is shown

Heads are shown in order of size: a reader never sees the log shrink.

A policy without a quorum is satisfied by the log's own word.  That word does not count
before each witness has been heard once: one may know that the log is an old copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tlog.log.merkle.snapshot import Snapshot
from tlogverify.errors import VerificationError
from tlogverify.note import NoteSignature, UnverifiedNote, parse_note
from tlogverify.policy import Policy


@dataclass(slots=True)
class _Lines:
    """A head, and the cosignature lines that came for it, by name and key id."""

    head: Snapshot
    lines: dict[tuple[str, bytes], NoteSignature] = field(default_factory=dict)

    def cosigned(self) -> Snapshot:
        """Return the head with all its cosignatures."""
        note = parse_note(self.head.note)
        # One order whatever the order of answers: the same lines give the same bytes.
        lines = tuple(self.lines[key] for key in sorted(self.lines))
        signed = UnverifiedNote(note.text, (*note.signatures, *lines))
        return replace(self.head, note=signed.encode())


class Gathering:
    """Which head is sent to witnesses, and which one is shown.

    target: the head that is sent, or None before the first.  round: grows with each
    target.  shown: the newest head that readers are given, or None.  is_cosigned:
    whether `shown` satisfies the policy.  cosigned_size: of the newest that did.
    is_confirmed: whether a quorum has signed a target in this process's life.
    is_heard: whether each witness has answered, or failed to, since the start.
    """

    def __init__(
        self, policy: Policy, shown: Snapshot | None, *, is_heard: bool = True
    ) -> None:
        self._policy = policy
        self._is_enough = is_heard or policy.quorum is not None
        self._lines: dict[int, _Lines] = {}
        self.target: Snapshot | None = None
        self.round = 0
        self.shown = shown
        self.is_cosigned = shown is not None and self._satisfies(shown)
        self.cosigned_size = shown.size if shown is not None and self.is_cosigned else 0
        self.is_confirmed = False
        self._is_stopped = False

    @property
    def is_waiting(self) -> bool:
        """Whether there is a target that is not shown yet."""
        return self.target is not None and self.target.size > self._shown_size

    def aim(self, signed: Snapshot) -> bool:
        """Take a newer signed head as the target, if none is waiting; tell if so.

        A policy without a quorum is satisfied at once, if each witness has been heard:
        the head is shown, and cosignatures are added to it as they come.
        """
        if self.is_waiting or signed is self.target:
            return False
        self._set_target(signed)
        return True

    def outgrow(self, size: int, signed: Snapshot) -> bool:
        """Take the signed head as the target since a witness knows one of `size`.

        Whoever reads the log may have shown it that head: no smaller one is cosigned
        by it any more.  Tell whether there is a new target.
        """
        if self.target is None or not self.target.size < size <= signed.size:
            return False
        self._set_target(signed)
        return True

    def take(self, head: Snapshot, lines: Sequence[NoteSignature]) -> bool:
        """Add verified lines to a head; tell whether that changed what is shown."""
        gathered = self._lines.get(head.size)
        if gathered is None:
            return False
        for line in lines:
            gathered.lines[line.name, line.key_id] = line
        cosigned = gathered.cosigned()
        return self._suffices(cosigned) and self._confirm(cosigned)

    def hear(self) -> bool:
        """Let a policy without a quorum be enough from now on; tell what that shows."""
        if self._is_enough:
            return False
        self._is_enough = True
        return self.target is not None and self.take(self.target, ())

    def give_up(self) -> bool:
        """Show the target with the cosignatures that it has; tell whether it is."""
        if self.target is None or not self.is_waiting:
            return False
        return self._show(self._lines[self.target.size].cosigned(), is_cosigned=False)

    def stop(self) -> None:
        """Show nothing from now on: a witness contradicts this log."""
        self._is_stopped = True

    @property
    def _shown_size(self) -> int:
        return -1 if self.shown is None else self.shown.size

    def _set_target(self, signed: Snapshot) -> None:
        self.target = signed
        self.round += 1
        self._lines[signed.size] = _Lines(signed)
        if self._suffices(signed):
            self._confirm(signed)

    def _suffices(self, head: Snapshot) -> bool:
        return self._is_enough and self._satisfies(head)

    def _satisfies(self, head: Snapshot) -> bool:
        try:
            self._policy.open_checkpoint(head.note)
        except VerificationError:
            return False
        return True

    def _confirm(self, head: Snapshot) -> bool:
        self.is_confirmed = not self._is_stopped
        return self._show(head, is_cosigned=True)

    def _show(self, head: Snapshot, *, is_cosigned: bool) -> bool:
        if self._is_stopped or head.size < self._shown_size:
            return False
        self.shown, self.is_cosigned = head, is_cosigned
        if is_cosigned:
            self.cosigned_size = head.size
        for size in [size for size in self._lines if size < head.size]:
            del self._lines[size]
        return True
