"""How far a submission of many files is, for people and for programs."""

import argparse
import json
import sys
from dataclasses import dataclass

from tlog.cli.output import Output, warn
from tlog.cli.progress import StatusLine
from tlog.clock import SystemClock
from tlog.submit import Planned, satisfying
from tlogverify import Policy, Proof


@dataclass(slots=True)
class _Pause:
    """A pause that the log asks for; until_s: by the report's clock."""

    until_s: float
    why: str


class SubmitReport:
    """How far it is, for people and for programs.

    total: files.  phase: what is done before the first proof.  policy: by which a
    proof is told from one that is not yet cosigned.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.total = 0
        self.phase = ""
        self.policy: Policy | None = None
        self.output = Output()
        self._options = options
        self._clock = SystemClock()
        self._line = StatusLine(sys.stderr, self._clock)
        self._done = 0
        self._asked = 0
        self._pause: _Pause | None = None
        self._complete: dict[bytes, bool] = {}

    def asks(self, count: int) -> None:
        """Take note of a request of `count` entries that is about to be sent."""
        self._asked = count
        self.phase = ""

    def pause(self, seconds: float, why: str) -> None:
        """Take note of a pause that the log asks for."""
        self._pause = _Pause(self._clock.monotonic_s() + seconds, why)
        self.show()

    def wrote(self, planned: Planned, proof: Proof) -> None:
        """Say one proof that was written."""
        self._pause = None
        self._asked -= 1
        self._tell(planned, proof, "")
        self.show()

    def kept(self, planned: Planned, proof: Proof) -> None:
        """Say one proof that was there."""
        self._tell(planned, proof, ", there before")

    def _tell(self, planned: Planned, proof: Proof, how: str) -> None:
        self._done += 1
        destination = planned.destination
        name, path = destination.artifact.name, str(destination.path)
        is_complete = self._is_complete(proof.note)
        self._line.clear()
        if self._options.json:
            document = {"file": name, "index": proof.index, "proof": path}
            if not is_complete:
                document["cosigned"] = False
            self.output.tell(json.dumps(document))
            return
        if not is_complete:
            how = ", not yet cosigned"
        self.output.tell(f"{name}: entry {proof.index}{how}, proof in {path}")

    def _is_complete(self, note: bytes) -> bool:
        if self.policy is None:
            return True
        if note not in self._complete:
            self._complete[note] = satisfying(note, self.policy) is not None
        return self._complete[note]

    def show(self) -> None:
        """Show how far it is, where and when that is due."""
        self._line.tell(f"tlog submit: {self._state()}")

    def clear(self) -> None:
        """Leave no line on the terminal."""
        self._line.clear()

    def _state(self) -> str:
        state = (
            self.phase or f"{self._done:,} of {self.total:,} files have their proofs"
        )
        if self._pause is None:
            return state
        left_s = self._pause.until_s - self._clock.monotonic_s()
        if left_s <= 0:
            return state
        return f"{state}; the log asks to wait, {left_s:.0f} s left ({self._pause.why})"

    def end(self, word: str) -> None:
        """Say what is done when the rest is not; word: what ended it, if it is news."""
        self._line.clear()
        if not word and (self.total < 2 or not self._done):
            return
        said = f"{self._done:,} of {self.total:,} files have their proofs"
        if self._asked > 0:
            said = f"{said}; {self._asked:,} more may be in the log"
        if self._done < self.total or not self.total:
            said = f"{said}; the same command does the rest"
        line = f"{word}: {said}" if word else said
        warn(self._options, line)
        if word and self._options.json:
            document = {"error": line, "kind": "Interrupted"}
            self.output.tell(json.dumps(document))
