"""The conversation with one witness: its own deadline, memory and patience.

A witness cosigns a head that extends the last one it knows.  What it knows is found out
by being wrong once: a 409 says the size.  What it answers is verified before it counts.

Source: C2SP tlog-witness, "add-checkpoint".
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tlog.clock import Clock
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.metrics import LogMetrics
from tlogclient.cosigning import AddCheckpoint
from tlogclient.errors import RefusedError, UnavailableError
from tlogclient.witness import KnownSize
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, SignatureError, TlogError, VerificationError
from tlogverify.hashing import Hash
from tlogverify.keys import VerifierKey
from tlogverify.note import NoteSignature
from tlogverify.signed import verify_signature

_TRIES: Final = 3
# A proof that fails; a head of the same size with another root, which was 409 without
# a size in the specification's release 1.0.0.
_CONFLICTS: Final = {409, 422}
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0
_LONGEST_ASKED_S: Final = 300.0

Prove = Callable[[Snapshot, int, int], Awaitable[list[Hash]]]
"""Return the consistency proof between two sizes, in a snapshot's tree."""


class Port(Protocol):
    """A witness, however it is reached: `tlogclient.witness.WitnessClient` is one."""

    async def add_checkpoint(
        self, request: AddCheckpoint
    ) -> tuple[NoteSignature, ...] | KnownSize:
        """Return cosignature lines, or the size to begin from."""
        ...

    async def checkpoint(self, origin: str) -> bytes | None:
        """Return the newest note that was cosigned, or None."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class AheadError(VerificationError):
    """A witness says that it has cosigned a larger tree than was sent to it.

    size: that it says.
    """

    def __init__(self, detail: str, size: int) -> None:
        self.size = size
        super().__init__(detail)


class ConflictError(VerificationError):
    """A witness says that the head does not extend what it has cosigned.

    size: that it had said it knows, None if it had not.
    """

    def __init__(self, detail: str, size: int | None) -> None:
        self.size = size
        super().__init__(detail)


@dataclass(slots=True)
class LinkState:
    """What is known of a witness, for people and metrics.

    outcome: of the last conversation, "none" before the first.  known_size: what it has
    cosigned last, None while that is not known.  latency_ms: of the last success.
    last_success_s: POSIX seconds, None before the first.
    """

    outcome: str = "none"
    known_size: int | None = None
    latency_ms: int | None = None
    last_success_s: int | None = None
    failures: int = 0


class WitnessLink:
    """One witness of a policy.

    name: for people.  keys: the policy's, one or two; at least one of them must sign.
    """

    def __init__(
        self,
        name: str,
        url: str,
        port: Port,
        keys: Sequence[VerifierKey],
        *,
        clock: Clock,
        metrics: LogMetrics,
    ) -> None:
        self.name = name
        self.url = url
        self.port = port
        self._keys = tuple(keys)
        self._clock = clock
        self._metrics = metrics
        self.state = LinkState()

    async def cosign(
        self, origin: str, snapshot: Snapshot, prove: Prove
    ) -> tuple[NoteSignature, ...]:
        """Return this witness's verified lines on a snapshot's head.

        Raises AheadError, ConflictError, RefusedError, UnavailableError, or FormatError
        or SignatureError for an answer that is none.
        """
        started_s = self._clock.monotonic_s()
        try:
            lines = await self._converse(origin, snapshot, prove)
        except TlogError as error:
            self.state.failures += 1
            self._count(outcome_of(error))
            raise
        spent_s = self._clock.monotonic_s() - started_s
        self.state.failures = 0
        self.state.known_size = snapshot.size
        self.state.latency_ms = round(spent_s * 1000)
        self.state.last_success_s = self._clock.now_s()
        self._metrics.cosign_seconds.labels(self.name).observe(spent_s)
        self._metrics.cosign_success.labels(self.name).set(self._clock.now_s())
        self._count("cosigned")
        return lines

    def wait_s(self, error: TlogError) -> float:
        """Return how long to leave the witness alone after a failure."""
        if isinstance(error, UnavailableError) and error.retry_after_s is not None:
            return min(max(error.retry_after_s, _FIRST_WAIT_S), _LONGEST_ASKED_S)
        grown = _FIRST_WAIT_S * 2.0 ** min(self.state.failures - 1, 10)
        spread = random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, hides nothing
        return min(grown, _LONGEST_WAIT_S) * spread

    async def _converse(
        self, origin: str, snapshot: Snapshot, prove: Prove
    ) -> tuple[NoteSignature, ...]:
        old = self.state.known_size or 0
        for _ in range(_TRIES):
            if old > snapshot.size:
                # It may have been a slip: the next conversation begins anew.
                self.state.known_size = None
                raise AheadError(
                    f"{self.name} says that it has cosigned {old} entries of {origin}; "
                    f"this head has {snapshot.size}",
                    old,
                )
            path = await prove(snapshot, old, snapshot.size)
            request = AddCheckpoint(old, tuple(path), snapshot.note)
            try:
                answer = await self.port.add_checkpoint(request)
            except RefusedError as error:
                if error.status not in _CONFLICTS:
                    raise
                # The proof is ours and right: what it proves is not what was cosigned.
                raise ConflictError(
                    f"{self.name} says that the head of {snapshot.size} entries does "
                    f"not extend what it has cosigned of {origin}: {error}",
                    self.state.known_size,
                ) from error
            if isinstance(answer, KnownSize) and answer.size == old == snapshot.size:
                # Release 1.0.0 of the specification: the same size and another root.
                raise ConflictError(
                    f"{self.name} says that it has cosigned another head of {old} "
                    f"entries of {origin}",
                    old,
                )
            if not isinstance(answer, KnownSize):
                head = Checkpoint(origin, snapshot.size, snapshot.root)
                return self._verified(head, answer)
            old = self.state.known_size = answer.size
        raise FormatError(f"{self.name} names another size each time", old)

    def _verified(
        self, head: Checkpoint, lines: Sequence[NoteSignature]
    ) -> tuple[NoteSignature, ...]:
        """Return the lines of this witness's keys; others' are passed over."""
        own = []
        for key in self._keys:
            named = [line for line in lines if line.is_by(key)]
            if len(named) > 1:
                raise SignatureError(f"{key.name} is named on {len(named)} lines")
            for line in named:
                if verify_signature(key, head, line).time_s == 0:
                    raise SignatureError(f"a cosignature of {key.name} states no time")
            own += named
        if not own:
            raise SignatureError(f"{self.name} signed with no key of the policy")
        return tuple(own)

    def _count(self, outcome: str) -> None:
        self.state.outcome = outcome
        self._metrics.cosign_requests.labels(self.name, outcome).inc()


def outcome_of(error: TlogError) -> str:
    """Return how a failed conversation is called in metrics and answers."""
    match error:
        case AheadError():
            return "ahead"
        case ConflictError():
            return "conflict"
        case RefusedError():
            return "refused"
        case UnavailableError():
            return "unavailable"
        case _:
            return "invalid"
