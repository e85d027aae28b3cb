"""Alarms: what is worth waking somebody, told once for each change of state.

    hit            an entry names what is watched
    unread         an SBOM did not come, or cannot be read: a package may stand in it
    split-view     the log's key signed two histories
    bad-log        the entries do not lead to a head that the log signed
    bad-tile       a hash tile is not what the entries lead to
    bad-signature  a head that the policy does not accept
    stalled        the log has not grown for too long
    unreachable    the log has not answered for too long
    unannounced-key  a key signs as the log, and no entry says that it joined
    recovered      one of the last six is over

Each alarm is stored first, then written as one line of JSON, then posted if there is a
webhook.  Each of these steps is made at least once, with an id that stays the same.
"""

import json
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from tlog.log_lines import log_event
from tlog.monitor.exhibits import Exhibits
from tlog.monitor.heads import SeenHead
from tlog.monitor.metrics import TAMPERING
from tlog.monitor.outbox import Condition, NewAlarm
from tlog.monitor.parties import LOG, Party
from tlog.monitor.reading import AlarmOfHit, Hit
from tlog.monitor.state import State
from tlog.monitor.stored import StoredTree
from tlog.monitor.surroundings import Surroundings
from tlog.monitor.verdict import SplitViewError
from tlogverify.policy import Policy

SPLIT_VIEW: Final = "split-view"
BAD_LOG: Final = "bad-log"
BAD_TILE: Final = "bad-tile"
BAD_SIGNATURE: Final = "bad-signature"
UNREAD: Final = "unread"
STALLED: Final = "stalled"
UNREACHABLE: Final = "unreachable"
UNANNOUNCED_KEY: Final = "unannounced-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """The values of one alarm; a value that its kind does not have stays None.

    size: of the verified head.  source: who showed the head in question.  witness: the
    name and the id of its key, where that is a witness.
    """

    kind: str
    origin: str
    size: int
    detail: str
    source: str | None = None
    witness: str | None = None
    index: int | None = None
    watch: str | None = None
    name: str | None = None
    entry: str | None = None
    proof: str | None = None
    evidence: str | None = None
    document: str | None = None

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
    """Raises alarms, ends their conditions, and writes them to where people read them.

    raised: how many conditions this process has raised.
    """

    def __init__(
        self, state: State, policy: Policy, surroundings: Surroundings
    ) -> None:
        self._state = state
        self._outbox = state.outbox
        self._policy = policy
        self._exhibits = Exhibits(state.folder)
        self._clock = surroundings.clock
        self._metrics = surroundings.metrics
        self._show = surroundings.show
        self.raised = 0

    def of_hits(self, origin: str) -> AlarmOfHit:
        """Return what makes an alarm of a hit in a head of the log `origin`."""

        def alarm_of(head: SeenHead, hit: Hit) -> NewAlarm:
            return Alarm(
                kind="hit",
                origin=origin,
                size=head.size,
                detail=f"entry {hit.index} names {hit.name}",
                index=hit.index,
                watch=hit.watch,
                name=hit.name,
                entry=hit.entry.decode("utf-8", "backslashreplace"),
                proof=str(self._exhibits.proof_file(hit.index)),
            ).at(self._clock.now_s())

        return alarm_of

    def of_unread(self, index: int, sha256: bytes, why: str) -> NewAlarm:
        """Return the alarm of an SBOM that an entry names and nobody could read."""
        self.raised += 1
        self._metrics.alarms.labels(UNREAD).inc()
        cursor = self._state.cursor()
        return Alarm(
            kind=UNREAD,
            origin=cursor.origin,
            size=cursor.head.size,
            detail=f"the SBOM of entry {index} is not read: {why}",
            document=f"sha256:{sha256.hex()}",
        ).at(self._clock.now_s())

    def begin(
        self, kind: str, detail: str, party: Party = LOG, evidence: str | None = None
    ) -> None:
        """Raise an alarm, unless one of this kind and party stands already."""
        alarm = self._alarm(kind, detail, party, evidence)
        # An alarm without evidence must not keep a later one with evidence quiet.
        condition = Condition(kind, party, kind == SPLIT_VIEW and evidence is None)
        if self._outbox.raise_condition(condition, alarm):
            self.raised += 1
            self._metrics.alarms.labels(kind).inc()
            if kind in TAMPERING:
                self._metrics.tampered.labels(kind).inc()

    def begin_split_view(self, error: SplitViewError, party: Party = LOG) -> None:
        """Raise the alarm of two histories; its evidence is a file if it can be."""
        try:
            file = self._exhibits.put_evidence(error.evidence, self._policy)
        except OSError as failure:
            # The alarm is worth more than its file.
            log_event("evidence not kept", level="error", error=str(failure))
            file = None
        self.begin(SPLIT_VIEW, str(error), party, None if file is None else str(file))

    def end(self, kind: str, party: Party = LOG) -> None:
        """End a condition if it stands; an alarm of kind `recovered` says so."""
        recovered = self._alarm("recovered", f"no longer {kind}", party)
        if self._outbox.end_condition(Condition(kind, party), recovered):
            self._metrics.alarms.labels("recovered").inc()

    def show_all(self, head: SeenHead, tree: StoredTree) -> int:
        """Write all alarms that were not written yet; return how many are hits.

        The proof of a hit is a file before its line is written.
        """
        hits = 0
        while unshown := self._outbox.unshown():
            for alarm in unshown:
                if alarm.entry_index >= 0:
                    self._exhibits.put_proof(alarm.entry_index, head, tree)
                    hits += 1
                self._show(alarm.body)
            self._outbox.mark_shown(unshown[-1].seq)
        self._metrics.hits.inc(hits)
        if hits:
            self._metrics.alarms.labels("hit").inc(hits)
        return hits

    def _alarm(
        self, kind: str, detail: str, party: Party, evidence: str | None = None
    ) -> NewAlarm:
        cursor = self._state.cursor()
        return Alarm(
            kind=kind,
            origin=cursor.origin or self._policy.logs[0].key.name,
            size=cursor.head.size,
            detail=detail,
            source=party.told,
            witness=party.vkey or None,
            evidence=evidence,
        ).at(self._clock.now_s())
