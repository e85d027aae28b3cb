"""Who may submit, and how much: the questions themselves."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.cases import in_one_test
from tlog.log.admission.gate import Gate, UnauthorizedError
from tlog.log.admission.rates import Buckets, OwnBuckets, RateLimitedError, Rates
from tlog.log.admission.shared_rates import SharedBuckets
from tlog.log.admission.tokens import Token, find_token, read_tokens
from tlogverify.errors import FormatError

TOKEN = "a-long-random-token"
HASHED = hashlib.sha256(TOKEN.encode()).digest()


@dataclass
class StillClock:
    """A clock that a test moves by hand."""

    seconds: float = 1_000.0

    def now_s(self) -> int:
        return int(self.seconds)

    def monotonic_s(self) -> float:
        return self.seconds


def test_a_tokens_file_names_the_hash_of_each_token(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# CI\n\n{HASHED.hex()} ci-main\n  {'0' * 64} other  \n")
    expected = {HASHED: Token("ci-main"), bytes(32): Token("other")}
    assert expected == read_tokens(file)


@in_one_test(
    "line",
    [
        *(TOKEN, f"{TOKEN} ci", HASHED.hex(), f"{HASHED.hex()} ", "ci"),
        *(f"{HASHED.hex().upper()} ci", f"{HASHED.hex()}  ci", f"{HASHED.hex()} a b"),
        *(f"{HASHED.hex()[:-1]} ci", f"{HASHED.hex()} {'x' * 65}", "\x00"),
        *(f"{HASHED.hex()} ü", f"{HASHED.hex()}\tci"),
    ],
)
def test_a_broken_tokens_file_names_the_line_and_never_shows_it(
    tmp_path: Path, line: str
) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# first\n{line}\n", encoding="utf-8")
    with pytest.raises(FormatError, match="line 2 is not") as caught:
        read_tokens(file)
    assert line not in str(caught.value).removeprefix(str(file)) or line in "ci"
    assert HASHED.hex() not in str(caught.value)


def test_a_tokens_file_that_is_not_text_is_a_format_error(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(FormatError):
        read_tokens(file)


@in_one_test(
    ("authorization", "expected"),
    [
        (f"Bearer {TOKEN}", "ci"),
        (f"bearer {TOKEN}", "ci"),
        (f"BEARER {TOKEN}", "ci"),
        (TOKEN, None),
        ("", None),
        ("Bearer", None),
        ("Bearer ", None),
        (f"Bearer  {TOKEN}", None),
        (f"Bearer {TOKEN} ", None),
        (f"Bearer {TOKEN[:-1]}", None),
        (f"Bearer {TOKEN.upper()}", None),
        (f"Basic {TOKEN}", None),
        (f"Bearer {HASHED.hex()}", None),
        ("Bearer \udcff", None),
    ],
)
def test_a_token_is_known_by_its_hash_alone(
    authorization: str, expected: str | None
) -> None:
    found = find_token({HASHED: Token("ci")}, authorization)
    assert expected == (found and found.name)


@pytest.mark.parametrize(
    ("trusted", "forwarded", "expected"),
    [
        (False, [], "address 192.0.2.1"),
        (False, ["198.51.100.7"], "address 192.0.2.1"),
        (True, [], "address 192.0.2.1"),
        (True, [""], "address 192.0.2.1"),
        (True, ["198.51.100.7"], "address 198.51.100.7"),
        (True, ["10.0.0.1, 198.51.100.7"], "address 198.51.100.7"),
        # Some proxies add a line of their own: the last line is theirs.
        (True, ["10.0.0.1", "198.51.100.7"], "address 198.51.100.7"),
        (True, ["x" * 10_000], "address " + "x" * 64),
    ],
)
def test_a_client_is_the_last_address_that_is_trusted(
    trusted: bool, forwarded: list[str], expected: str
) -> None:
    gate = Gate(None, None, trust_forwarded_for=trusted)
    assert expected == gate.client("", forwarded, "192.0.2.1")


def test_a_client_with_a_token_is_that_token_from_every_address() -> None:
    gate = Gate(lambda: {HASHED: Token("ci")}, None, trust_forwarded_for=True)
    authorization = f"Bearer {TOKEN}"
    assert "token ci" == gate.client(authorization, ["10.0.0.1"], "192.0.2.1")


def test_a_client_without_a_known_token_is_refused() -> None:
    gate = Gate(lambda: {HASHED: Token("ci")}, None, trust_forwarded_for=False)
    for authorization in ("", "Bearer x"):
        with pytest.raises(UnauthorizedError):
            gate.client(authorization, [], "192.0.2.1")


def test_an_empty_tokens_file_lets_nobody_in() -> None:
    with pytest.raises(UnauthorizedError):
        Gate(dict, None, trust_forwarded_for=False).client("", [], "192.0.2.1")


@pytest.fixture(params=[OwnBuckets, lambda: SharedBuckets(sets=2)])
def buckets(request: pytest.FixtureRequest) -> Buckets:
    """Buckets of one process, and of several."""
    made: Buckets = request.param()
    return made


def test_a_bucket_empties_and_fills_at_its_rate(buckets: Buckets) -> None:
    clock = StillClock()
    rates = Rates(10, 20, clock, buckets)
    rates.spend("a", 20)
    with pytest.raises(RateLimitedError) as caught:
        rates.spend("a", 1)
    assert 1 == caught.value.retry_after_s
    clock.seconds += 1
    rates.spend("a", 10)
    with pytest.raises(RateLimitedError):
        rates.spend("a", 1)
    clock.seconds += 1_000
    rates.spend("a", 20)
    with pytest.raises(RateLimitedError):
        rates.spend("a", 1)


def test_a_refusal_says_when_there_will_be_enough(buckets: Buckets) -> None:
    clock = StillClock()
    rates = Rates(10, 100, clock, buckets)
    rates.spend("a", 100)
    with pytest.raises(RateLimitedError) as caught:
        rates.spend("a", 55)
    clock.seconds += caught.value.retry_after_s
    rates.spend("a", 55)


def test_a_refused_request_costs_nothing(buckets: Buckets) -> None:
    rates = Rates(1, 10, StillClock(), buckets)
    rates.spend("a", 5)
    for _ in range(100):
        with pytest.raises(RateLimitedError):
            rates.spend("a", 6)
    rates.spend("a", 5)


def test_one_client_does_not_spend_what_another_has(buckets: Buckets) -> None:
    rates = Rates(1, 10, StillClock(), buckets)
    rates.spend("a", 10)
    rates.spend("b", 10)


def test_a_request_above_the_burst_leaves_a_debt(buckets: Buckets) -> None:
    clock = StillClock()
    rates = Rates(10, 100, clock, buckets)
    rates.spend("a", 1_100)
    clock.seconds += 100
    with pytest.raises(RateLimitedError):
        rates.spend("a", 1)
    clock.seconds += 1
    rates.spend("a", 1)


def test_the_oldest_of_many_clients_is_forgotten_first() -> None:
    rates = Rates(1, 1, StillClock())
    rates.spend("kept", 1)
    for number in range(100_000):
        rates.spend(f"{number}", 1)
    rates.spend("kept", 1)
    with pytest.raises(RateLimitedError):
        rates.spend("99999", 1)
