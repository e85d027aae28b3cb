"""Every error that a door can meet has a row there; a new one fails until it has."""

import importlib
from collections.abc import Iterator

import pytest

from tests.architecture.source import below, sources
from tlog.documents.refusals import (
    GoneError,
    NoDocumentError,
    UnnamedError,
    WrongDigestError,
)
from tlog.errors import RejectedError, StaleError
from tlog.gate.door import GATE_ROWS
from tlog.http.problems import INTERNAL, Rows, problem_of
from tlog.log.api.problems import LOG_ROWS
from tlog.log.cosigning.links import AheadError, ConflictError
from tlog.monitor.web import MissingError, RetriedError, SourceError
from tlog.registry.errors import AbsentError, DeniedError
from tlog.registry.exchange import ProxyRefusalError
from tlog.witness.door import WITNESS_ROWS
from tlogclient.errors import (
    IncompleteError,
    RefusedError,
    TwoHistoriesError,
    UnavailableError,
)
from tlogclient.retries import NoRoomError
from tlogverify.command.telling import UnwrittenError
from tlogverify.command.verdicts import DisallowedError
from tlogverify.errors import (
    ProofError,
    QuorumError,
    SignatureError,
    TlogError,
    VerificationError,
)
from tlogverify.sigstore import UnjudgedError

# Nothing raises these two themselves at a door: the first is the root, and the second
# refuses to start.
NOT_RAISED = {TlogError, RejectedError}
# What others answer is judged, and caught, where it is asked for.
OF_OTHERS = {VerificationError, QuorumError, RefusedError, UnavailableError}
OF_OTHERS |= {NoRoomError, IncompleteError, TwoHistoriesError}

DOORS = [
    pytest.param(
        "tlog.log",
        LOG_ROWS,
        NOT_RAISED
        | OF_OTHERS
        | {SignatureError, ProofError, AheadError}
        | {ConflictError, StaleError},
        id="log",
    ),
    pytest.param("tlog.witness", WITNESS_ROWS, NOT_RAISED | OF_OTHERS, id="witness"),
    pytest.param(
        "tlog.gate",
        GATE_ROWS,
        NOT_RAISED
        | OF_OTHERS
        | {SignatureError, ProofError, UnjudgedError, StaleError}
        | {DeniedError, AbsentError, ProxyRefusalError}
        | {DisallowedError, UnwrittenError}
        | {NoDocumentError, GoneError, WrongDigestError, UnnamedError}
        | {SourceError, MissingError, RetriedError},
        id="gate",
    ),
]


def modules_under(wing: str) -> set[str]:
    """Return the modules of a wing, and all that they import, however far down."""
    found: set[str] = set()
    waiting = [it.module for it in below(wing)]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += sources()[module].imports
    return found


def errors_in(modules: set[str], root: type[TlogError]) -> Iterator[type[TlogError]]:
    """Return the error classes at and below `root` that `modules` define."""
    if root.__module__ in modules:
        yield root
    for kind in root.__subclasses__():
        yield from errors_in(modules, kind)


@pytest.mark.parametrize(("wing", "rows", "elsewhere"), DOORS)
def test_every_error_of_a_wing_has_a_row_at_its_door(
    wing: str, rows: Rows, elsewhere: set[type[TlogError]]
) -> None:
    modules = modules_under(wing)
    for module in modules:
        # Where no kernel was built, what binds them cannot be imported.
        if not module.endswith(("hashing.native", "entries.native", "kernels.build")):
            importlib.import_module(module)
    if wing == "tlog.log":
        modules -= {it.module for it in below("tlog.witness")}
    without = {
        kind
        for kind in errors_in(modules, TlogError)
        # The class alone: a row is looked up by the classes that an error is of.
        if problem_of(kind.__new__(kind), rows) is INTERNAL
    }
    assert elsewhere == without


@pytest.mark.parametrize(
    "rows", [LOG_ROWS, WITNESS_ROWS, GATE_ROWS], ids=["log", "witness", "gate"]
)
def test_one_token_has_one_status(rows: Rows) -> None:
    statuses: dict[str, set[int]] = {}
    for problem in rows.values():
        statuses.setdefault(problem.token, set()).add(problem.status)
    assert [] == [token for token, found in statuses.items() if len(found) > 1]
