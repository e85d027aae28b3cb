"""The order in which a head is judged, stored and cosigned.

    judge      against the newest head of its origin      nothing is changed
    sign       our own encoding of what was parsed        nobody has seen it
    COMMIT     the head and its cosignatures              <- the commit point
    answer     the cosignatures

One request of an origin at a time goes through all of it; different origins share
commits.  A crash before the commit leaves the witness as it was; after it, the head is
known, whether the answer arrived or not.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from tlog.clock import Clock
from tlog.durable.disk import SyncError
from tlog.errors import RejectedError
from tlog.log_lines import log_event
from tlog.signing import SigningKey
from tlog.signing.times import StatedTimes
from tlog.witness.budget import Budget
from tlog.witness.commits import GroupCommit
from tlog.witness.evidence import EvidenceFolder, prefix_from_proof
from tlog.witness.metrics import WitnessMetrics
from tlog.witness.roster import Roster
from tlog.witness.rules import (
    OpenedHead,
    open_head,
    open_subtree,
    require_consistent,
    require_known_size,
    require_no_extensions,
    require_ordered_sizes,
)
from tlog.witness.state import KnownHead, Move
from tlogclient.cosigning import (
    AddCheckpoint,
    origin_hash,
    parse_add_checkpoint,
    parse_sign_subtree,
)
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import ProofError
from tlogverify.evidence import Evidence
from tlogverify.keys import KeyType
from tlogverify.note import NoteSignature, UnverifiedNote


class NeverCosignedError(RejectedError):
    """No head of that origin was ever cosigned here."""

    def __init__(self) -> None:
        super().__init__("no such log was ever cosigned here")


class Cosigner:
    """One witness's judgement; all of it runs in one event loop.

    keys: of one name.
    """

    def __init__(
        self,
        keys: Sequence[SigningKey],
        roster: Roster,
        commits: GroupCommit,
        evidence: EvidenceFolder,
        *,
        clock: Clock,
        metrics: WitnessMetrics,
    ) -> None:
        self._keys = tuple(keys)
        self._roster = roster
        self._commits = commits
        self._evidence = evidence
        self._clock = clock
        self._metrics = metrics
        self._budget = Budget(clock)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._keeping = asyncio.Lock()
        self._origins = {origin_hash(origin): origin for origin in commits.known}
        self.verifier_keys = tuple(key.verifier_key for key in keys)
        self._times = StatedTimes("cosignatures")
        for head in commits.known.values():
            self._times.remember(head.note, self.verifier_keys)

    @property
    def is_key_away(self) -> bool:
        """Whether a token or an agent that holds a key does not sign now."""
        return any(key.is_away for key in self._keys)

    async def add_checkpoint(self, body: bytes) -> bytes:
        """Return cosignature lines of the head in `body`, once it is durable.

        Raises what `tlog.witness.rules` says, BudgetError, BusyError or FatalError.
        """
        request = parse_add_checkpoint(body)
        head = open_head(request, self._roster)
        require_no_extensions(head, self.verifier_keys)
        require_ordered_sizes(request, head)
        # A client that hangs up leaves its turn only when the head is stored or
        # refused.
        return await asyncio.shield(self._in_turn(request, head))

    def sign_subtree(self, body: bytes) -> bytes:
        """Return subtree cosignature lines; raises the errors of the rules."""
        request = parse_sign_subtree(body)
        able = [it for it in self._keys if it.verifier_key.key_type is KeyType.MLDSA44]
        subtree = open_subtree(request, self._roster, [it.verifier_key for it in able])
        lines = [key.sign_subtree(subtree, request.start).encode() for key in able]
        return b"".join(lines)

    def checkpoint(self, hashed_origin: str) -> bytes:
        """Return the newest cosigned note; NeverCosignedError without one."""
        origin = self._origins.get(hashed_origin)
        if origin is None:
            raise NeverCosignedError
        return self._commits.known[origin].note

    async def _in_turn(self, request: AddCheckpoint, head: OpenedHead) -> bytes:
        origin = head.checkpoint.origin
        async with self._turns[origin]:
            known = self._commits.known.get(origin)
            require_known_size(request, known.size if known else 0)
            self._budget.spend(head.log)
            try:
                require_consistent(request, head, known.root if known else None)
            except ProofError as error:
                if known is not None:
                    await self._keep(known, request, head, str(error))
                raise
            lines = await self._cosign(head.checkpoint)
            note = UnverifiedNote(head.checkpoint.encode(), (*head.lines, *lines))
            new = KnownHead(head.checkpoint.size, head.checkpoint.root, note.encode())
            await self._commits.commit(Move(origin, known, new))
            self._origins[origin_hash(origin)] = origin
        return b"".join(line.encode() for line in lines)

    async def _cosign(self, checkpoint: Checkpoint) -> tuple[NoteSignature, ...]:
        time_s = self._times.state(self._clock.now_s())

        def sign() -> tuple[NoteSignature, ...]:
            return tuple(key.sign(checkpoint, time_s=time_s) for key in self._keys)

        if any(key.is_remote for key in self._keys):
            # A token or an agent may take seconds; other logs do not wait for it.
            return await asyncio.to_thread(sign)
        return sign()

    async def _keep(
        self, known: KnownHead, request: AddCheckpoint, head: OpenedHead, why: str
    ) -> None:
        """Keep a head that does not extend the one that was cosigned."""
        new = head.checkpoint
        if known.size == 0 or (known.size, known.root) == (new.size, new.root):
            # Anyone can send a log's own head beside a broken proof.
            return
        old = Checkpoint(new.origin, known.size, known.root)
        prefix = prefix_from_proof(old, new, request.path)
        # Only verified lines are kept, never the lines of strangers.
        note = UnverifiedNote(new.encode(), head.lines).encode()
        evidence = Evidence(known.note, note, prefix, request.path)
        convicts = prefix is not None or (old.size == new.size and old.root != new.root)
        # A stranger's verifier believes a key for the origin that it bears alone.
        convicts = convicts and any(it.name == new.origin for it in head.lines)
        self._metrics.inconsistent.labels("yes" if convicts else "no").inc()
        try:
            async with self._keeping:
                file = await asyncio.to_thread(
                    self._evidence.keep, new.origin, evidence, convicts=convicts
                )
        except (OSError, SyncError) as error:
            # The head is refused all the same, and nothing of the state depends on it.
            log_event("evidence not kept", level="error", error=str(error))
            return
        if file is not None:
            log_event(
                "inconsistent head refused",
                level="error",
                origin=new.origin,
                cosigned_size=old.size,
                size=new.size,
                why=why,
                evidence=file.name,
                convicts=convicts,
            )
