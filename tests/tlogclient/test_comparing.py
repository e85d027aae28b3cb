"""Two answers to one question: where they agree, and what proves that they do not."""

from dataclasses import replace

import pytest

from tests.support.cases import case
from tests.tlogclient.fake_log import FakeLog, record
from tlogclient.attested import Attestation, AttestationResult
from tlogclient.comparing import compare_attestations
from tlogclient.errors import IncompleteError, TwoHistoriesError
from tlogverify.errors import FormatError


def answer(*numbers: int, size: int = 4, after: int | None = None) -> AttestationResult:
    """Return the entries of some numbers of a log of `size` entries."""
    log = FakeLog()
    log.submit([record(it).encode() for it in range(size)])
    found = [Attestation(it, record(it), log.proof(it), None) for it in numbers]
    return AttestationResult(size, tuple(found), after)


def test_equal_answers_agree_below_the_smaller_size() -> None:
    for what, log, monitor, expected in (
        ("the same", answer(0, 2), answer(0, 2), 4),
        ("nothing", answer(), answer(), 4),
        ("the log is longer", answer(0, 5, size=6), answer(0), 4),
        ("the monitor is longer", answer(0), answer(0, 5, size=6), 4),
        ("the log is cut short", answer(0, after=2), answer(0, 2), 2),
        ("the monitor is cut short", answer(0, 2), answer(0, after=1), 1),
    ):
        with case(what):
            assert expected == compare_attestations(log, monitor)


def test_an_entry_that_one_leaves_out_is_told_with_its_proof() -> None:
    for what, log, monitor, withheld, unseen in (
        ("the log", answer(0), answer(0, 2), [2], []),
        ("the log, all", answer(), answer(0, 2), [0, 2], []),
        ("the monitor", answer(0, 2), answer(0), [], [2]),
        ("each another", answer(1), answer(3), [3], [1]),
    ):
        with case(what), pytest.raises(IncompleteError) as found:
            compare_attestations(log, monitor)
        assert withheld == [it.index for it in found.value.withheld]
        assert unseen == [it.index for it in found.value.unseen]
        for proof in (*found.value.withheld, *found.value.unseen):
            assert record(proof.index).encode() == proof.extra


def test_answers_of_different_logs_are_not_compared() -> None:
    """Neither one that lacks entries, nor one that has others at the same indexes."""
    for what, monitor in (("fewer", answer()), ("equal", answer(0, 2))):
        other = replace(monitor, origin="log.example/other")
        with case(what), pytest.raises(FormatError, match=r"log\.example/other"):
            compare_attestations(answer(0, 2), other)


def test_different_entries_at_one_index_are_two_histories() -> None:
    log, monitor = answer(0, 2), answer(0, 2)
    first, second = monitor.attestations
    other = replace(second, proof=replace(second.proof, extra=record(9).encode()))
    monitor = replace(monitor, attestations=(first, other))
    with pytest.raises(TwoHistoriesError) as found:
        compare_attestations(log, monitor)
    ((of_log, of_monitor),) = found.value.proofs
    assert (2, record(2).encode(), record(9).encode()) == (
        of_log.index,
        of_log.extra,
        of_monitor.extra,
    )
