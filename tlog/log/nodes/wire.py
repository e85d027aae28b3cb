"""What nodes tell each other.

All of it is MessagePack, and sent by HTTP to the node that writes; the request has the
secret of its term.

    GET  <node>/nodes/v1/heads?known=<hex>   Told, as soon as it is another one
    POST <node>/nodes/v1/entries             Bunch; then an Outcome for each request
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, Literal

import msgspec

from tlog.entries.packed import Packed
from tlog.errors import BusyError, FatalError, RejectedError
from tlog.log.cosigning.guard import (
    Contradiction,
    RolledBackError,
    UnconfirmedError,
)
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.sequencer.pool import Receipt
from tlogverify.errors import FormatError, TlogError
from tlogverify.hashing import to_hash

HEADS: Final = "/nodes/v1/heads"
ENTRIES: Final = "/nodes/v1/entries"
MAX_BUNCH_BYTES: Final = 48 << 20
"""CBOR becomes twice as long, and one more request is taken below the bounds."""
MAX_BUNCH_ENTRIES: Final = 10_000
"""From so many on no further request is taken into a bunch."""


class ToldWitness(msgspec.Struct, frozen=True):
    """What the writer knows of one witness, as `tlog.log.cosigning.links.LinkState`."""

    name: str
    url: str
    outcome: str
    known_size: int | None
    latency_ms: int | None
    last_success_s: int | None


class ToldWitnesses(msgspec.Struct, frozen=True):
    """What the writer knows of its witnesses; contradictions: what they say against it.

    cosigned_size: of the newest head that satisfied the policy.
    """

    cosigned_size: int
    links: list[ToldWitness]
    contradictions: list[Contradiction]
    is_confirmed: bool


class Told(msgspec.Struct, frozen=True):
    """Where the writer stands: notes, empty where there is none yet.

    stored: the size up to which tiles are durable.  witnesses: None if it has none.
    """

    term: int
    signed: bytes
    shown: bytes
    public: bytes
    stored: int
    witnesses: ToldWitnesses | None = None


class Bunch(msgspec.Struct, frozen=True):
    """Requests: how many entries each has, and the entries as one bundle."""

    counts: list[int]
    bundle: bytes


class Placed(msgspec.Struct, frozen=True, tag="placed"):
    """Where the entries of one request stand; note: of the head of their commit.

    indexes: empty if they are those from `start` to `end`.
    """

    note: bytes
    indexes: list[int]
    start: int
    end: int
    left: list[bytes]
    right: list[bytes]


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """Why there is no receipt."""

    reason: Literal["busy", "rejected", "rolled-back", "unconfirmed", "unknown"]
    detail: str
    retry_after_s: int = 1


Outcome = Placed | Refused

_told: Final = msgspec.msgpack.Decoder(Told)
_bunch: Final = msgspec.msgpack.Decoder(Bunch)
_outcomes: Final = msgspec.msgpack.Decoder(list[Outcome])
encode: Final = msgspec.msgpack.encode


def digest_of(body: bytes) -> str:
    """Return by what a message is compared with the one that is known."""
    return sha256(body).hexdigest()


def parse_told(body: bytes) -> Told:
    """Return what a writer tells; FormatError if it is nothing of the kind."""
    try:
        return _told.decode(body)
    except msgspec.DecodeError as error:
        raise FormatError(f"a node tells its heads: {error}") from error


def parse_bunch(body: bytes) -> list[Packed]:
    """Return the entries of each request; FormatError if that cannot be read."""
    try:
        bunch = _bunch.decode(body)
    except msgspec.DecodeError as error:
        raise FormatError(f"a node sends entries: {error}") from error
    if not bunch.counts or min(bunch.counts) < 1:
        raise FormatError("each request of a bunch has entries")
    entries = Packed.parse(bunch.bundle, sum(bunch.counts))
    parts: list[Packed] = []
    at = start = 0
    # Not by `cut`, which sums up all that stands before a part.
    for count in bunch.counts:
        sizes = entries.sizes[at : at + count]
        end = start + sum(sizes) + 2 * count
        parts.append(Packed(entries.bundle[start:end], sizes))
        at, start = at + count, end
    return parts


def parse_outcomes(body: bytes, count: int) -> list[Outcome]:
    """Return as many outcomes; FormatError if these are others."""
    try:
        outcomes = _outcomes.decode(body)
    except msgspec.DecodeError as error:
        raise FormatError(f"a node answers entries: {error}") from error
    if len(outcomes) != count:
        raise FormatError(f"a node answers {count} requests", len(outcomes))
    return outcomes


def outcome_of(result: Receipt | BaseException) -> Outcome:
    """Return how one request's end is told."""
    if isinstance(result, Receipt):
        is_plain = result.is_all_new
        return Placed(
            note=result.snapshot.note,
            indexes=[] if is_plain else list(result.indexes),
            start=result.start,
            end=result.end,
            left=list(result.left),
            right=list(result.right),
        )
    detail = str(result)
    if isinstance(result, RolledBackError):
        return Refused("rolled-back", detail)
    if isinstance(result, UnconfirmedError):
        return Refused("unconfirmed", detail, result.retry_after_s)
    if isinstance(result, BusyError):
        return Refused("busy", detail, result.retry_after_s)
    if isinstance(result, RejectedError):
        return Refused("rejected", detail)
    return Refused("unknown", detail)


def error_of(refused: Refused) -> TlogError:
    """Return the error that the writer had."""
    detail, pause_s = refused.detail, refused.retry_after_s
    if refused.reason == "rolled-back":
        return RolledBackError(detail)
    if refused.reason == "unconfirmed":
        return UnconfirmedError(detail, retry_after_s=pause_s)
    if refused.reason == "busy":
        return BusyError(detail, retry_after_s=pause_s)
    if refused.reason == "rejected":
        return RejectedError(detail)
    return FatalError(detail)


def receipt_of(
    placed: Placed, snapshot: Snapshot, leaf_hashes: Sequence[bytes]
) -> Receipt:
    """Return the receipt of a request; snapshot: of the note's head.

    FormatError if it is not one of so many entries.
    """
    indexes = tuple(placed.indexes or range(placed.start, placed.end))
    is_within = placed.start <= placed.end <= snapshot.size and max(
        indexes, default=0
    ) < max(snapshot.size, 1)
    if len(indexes) != len(leaf_hashes) or not is_within:
        raise FormatError("a node places entries within its head")
    return Receipt(
        snapshot,
        indexes,
        tuple(leaf_hashes),
        placed.start,
        placed.end,
        tuple(map(to_hash, placed.left)),
        tuple(map(to_hash, placed.right)),
    )
