import pickle

import pytest

from tlogverify.errors import (
    FormatError,
    ProofError,
    QuorumError,
    SignatureError,
    TlogError,
    VerificationError,
)


@pytest.mark.parametrize("kind", [SignatureError, ProofError, QuorumError])
def test_what_is_not_proven_is_a_verification_error(kind: type[Exception]) -> None:
    assert issubclass(kind, VerificationError)
    assert not issubclass(kind, FormatError)


@pytest.mark.parametrize("kind", [FormatError, VerificationError])
def test_every_error_has_one_root(kind: type[Exception]) -> None:
    assert issubclass(kind, TlogError)
    assert not issubclass(kind, ValueError)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(None, "a rule", id="nothing"),
        pytest.param(7, "a rule: found 7", id="number"),
        pytest.param(b"x\n", r"a rule: found b'x\n'", id="bytes"),
        pytest.param("\x1b[2J", r"a rule: found '\x1b[2J'", id="terminal-escape"),
        pytest.param("", "a rule: found ''", id="empty"),
        pytest.param([b"a"], "a rule: found a list", id="list"),
        pytest.param("PRIVATE+KEY+x", "a rule: found a private key", id="a-logs-key"),
        pytest.param(
            b"a" * 99 + b"-----BEGIN PRIVATE KEY-----",
            "a rule: found a private key",
            id="a-key-further-on",
        ),
    ],
)
def test_an_error_names_the_rule_and_what_was_found(
    found: object, expected: str
) -> None:
    error = FormatError("a rule", found)
    assert expected == str(error)
    assert error.rule == "a rule"


@pytest.mark.parametrize(
    "found",
    [
        pytest.param("a" * 10**6, id="text"),
        pytest.param(b"a" * 10**6, id="bytes"),
        pytest.param(b"\x00" * 72, id="four-characters-each"),
        pytest.param([b"a" * 10**6], id="list"),
    ],
)
def test_a_message_shows_at_most_a_line_of_the_input(found: object) -> None:
    assert len(str(FormatError("a rule", found))) < 100


def test_an_error_survives_the_way_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(FormatError("a rule", b"x")))  # noqa: S301  # our own bytes
    assert str(error) == "a rule: found b'x'"
