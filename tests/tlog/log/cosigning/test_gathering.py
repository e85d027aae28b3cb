"""The table of states and events: which head is sent to witnesses, which is shown."""

from collections.abc import Sequence

from tests.oracle import rfc6962
from tests.tlogverify.actors import COSIGNATURE, LOG, Actor, Head, note
from tlog.log.cosigning.gathering import Gathering
from tlog.log.merkle.frontier import Frontier
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.merkle.tree import Tree
from tlogverify.hashing import to_hash
from tlogverify.note import NoteSignature, parse_signatures
from tlogverify.policy import Policy

LEAVES = rfc6962.leaf_hashes(40)
ONE, TWO, THREE = (Actor(f"w.example/{it}", COSIGNATURE, it) for it in "123")


def policy(needed: int) -> Policy:
    """Return a policy of three witnesses that asks for so many."""
    named = "".join(
        f"witness w{nth} {it.vkey.decode()}\n"
        for nth, it in enumerate((ONE, TWO, THREE))
    )
    quorum = f"group g {needed} w0 w1 w2\nquorum g\n" if needed else "quorum none\n"
    return Policy.parse(f"log {LOG.vkey.decode()}\n{named}{quorum}".encode())


def head(size: int) -> Head:
    return Head(size=size, root=rfc6962.root(LEAVES[:size]))


def signed(size: int, *witnesses: Actor) -> Snapshot:
    """Return a head of the log, under the signatures of some witnesses too."""
    tree = Tree(
        Frontier(size, (b"".join(LEAVES[:size]),)),
        to_hash(rfc6962.root(LEAVES[:size])),
        (b"",) * size,
    )
    own = head(size)
    return Snapshot(note(own, LOG.line(own), *(it.line(own) for it in witnesses)), tree)


def lines(size: int, *witnesses: Actor) -> Sequence[NoteSignature]:
    return parse_signatures(b"".join(it.line(head(size)) for it in witnesses))


def shown_size(gathering: Gathering) -> int | None:
    return None if gathering.shown is None else gathering.shown.size


def test_a_target_stays_until_its_quorum_has_signed() -> None:
    gathering = Gathering(policy(2), None)
    assert gathering.aim(signed(5))
    assert not gathering.aim(signed(9))
    assert not gathering.take(signed(5), lines(5, ONE))
    assert (5, None, True) == (
        gathering.target and gathering.target.size,
        shown_size(gathering),
        gathering.is_waiting,
    )
    assert gathering.take(signed(5), lines(5, THREE))
    assert (5, 5, True) == (
        shown_size(gathering),
        gathering.cosigned_size,
        gathering.is_confirmed,
    )
    assert not gathering.is_waiting
    assert gathering.aim(signed(9))
    assert 5 == shown_size(gathering)


def test_the_same_head_is_no_new_target() -> None:
    gathering, target = Gathering(policy(1), None), signed(5)
    assert gathering.aim(target)
    assert gathering.take(target, lines(5, ONE))
    assert not gathering.aim(target)
    assert 1 == gathering.round


def test_later_cosignatures_are_added_to_the_head_that_is_shown() -> None:
    gathering = Gathering(policy(1), None)
    assert gathering.aim(signed(5))
    assert gathering.take(signed(5), lines(5, TWO))
    assert gathering.take(signed(5), lines(5, ONE))
    assert gathering.shown is not None
    opened = policy(2).open_checkpoint(gathering.shown.note)
    assert 2 == len(opened.witnesses)


def test_the_order_of_answers_does_not_show_in_the_bytes() -> None:
    notes = set()
    for order in ((ONE, TWO), (TWO, ONE)):
        gathering = Gathering(policy(2), None)
        assert gathering.aim(signed(5))
        for witness in order:
            gathering.take(signed(5), lines(5, witness))
        assert gathering.shown is not None
        notes.add(gathering.shown.note)
    assert 1 == len(notes)


def test_cosignatures_of_a_head_that_was_never_sent_count_nothing() -> None:
    gathering = Gathering(policy(1), None)
    assert gathering.aim(signed(5))
    assert not gathering.take(signed(7), lines(7, ONE))
    assert gathering.shown is None


def test_a_late_answer_to_an_older_head_shows_nothing_smaller() -> None:
    gathering = Gathering(policy(1), None)
    assert gathering.aim(signed(5))
    assert gathering.outgrow(7, signed(9))
    assert gathering.take(signed(9), lines(9, ONE))
    assert not gathering.take(signed(5), lines(5, ONE))
    assert 9 == shown_size(gathering)


def test_a_policy_without_a_quorum_shows_each_target_at_once() -> None:
    gathering = Gathering(policy(0), None)
    assert gathering.aim(signed(5))
    assert (5, True) == (shown_size(gathering), gathering.is_confirmed)
    assert gathering.take(signed(5), lines(5, ONE))
    assert 5 == gathering.cosigned_size


def test_a_policy_without_a_quorum_waits_until_all_are_heard() -> None:
    gathering = Gathering(policy(0), signed(3), is_heard=False)
    assert gathering.aim(signed(5))
    assert not gathering.take(signed(5), lines(5, ONE))
    assert (3, True, False) == (
        shown_size(gathering),
        gathering.is_waiting,
        gathering.is_confirmed,
    )
    assert gathering.hear()
    assert (5, True) == (shown_size(gathering), gathering.is_confirmed)
    assert gathering.shown is not None
    assert 1 == len(policy(1).open_checkpoint(gathering.shown.note).witnesses)
    assert not gathering.hear()
    assert gathering.aim(signed(9))
    assert 9 == shown_size(gathering)


def test_a_quorum_does_not_wait_until_all_are_heard() -> None:
    gathering = Gathering(policy(1), None, is_heard=False)
    assert gathering.aim(signed(5))
    assert gathering.take(signed(5), lines(5, ONE))
    assert not gathering.hear()
    assert 5 == shown_size(gathering)


def test_what_is_stopped_shows_nothing_when_all_are_heard() -> None:
    gathering = Gathering(policy(0), signed(3), is_heard=False)
    assert gathering.aim(signed(5))
    gathering.stop()
    assert not gathering.hear()
    assert (3, False) == (shown_size(gathering), gathering.is_confirmed)


def test_what_was_public_before_confirms_nothing_now() -> None:
    """A copy has that, too: the witnesses must speak in this process's life."""
    gathering = Gathering(policy(2), signed(5, ONE, TWO))
    assert (5, True, False) == (
        shown_size(gathering),
        gathering.is_cosigned,
        gathering.is_confirmed,
    )
    assert gathering.aim(signed(5))
    assert not gathering.is_confirmed
    assert gathering.take(signed(5), lines(5, ONE, THREE))
    assert gathering.is_confirmed


def test_a_witness_that_knows_a_larger_head_of_ours_gets_the_newest() -> None:
    gathering = Gathering(policy(1), None)
    for size in range(4, 12):
        # None is waiting, or the size is not between the target and what is signed.
        assert not gathering.outgrow(size, signed(3)), f"size {size}"
    assert gathering.aim(signed(5))
    for size, is_newer in ((4, False), (5, False), (6, True), (9, True), (10, False)):
        fresh = Gathering(policy(1), None)
        assert fresh.aim(signed(5))
        assert is_newer == fresh.outgrow(size, signed(9)), f"size {size}"
        assert fresh.target is not None
        assert (9 if is_newer else 5) == fresh.target.size


def test_giving_up_shows_the_target_with_what_it_has() -> None:
    gathering = Gathering(policy(3), signed(3, ONE, TWO, THREE))
    assert not gathering.give_up()
    assert gathering.aim(signed(5))
    gathering.take(signed(5), lines(5, ONE))
    assert gathering.give_up()
    assert (5, 3, False, False) == (
        shown_size(gathering),
        gathering.cosigned_size,
        gathering.is_cosigned,
        gathering.is_confirmed,
    )
    assert not gathering.give_up()
    # The quorum comes late: the same head is shown again, whole.
    assert gathering.take(signed(5), lines(5, TWO, THREE))
    assert gathering.is_cosigned


def test_nothing_is_shown_once_it_is_stopped() -> None:
    gathering = Gathering(policy(1), signed(3, ONE))
    assert gathering.aim(signed(5))
    gathering.stop()
    assert not gathering.take(signed(5), lines(5, ONE))
    assert not gathering.give_up()
    assert (3, False) == (shown_size(gathering), gathering.is_confirmed)
    quiet = Gathering(policy(0), None)
    quiet.stop()
    assert quiet.aim(signed(5))
    assert (None, False) == (shown_size(quiet), quiet.is_confirmed)
