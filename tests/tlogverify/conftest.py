"""What holds for every test of the verifier."""

import pytest


@pytest.fixture(autouse=True)
def the_verifiers_processes_alone_are_measured(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`tlog verify` runs what `python -m tlogverify` does, and is tested beside it."""
    given = getattr(request.node, "callspec", None)
    if given is not None and "tlog" == given.params.get("program"):
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
