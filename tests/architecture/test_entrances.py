"""A wing hides its rooms: another wing enters it by few named modules."""

import pytest

from tests.architecture.source import below, sources

ENTRANCES = {"monitor": {"tlog.monitor.opening", "tlog.monitor.settings"}}


@pytest.mark.parametrize("wing", ENTRANCES)
def test_other_wings_enter_by_the_named_modules_alone(wing: str) -> None:
    rooms = {source.module for source in below(f"tlog.{wing}")} - {f"tlog.{wing}"}
    wrong = [
        f"{source.module} imports {used}"
        for source in sources().values()
        if source.wing != wing
        for used in source.imports & (rooms - ENTRANCES[wing])
    ]
    assert [] == wrong
