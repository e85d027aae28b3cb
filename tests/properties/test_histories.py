"""Any history of submits, restarts and crashes, against a list and a dict."""

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.faults.opened import audit_folder, entry, fsck
from tests.oracle import rfc6962
from tests.properties.life import Life
from tlog.log.sequencer.pool import Receipt
from tlogverify import Policy
from tlogverify.ranges import verify_range

# A request is a few entries that are likely to be known, or a run of new ones that
# likely crosses a tile's edge.
FEW = st.lists(st.integers(0, 60), min_size=1, max_size=6)
RUN = st.tuples(st.integers(0, 600), st.sampled_from([50, 200, 256, 400])).map(
    lambda run: list(range(run[0], run[0] + run[1]))
)
REQUESTS = st.lists(st.one_of(FEW, FEW, RUN), min_size=1, max_size=4)


class Histories(RuleBasedStateMachine):
    """The model: `leaves` is the log, `index_of` is where each entry stands."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tlog-history-"))
        self.leaves: list[bytes] = []
        # What the oracle has computed stays true while the list grows.
        self.tree = rfc6962.Tree(self.leaves)
        self.index_of: dict[int, int] = {}
        self.sizes: list[int] = [0]

    @initialize()
    def begin(self) -> None:
        self.life = Life(self.folder)
        self.policy = Policy.read(self.folder / "policy")

    # `typing.override` is not in Python 3.11.
    def teardown(self) -> None:  # type: ignore[explicit-override]
        if hasattr(self, "life"):
            self.life.close()
            assert 0 == fsck(self.folder)
            stored = audit_folder(self.folder).entries
            assert self.leaves == [rfc6962.leaf_hash(it) for it in stored]
        shutil.rmtree(self.folder)

    @rule(requests=REQUESTS)
    def submit(self, requests: list[list[int]]) -> None:
        encoded = [[entry(number) for number in request] for request in requests]
        receipts = self.life.submit(encoded)
        for request, receipt in zip(requests, receipts, strict=True):
            start, end = self._grow(request)
            assert tuple(self.index_of[it] for it in request) == receipt.indexes
            if end > start:
                assert (start, end) == (receipt.start, receipt.end)
            else:
                assert receipt.start == receipt.end
        for receipt in receipts:
            self._verify(receipt)
        self.sizes.append(len(self.leaves))

    @rule()
    def restart(self) -> None:
        self.life.close()
        self._begin_again()
        assert len(self.leaves) == self.life.size

    @rule()
    def crash(self) -> None:
        self.life.crash([])
        self._begin_again()
        assert len(self.leaves) == self.life.size

    @rule(requests=REQUESTS)
    def crash_while_submitting(self, requests: list[list[int]]) -> None:
        encoded = [[entry(number) for number in request] for request in requests]
        self.life.crash(encoded)
        self._begin_again()
        # Whole requests are there, the first ones, and nothing else.
        for request in requests:
            if self.life.size == len(self.leaves):
                break
            self._grow(request)
        assert len(self.leaves) == self.life.size

    @precondition(lambda self: self.leaves)
    @rule(data=st.data())
    def prove(self, data: st.DataObject) -> None:
        size = data.draw(st.sampled_from([it for it in self.sizes if it]))
        index = data.draw(st.integers(0, size - 1))
        expected = self.tree.inclusion_path(index, size)
        assert expected == self.life.inclusion(index, size)
        old = data.draw(st.sampled_from([it for it in self.sizes if 0 < it <= size]))
        expected = self.tree.consistency_path(old, size)
        assert expected == self.life.consistency(old, size)

    @invariant()
    def every_entry_has_one_index(self) -> None:
        assert sorted(self.index_of.values()) == list(range(len(self.leaves)))

    def _begin_again(self) -> None:
        self.life = Life(self.folder)
        self.sizes.append(len(self.leaves))

    def _grow(self, request: list[int]) -> tuple[int, int]:
        start = len(self.leaves)
        for number in request:
            if number not in self.index_of:
                self.index_of[number] = len(self.leaves)
                self.leaves.append(rfc6962.leaf_hash(entry(number)))
        return start, len(self.leaves)

    def _verify(self, receipt: Receipt) -> None:
        head = self.policy.open_checkpoint(receipt.snapshot.note).checkpoint
        assert receipt.end <= head.size <= len(self.leaves)
        assert self.tree.root(head.size) == head.root
        assert tuple(self.leaves[it] for it in receipt.indexes) == receipt.leaf_hashes
        if receipt.start < receipt.end:
            added = self.leaves[receipt.start : receipt.end]
            left, right = receipt.left, receipt.right
            verify_range(receipt.start, head.size, added, left, right, head.root)


Histories.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestHistories = Histories.TestCase
