"""One witness: what it may answer, and what that costs the log."""

import asyncio

import pytest

from tests.oracle import rfc6962
from tests.support.openapi import DOCUMENT
from tests.support.witnessing import StillClock
from tests.tlogverify.actors import (
    COSIGNATURE,
    LOG,
    MLDSA44,
    Actor,
    Head,
    line,
    note,
    oddly,
)
from tlog.log.cosigning.links import AheadError, ConflictError, WitnessLink, outcome_of
from tlog.log.merkle.frontier import Frontier
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.merkle.tree import Tree
from tlog.log.metrics import LogMetrics
from tlogclient.cosigning import AddCheckpoint
from tlogclient.errors import RefusedError, UnavailableError
from tlogclient.witness import KnownSize
from tlogverify.errors import FormatError, SignatureError, TlogError
from tlogverify.hashing import Hash, to_hash
from tlogverify.note import NoteSignature, parse_signatures

LEAVES = rfc6962.leaf_hashes(40)
SIZE = 21

ED = Actor("witness.example/w", COSIGNATURE, "ed")
ML = Actor("witness.example/w", MLDSA44, "ml")
OTHER = Actor("other.example/w", COSIGNATURE, "other")

HEAD = Head(size=SIZE, root=rfc6962.root(LEAVES[:SIZE]))
OTHER_HEAD = Head(size=SIZE, root=rfc6962.root(LEAVES[1 : SIZE + 1]))

Answer = bytes | KnownSize | TlogError


def snapshot() -> Snapshot:
    """Return the log's state of 21 leaves, as far as a link looks at it."""
    edge = b"".join(LEAVES[:SIZE])
    signed = note(HEAD, LOG.line(HEAD))
    tree = Tree(Frontier(SIZE, (edge,)), to_hash(HEAD.root), (b"",) * SIZE)
    return Snapshot(signed, tree)


async def prove(_: Snapshot, old: int, new: int) -> list[Hash]:
    return [to_hash(it) for it in rfc6962.consistency_path(old, LEAVES[:new])]


class Scripted:
    """A witness that gives one answer after the other, and keeps the questions."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[AddCheckpoint] = []

    async def add_checkpoint(
        self, request: AddCheckpoint
    ) -> tuple[NoteSignature, ...] | KnownSize:
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, TlogError):
            raise answer
        return answer if isinstance(answer, KnownSize) else parse_signatures(answer)

    async def checkpoint(self, origin: str) -> bytes | None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


def link_to(port: Scripted, *keys: Actor) -> WitnessLink:
    return WitnessLink(
        "w",
        "http://w",
        port,
        [actor.key for actor in keys or (ED,)],
        clock=StillClock(),
        metrics=LogMetrics(),
    )


def cosign(link: WitnessLink) -> tuple[NoteSignature, ...]:
    return asyncio.run(link.cosign(LOG.name, snapshot(), prove))


def test_the_size_is_found_by_being_wrong_once_and_remembered() -> None:
    port = Scripted(KnownSize(13), ED.line(HEAD), ED.line(HEAD))
    link = link_to(port)
    assert 1 == len(cosign(link))
    cosign(link)
    assert [0, 13, SIZE] == [request.old_size for request in port.asked]
    paths = [list(request.path) for request in port.asked]
    assert [[], rfc6962.consistency_path(13, LEAVES[:SIZE]), []] == paths
    assert {snapshot().note} == {request.note for request in port.asked}
    assert ("cosigned", SIZE) == (link.state.outcome, link.state.known_size)


@pytest.mark.parametrize(
    ("keys", "lines", "count"),
    [
        ((ED,), ED.line(HEAD), 1),
        ((ML,), ML.line(HEAD), 1),
        ((ED, ML), ED.line(HEAD) + ML.line(HEAD), 2),
        ((ED, ML), ML.line(HEAD), 1),
        ((ED,), ED.line(HEAD) + ML.line(HEAD), 1),
        ((ED,), OTHER.line(HEAD) + ED.line(HEAD), 1),
        ((ED,), line(OTHER.name, b"junk of a stranger") + ED.line(HEAD), 1),
        ((ED,), oddly(OTHER.line(HEAD)) + ED.line(HEAD), 1),
    ],
)
def test_lines_of_the_policys_keys_count_and_no_others(
    keys: tuple[Actor, ...], lines: bytes, count: int
) -> None:
    found = cosign(link_to(Scripted(lines), *keys))
    assert count == len(found)
    assert all(any(it.is_by(actor.key) for actor in keys) for it in found)


def forged() -> bytes:
    """Return a line with the witness's name and id that it did not sign."""
    return line(ED.name, ED.key_id + ED.body(HEAD)[:-1] + b"\x00")


@pytest.mark.parametrize(
    ("lines", "keys"),
    [
        (OTHER.line(HEAD), (ED,)),
        (LOG.line(HEAD), (ED,)),
        (ED.line(OTHER_HEAD), (ED,)),
        (ED.line(HEAD) * 2, (ED,)),
        (ED.line(HEAD, time_s=0), (ED,)),
        (ML.line(HEAD, time_s=0), (ML,)),
        (forged(), (ED,)),
        (forged() + ML.line(HEAD), (ED, ML)),
    ],
)
def test_an_answer_that_does_not_verify_counts_nothing(
    lines: bytes, keys: tuple[Actor, ...]
) -> None:
    link = link_to(Scripted(lines), *keys)
    with pytest.raises(SignatureError):
        cosign(link)
    assert ("invalid", 1) == (link.state.outcome, link.state.failures)


def test_a_witness_spells_its_own_line_in_one_way() -> None:
    link = link_to(Scripted(oddly(ED.line(HEAD))))
    with pytest.raises(FormatError, match="canonical base64") as caught:
        cosign(link)
    assert "invalid" == outcome_of(caught.value)


def test_a_witness_that_is_ahead_is_not_asked_to_sign() -> None:
    port = Scripted(KnownSize(SIZE + 1))
    with pytest.raises(AheadError, match="22 entries"):
        cosign(link_to(port))
    assert 1 == len(port.asked)


@pytest.mark.parametrize("status", [409, 422])
@pytest.mark.parametrize("known", [None, 13])
def test_a_head_that_does_not_extend_the_cosigned_one_is_a_conflict(
    status: int, known: int | None
) -> None:
    """409 without a size was the answer for another root in the first release."""
    first = [] if known is None else [KnownSize(known)]
    port = Scripted(*first, RefusedError("about:blank", "", status=status))
    link = link_to(port)
    with pytest.raises(ConflictError, match="does not extend") as caught:
        cosign(link)
    assert known == caught.value.size
    assert ("conflict", 1) == (link.state.outcome, link.state.failures)


def test_the_same_size_again_is_another_head_of_that_size() -> None:
    """409 with a size, for another root: as the first release can be read."""
    port = Scripted(KnownSize(SIZE), KnownSize(SIZE))
    link = link_to(port)
    with pytest.raises(ConflictError, match="another head of 21") as caught:
        cosign(link)
    assert SIZE == caught.value.size
    assert [0, SIZE] == [request.old_size for request in port.asked]


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_other_refusals_say_nothing_of_what_was_cosigned(status: int) -> None:
    port = Scripted(RefusedError("about:blank", "", status=status))
    with pytest.raises(RefusedError):
        cosign(link_to(port))


def test_one_wrong_size_does_not_shut_a_witness_out() -> None:
    port = Scripted(KnownSize(2**63 - 1), ED.line(HEAD))
    link = link_to(port)
    with pytest.raises(AheadError):
        cosign(link)
    assert 1 == len(cosign(link))
    assert [0, 0] == [request.old_size for request in port.asked]


def test_a_witness_that_names_another_size_each_time_is_left() -> None:
    port = Scripted(*(KnownSize(size) for size in (1, 2, 3, 4, 5)))
    with pytest.raises(FormatError, match="another size each time"):
        cosign(link_to(port))
    assert 3 == len(port.asked)


REFUSED = RefusedError("unproven", "no", status=422)
SILENT = UnavailableError("no answer")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (AheadError("x", 9), "ahead"),
        (ConflictError("x", None), "conflict"),
        (REFUSED, "refused"),
        (SILENT, "unavailable"),
        (FormatError("x"), "invalid"),
        (SignatureError("x"), "invalid"),
    ],
)
def test_each_failure_has_its_name(error: TlogError, outcome: str) -> None:
    assert outcome == outcome_of(error)


def failed(times: int) -> WitnessLink:
    link = link_to(Scripted(*[SILENT] * times))
    for _ in range(times):
        with pytest.raises(UnavailableError):
            cosign(link)
    return link


@pytest.mark.parametrize(("times", "about_s"), [(1, 1), (3, 4), (6, 32), (20, 60)])
def test_pauses_grow_and_have_an_end(times: int, about_s: float) -> None:
    assert 0.75 * about_s <= failed(times).wait_s(SILENT) <= 1.25 * about_s


@pytest.mark.parametrize(("asked_s", "waits_s"), [(7.0, 7.0), (0.0, 1.0), (1e9, 300)])
def test_what_a_witness_asks_for_is_met_within_bounds(
    asked_s: float, waits_s: float
) -> None:
    error = UnavailableError("busy", retry_after_s=asked_s)
    assert waits_s == failed(1).wait_s(error)


def test_every_outcome_is_documented() -> None:
    told = {
        outcome_of(it)
        for it in (
            AheadError("", 1),
            ConflictError("", None),
            RefusedError("about:blank", "", status=404),
            UnavailableError(""),
            FormatError("", b""),
            SignatureError(""),
        )
    }
    witness = DOCUMENT["components"]["schemas"]["Log"]["properties"]["witnesses"]
    outcomes = witness["items"]["properties"]["outcome"]["enum"]
    assert {"none", "cosigned", *told} == set(outcomes)


def test_a_success_ends_the_pauses() -> None:
    link = link_to(Scripted(SILENT, ED.line(HEAD)))
    with pytest.raises(UnavailableError):
        cosign(link)
    cosign(link)
    assert 0 == link.state.failures


def test_the_answer_to_one_head_does_not_count_for_another() -> None:
    older = Head(size=20, root=rfc6962.root(LEAVES[:20]))
    with pytest.raises(SignatureError):
        cosign(link_to(Scripted(ED.line(older))))


def test_every_flipped_bit_of_a_cosignature_is_found() -> None:
    body = bytearray(ED.body(HEAD))
    for at in range(0, 8 * len(body), 41):
        changed = bytearray(body)
        changed[at // 8] ^= 1 << at % 8
        lines = line(ED.name, ED.key_id + bytes(changed))
        with pytest.raises(SignatureError):
            cosign(link_to(Scripted(lines)))
