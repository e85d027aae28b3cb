"""Any order of requests, crashes and failures: what left is one history, for ever.

The model knows the leaves of each fork; the invariant is judged by the oracle.
"""

import asyncio
import shutil
import tempfile
from itertools import combinations
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.faults.faulty import Fault
from tests.oracle import rfc6962
from tests.support.commits import (
    CrashingConnection,
    breaks,
    copy_folder,
    state_of,
)
from tests.support.witnessing import (
    History,
    require_cosigned,
    witness_settings,
)
from tests.tlogverify.actors import LOG, OTHER_LOG, Actor
from tlog.errors import BusyError, FatalError, StaleError
from tlog.witness.opening import OpenWitness
from tlogverify.errors import FormatError, ProofError, TlogError

MOST = 20


def forks(log: Actor) -> list[History]:
    """Return histories that part after 0, 3, 8 and 13 leaves; the last is the first."""
    first = rfc6962.leaf_hashes(MOST, f"{log.name} a")
    others = [
        [*first[:common], *rfc6962.leaf_hashes(MOST - common, f"{log.name} {common}")]
        for common in (0, 3, 8, 13)
    ]
    return [History(it, log) for it in (*others, first)]


FORKS = {log.name: forks(log) for log in (LOG, OTHER_LOG)}
ORIGINS = st.sampled_from(sorted(FORKS))
WHICH = st.integers(0, 4)
SIZES = st.integers(0, MOST)
STEPS = st.sampled_from(["BEGIN", "INSERT", "UPDATE", "COMMIT"])

Left = dict[str, list[tuple[int, bytes]]]


def require_consistent(left: Left) -> None:
    """Assert of every two heads of a log that one history has both."""
    for origin, heads in left.items():
        for pair in combinations(set(heads), 2):
            assert any(
                all(history.tree.root(size) == root for size, root in pair)
                for history in FORKS[origin]
            ), pair


@given(
    keys=st.sampled_from(["ed25519", "both"]),
    asked=st.lists(st.tuples(WHICH, SIZES, SIZES, st.booleans()), max_size=25),
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_random_history_with_forks_is_cosigned_as_one(
    keys: str, asked: list[tuple[int, int, int, bool]]
) -> None:
    with tempfile.TemporaryDirectory(prefix="tlog-witness-") as folder:
        asyncio.run(_converse(Path(folder) / "w", keys, asked))


async def _converse(
    folder: Path, keys: str, asked: list[tuple[int, int, int, bool]]
) -> None:
    witness = OpenWitness(witness_settings(folder, keys=keys))
    left: list[tuple[int, bytes]] = []
    known = (0, rfc6962.EMPTY_ROOT)
    for which, old_wish, size, follows in asked:
        history = FORKS[LOG.name][which]
        old = known[0] if follows else old_wish
        body = history.request(old, size)
        grows = history.tree.root(known[0]) == known[1]
        try:
            lines = await witness.cosigner.add_checkpoint(body)
        except FormatError:
            assert old > size
        except StaleError as error:
            told = error.known_size
            assert (old != known[0], known[0]) == (True, told)
        except ProofError:
            assert (old, False) == (known[0], grows)
        else:
            assert (old, True) == (known[0], grows)
            require_cosigned(lines, history.head(size), witness.verifier_keys)
            known = (size, history.tree.root(size))
            left.append(known)
    require_consistent({LOG.name: left})
    await witness.close()


class Witnessing(RuleBasedStateMachine):
    """`left`: the heads whose cosignatures somebody holds, by origin."""

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(tempfile.mkdtemp(prefix="tlog-witness-"))
        self.lives = 0
        self.left: Left = {origin: [] for origin in FORKS}
        self.runner = asyncio.Runner()
        self.witness: OpenWitness
        self.abandoned: list[OpenWitness] = []

    @initialize()
    def begin(self) -> None:
        self._open(self.base / "0")

    # `typing.override` is not in Python 3.11.
    def teardown(self) -> None:  # type: ignore[explicit-override]
        for witness in [*self.abandoned, self.witness]:
            self.runner.run(witness.close())
        self.runner.close()
        shutil.rmtree(self.base)

    @rule(origin=ORIGINS, which=WHICH, size=SIZES)
    def extend(self, origin: str, which: int, size: int) -> None:
        """Ask as an honest client of one fork does: from the size that is known."""
        self._ask(origin, which, self._known(origin)[0], size)

    @rule(origin=ORIGINS, which=WHICH, old=SIZES, size=SIZES)
    def guess(self, origin: str, which: int, old: int, size: int) -> None:
        self._ask(origin, which, old, size)

    @rule(asked=st.lists(st.tuples(ORIGINS, WHICH, SIZES), min_size=2, max_size=6))
    def ask_at_once(self, asked: list[tuple[str, int, int]]) -> None:
        old = {origin: self._known(origin)[0] for origin in FORKS}
        bodies = [self._body(o, which, old[o], size) for o, which, size in asked]

        async def all_of_them() -> list[bytes | BaseException]:
            adding = [self.witness.cosigner.add_checkpoint(it) for it in bodies]
            return await asyncio.gather(*adding, return_exceptions=True)

        for it, answer in zip(asked, self.runner.run(all_of_them()), strict=True):
            self._take(*it, answer)

    @rule(step=STEPS, nth=st.integers(1, 3), persists=st.booleans())
    def break_the_state(self, step: str, nth: int, persists: bool) -> None:
        breaks(self.witness, Fault(step, nth, persists))
        self.is_broken = True

    @rule()
    def restart(self) -> None:
        self.runner.run(self.witness.close())
        self._open(self.folder)

    @rule()
    def crash(self) -> None:
        """Leave the process as it is, and go on from a copy of what it has written."""
        copy = self._next()
        copy_folder(self.folder, copy)
        self.abandoned.append(self.witness)
        self._open(copy)

    @rule(origin=ORIGINS, which=WHICH, size=SIZES, persists=st.booleans())
    def crash_at_the_commit(
        self, origin: str, which: int, size: int, persists: bool
    ) -> None:
        copy, state = self._next(), state_of(self.witness)
        state.writing = CrashingConnection(
            state.writing, self.folder, copy, persists=persists
        )
        self.is_broken = True
        self._ask(origin, which, self._known(origin)[0], size)
        if not copy.exists():
            copy_folder(self.folder, copy)
        self.abandoned.append(self.witness)
        self._open(copy)

    @precondition(lambda self: self.witness.failure is not None)
    @rule(origin=ORIGINS, which=WHICH, size=SIZES)
    def ask_a_stopped_witness(self, origin: str, which: int, size: int) -> None:
        before = {name: list(heads) for name, heads in self.left.items()}
        self._ask(origin, which, self._known(origin)[0], size)
        assert before == self.left

    @invariant()
    def what_left_is_one_history(self) -> None:
        require_consistent(self.left)

    @invariant()
    def what_left_is_known(self) -> None:
        for origin, heads in self.left.items():
            if heads:
                size, root = self._known(origin)
                assert size >= max(heads)[0]
                require_consistent({origin: [*heads, (size, root)]})

    def _next(self) -> Path:
        self.lives += 1
        return self.base / str(self.lives)

    def _open(self, folder: Path) -> None:
        self.folder, self.is_broken = folder, False
        settings_ = witness_settings(folder, LOG, OTHER_LOG, keys="ed25519")
        self.witness = OpenWitness(settings_)

    def _known(self, origin: str) -> tuple[int, bytes]:
        known = self.witness._commits.known.get(origin)
        return (0, rfc6962.EMPTY_ROOT) if known is None else (known.size, known.root)

    def _body(self, origin: str, which: int, old: int, size: int) -> bytes:
        return FORKS[origin][which].request(old, size)

    def _ask(self, origin: str, which: int, old: int, size: int) -> None:
        answer: bytes | BaseException
        body = self._body(origin, which, old, size)
        try:
            answer = self.runner.run(self.witness.cosigner.add_checkpoint(body))
        except TlogError as error:
            answer = error
        self._take(origin, which, size, answer)

    def _take(
        self, origin: str, which: int, size: int, answer: bytes | BaseException
    ) -> None:
        history = FORKS[origin][which]
        if isinstance(answer, bytes):
            require_cosigned(answer, history.head(size), self.witness.verifier_keys)
            self.left[origin].append((size, history.tree.root(size)))
            return
        kinds: tuple[type[TlogError], ...] = (StaleError, ProofError, FormatError)
        if self.is_broken:
            kinds += (BusyError, FatalError)
        assert isinstance(answer, kinds), answer


Witnessing.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestWitnessing = Witnessing.TestCase
