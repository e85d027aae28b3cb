"""Alarms: what is worth waking somebody, told once for each change of state.

    hit            an entry names what is watched
    split-view     the log's key signed two histories
    bad-log        the entries do not lead to a head that the log signed
    bad-signature  a head that the policy does not accept
    stalled        the log has not grown for too long
    unreachable    the log has not answered for too long
    recovered      one of the last four is over

Each is stored first, then written as one line of JSON, then posted if there is a
webhook; each step at least once, with an id that stays the same.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tlog import hashing
from tlog.clock import Clock
from tlog.errors import CorruptError
from tlog.folders import write_whole
from tlog.monitor.metrics import MonitorMetrics
from tlog.monitor.state import State
from tlog.monitor.store import Head, Hit, NewAlarm
from tlog.monitor.stored import StoredTree
from tlogverify.errors import ProofError, VerificationError
from tlogverify.evidence import Evidence
from tlogverify.merkle import verify_inclusion
from tlogverify.policy import Policy
from tlogverify.proof import Proof

SPLIT_VIEW: Final = "split-view"
BAD_LOG: Final = "bad-log"
BAD_SIGNATURE: Final = "bad-signature"
STALLED: Final = "stalled"
UNREACHABLE: Final = "unreachable"

_MAX_FILES: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm's values; those that its kind does not have stay None.

    size: of the verified head.  source: who showed the head in question.
    """

    kind: str
    origin: str
    size: int
    detail: str
    source: str | None = None
    index: int | None = None
    watch: str | None = None
    name: str | None = None
    entry: str | None = None
    proof: str | None = None
    evidence: str | None = None

    def at(self, time_s: int) -> NewAlarm:
        """Return the alarm with an id of its own, as it is stored and told."""
        alarm_id = str(uuid.uuid4())
        time = datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        values = {
            name: value for name, value in asdict(self).items() if value is not None
        }
        body = json.dumps({"id": alarm_id, "time": time, **values}, ensure_ascii=True)
        return NewAlarm(alarm_id, body, -1 if self.index is None else self.index)


class Alarms:
    """Raises, writes down and shows alarms.

    show: writes one line to where people or programs read it.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        metrics: MonitorMetrics,
        show: Callable[[str], None],
    ) -> None:
        self._store = state.store
        self._proofs = state.folder / "proofs"
        self._evidence = state.folder / "evidence"
        for made in (self._proofs, self._evidence):
            made.mkdir(mode=0o700, exist_ok=True)
        self._clock = clock
        self._metrics = metrics
        self._show = show
        self.raised = 0

    def tell_hit(self, origin: str) -> Callable[[Head, Hit], NewAlarm]:
        """Return what makes an alarm of a hit in a log's head."""

        def tell(head: Head, hit: Hit) -> NewAlarm:
            return Alarm(
                kind="hit",
                origin=origin,
                size=head.size,
                detail=f"entry {hit.place} names {hit.name}",
                index=hit.place,
                watch=hit.watch,
                name=hit.name,
                entry=hit.entry.decode("utf-8", "backslashreplace"),
                proof=str(self._proof_file(hit.place)),
            ).at(self._clock.now_s())

        return tell

    def raise_condition(self, alarm: Alarm) -> None:
        """Raise an alarm, unless the same one of the same source stands already."""
        key = _key(alarm.kind, alarm.source)
        if alarm.kind == SPLIT_VIEW and alarm.evidence is None:
            # One without evidence must not keep quiet one that has some.
            key += " unproven"
        if self._store.raise_condition(key, alarm.at(self._clock.now_s())):
            self.raised += 1
            self._metrics.alarms.labels(alarm.kind).inc()

    def end_condition(
        self, kind: str, source: str | None, *, origin: str, size: int
    ) -> None:
        """End a condition; a `recovered` alarm says so."""
        recovered = Alarm(
            kind="recovered",
            origin=origin,
            size=size,
            detail=f"no longer {kind}",
            source=source,
        )
        key = _key(kind, source)
        if self._store.end_condition(key, recovered.at(self._clock.now_s())):
            self._metrics.alarms.labels("recovered").inc()

    def keep_evidence(self, evidence: Evidence, policy: Policy) -> Path | None:
        """Write evidence that verifies, and return its file; None if it does not.

        None, too, where a hundred files are kept already.
        """
        try:
            older, newer = evidence.verify(policy)
        except VerificationError:
            return None
        name = f"{older.root.hex()[:16]}-{newer.root.hex()[:16]}.tlog-evidence"
        file = self._evidence / name
        if not file.exists():
            # A log can sign new histories for ever: these convict it well enough.
            if sum(1 for _ in self._evidence.glob("*.tlog-evidence")) >= _MAX_FILES:
                return None
            write_whole(file, evidence.encode())
        return file

    def show_all(self, head: Head, tree: StoredTree) -> int:
        """Write all alarms that were not written yet; return how many are hits.

        The proof of a hit is a file before its line is written.
        """
        hits = 0
        while untold := self._store.unshown():
            for alarm in untold:
                if alarm.place >= 0:
                    self._put_proof(alarm.place, head, tree)
                    hits += 1
                self._show(alarm.body)
            self._store.mark_shown(untold[-1].seq)
        self._metrics.hits.inc(hits)
        if hits:
            self._metrics.alarms.labels("hit").inc(hits)
        return hits

    def _put_proof(self, index: int, head: Head, tree: StoredTree) -> None:
        file = self._proof_file(index)
        if file.exists():
            return
        path = tree.inclusion_path(index, head.size)
        entry = tree.entry(index)
        leaf = hashing.hash_leaves([entry])
        try:
            verify_inclusion(index, head.size, leaf, path, head.root)
        except ProofError as error:
            raise CorruptError("entries.bin", f"entry {index}: {error}") from error
        # An empty entry has no `extra` line: the file proves it all the same.
        write_whole(file, Proof(index, path, head.note, entry or None).encode())

    def _proof_file(self, index: int) -> Path:
        return self._proofs / f"{index}.tlog-proof"


def _key(kind: str, source: str | None) -> str:
    return f"{kind} {source or ''}".strip()
