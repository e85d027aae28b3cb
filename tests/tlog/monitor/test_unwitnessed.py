"""A head that too few witnesses signed: not believed, and enough to convict a log."""

from pathlib import Path

import pytest

from tests.support.monitored import Monitored
from tests.support.static_log import POLICY, StaticLog, entries_of, fork
from tests.tlogverify.actors import LOG, WITNESS
from tlog.monitor.monitor import Outcome
from tlogverify.evidence import Evidence
from tlogverify.policy import Policy

COSIGNED = b"log " + LOG.vkey + b"\nwitness w " + WITNESS.vkey + b"\nquorum w\n"
SIZE = 300


async def followed(folder: Path) -> tuple[Monitored, StaticLog]:
    """Return a monitor that has verified the cosigned head of 300 entries."""
    log = StaticLog(folder / "log")
    log.add(entries_of(0, 700))
    log.publish(SIZE)
    log.put("checkpoint", log.note(SIZE, WITNESS))
    monitored = Monitored(folder, str(log.folder), COSIGNED)
    assert Outcome.QUIET == await monitored.look()
    return monitored, log


@pytest.mark.parametrize("size", [1, 299, 300, 301, 512, 700])
async def test_a_head_of_the_same_tree_is_a_missing_quorum_alone(
    tmp_path: Path, size: int
) -> None:
    monitored, log = await followed(tmp_path)
    log.publish(size)
    assert Outcome.ALARM == await monitored.look()
    assert ["bad-signature"] == monitored.kinds()
    assert SIZE == await monitored.size()
    log.put("checkpoint", log.note(SIZE, WITNESS))
    assert Outcome.QUIET == await monitored.look()


@pytest.mark.parametrize("size", [1, 299, 300, 301, 512, 700])
async def test_a_head_of_another_tree_convicts_without_a_witness(
    tmp_path: Path, size: int
) -> None:
    monitored, log = await followed(tmp_path)
    fork(log.folder, log, 0, size).publish()
    assert Outcome.ALARM == await monitored.look()
    assert {"bad-signature", "split-view"} == set(monitored.kinds())
    (alarm,) = monitored.alarms("split-view")
    Evidence.read(alarm["evidence"]).verify(Policy.parse(POLICY))
    assert SIZE == await monitored.size()
