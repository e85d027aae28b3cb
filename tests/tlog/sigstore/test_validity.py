"""Times as RFC 3339 writes them, and whom clients ask at one."""

from datetime import datetime

import pytest

from tests.support.cases import in_one_test
from tlog.sigstore.instance import endpoint
from tlog.sigstore.validity import EPOCH, is_asked, parse_time
from tlogverify.errors import FormatError

START, END = "2026-01-31T12:00:00Z", "2026-02-01T12:00:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z",
        "2024-02-29T23:59:59.123456789Z",
        "2026-12-01T00:00:00+02:00",
    ],
)
def test_a_time_is_as_rfc_3339_writes_it(text: str) -> None:
    second, _, _ = text.partition(".")
    expected = datetime.fromisoformat(text if second == text else f"{second}Z")
    nanoseconds = 123_456_789 if second != text else 0
    found = parse_time("a time", text)
    assert int(expected.timestamp()) * 1_000_000_000 + nanoseconds == found


@in_one_test(
    "text",
    [
        "",
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "2026-02-29T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-01-32T12:00:00Z",
        "0000-01-01T12:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:30:00+01:00",
        "9999-12-31T23:30:00-01:00",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00Z\n",
        "٢026-01-31T12:00:00Z",
    ],
)
def test_another_spelling_of_a_time_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="a time is"):
        parse_time("a time", text)


def test_the_first_and_the_last_second_are_times() -> None:
    assert 0 == parse_time("a time", EPOCH)
    parse_time("a time", "9999-12-31T23:59:59Z")


@pytest.mark.parametrize(
    ("change", "moment"),
    [
        ({}, "2026-01-31T11:59:59.999999999Z"),
        ({}, "2026-02-01T12:00:00.000000001Z"),
        ({"majorApiVersion": 2}, START),
    ],
    ids=["not-begun", "over", "another-version"],
)
def test_whom_clients_do_not_ask(change: dict[str, object], moment: str) -> None:
    made = endpoint("https://fulcio.example", 1, START, "operator")
    item = {**made, "validFor": {"start": START, "end": END}}
    assert is_asked(item, parse_time("a time", START))
    assert is_asked(item, parse_time("a time", END))
    assert not is_asked({**item, **change}, parse_time("a time", moment))


def test_without_a_validity_clients_ask_at_any_time() -> None:
    item = {"url": "https://fulcio.example", "majorApiVersion": 1, "operator": "us"}
    assert is_asked(item, 0)
