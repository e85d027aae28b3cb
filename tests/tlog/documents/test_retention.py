"""The rules of retention: the longest time holds, and what nobody rules stays."""

import pytest

from tests.support.cases import case
from tlog.documents.facts import Facts, require_environment
from tlog.documents.retention import parse_rules, parse_time_span
from tlog.documents.tombstones import (
    DISPOSITION_TYPE,
    Disposition,
    Tombstone,
    disposition_digests,
    parse_time,
    show_time,
)
from tlogverify.errors import FormatError

DAY_S = 86_400
SLSA = "https://slsa.dev/provenance/v1"
HELD = bytes(31) + b"\7"

RULES = f"""
[[keep]]
predicate_type = "{SLSA}"
environment = "release"
keep = "7y"
cold_after = "90d"

[[keep]]
environment = "branch"
keep = "4w"

[[keep]]
predicate_type = "urn:forever"
keep = "forever"

[[keep]]
predicate_type = "{SLSA}"
keep = "1y"
cold_after = "2m"

[[hold]]
digest = "sha256:{HELD.hex()}"
reason = "case 17"
"""


def test_the_longest_of_a_documents_times_holds() -> None:
    rules = parse_rules("rules", RULES.encode())
    for types, environments, days, expected in (
        ((SLSA,), ("release",), 89, "keep"),
        ((SLSA,), ("release",), 90, "cold"),
        ((SLSA,), ("release",), 7 * 366 - 1, "cold"),
        ((SLSA,), ("release",), 7 * 366, "expire"),
        ((SLSA,), ("branch",), 27, "keep"),
        ((SLSA,), ("branch",), 28, "expire"),
        ((SLSA,), ("branch", "release"), 28, "keep"),
        ((SLSA,), (), 61, "keep"),
        ((SLSA,), (), 62, "cold"),
        ((SLSA,), (), 366, "expire"),
        ((SLSA, "urn:forever"), (), 9_999, "keep"),
        ((SLSA, ""), (), 9_999, "keep"),
        (("urn:other",), ("branch",), 28, "expire"),
        (("urn:other",), ("other",), 9_999, "keep"),
        ((), (), 9_999, "keep"),
        ((DISPOSITION_TYPE,), ("branch",), 9_999, "keep"),
    ):
        named = tuple((number, it) for number, it in enumerate(types))
        facts = Facts(1_000, 5, named, environments)
        now_s = 1_000 + days * DAY_S
        with case(f"{types} {environments} {days} days"):
            verdict = rules.judge(bytes(32), facts, is_cold=False, now_s=now_s)
            assert expected == verdict.action
            held = rules.judge(HELD, facts, is_cold=False, now_s=now_s)
            assert ("hold", "case 17") == held
            if expected == "cold":
                there = rules.judge(bytes(32), facts, is_cold=True, now_s=now_s)
                assert "keep" == there.action
    unknown = rules.judge(bytes(32), None, is_cold=False, now_s=1 << 40)
    assert "keep" == unknown.action


def test_a_file_that_breaks_a_rule_is_refused() -> None:
    for text in (
        b"keep = 1",
        b'keep = "7d"',
        b"[keep]\nkeep = '7d'",
        b"[[keep]]\n",
        b"[[keep]]\nkeep = 7",
        b"[[keep]]\nkeep = '7'",
        b"[[keep]]\nkeep = '0d'",
        b"[[keep]]\nkeep = '7 d'",
        b"[[keep]]\nkeep = '7d'\nother = 1",
        b"[[keep]]\nkeep = '7d'\ncold_after = 'soon'",
        b"[[keep]]\nkeep = '7d'\nenvironment = 'a b'",
        b"[[keep]]\nkeep = '7d'\npredicate_type = 1",
        b"[[hold]]\ndigest = 'sha256:00'\nreason = 'x'",
        b"[[hold]]\ndigest = 'sha256:" + b"0" * 64 + b"'",
        b"[[other]]\n",
        b"[[keep]",
        b"hold = [1]",
    ):
        with case(text.decode()), pytest.raises(FormatError):
            parse_rules("rules", text)
    assert 366 * DAY_S == parse_time_span("keep", "1y")


def test_what_is_known_of_a_document_is_joined_and_bounded() -> None:
    first = Facts(9, 5, ((1, "a"),), ("x",))
    second = Facts(7, 5, ((1, "a"), (2, "")), ("y", "x"))
    joined = first.joined(second)
    assert Facts(7, 5, ((1, "a"), (2, "")), ("x", "y")) == joined
    assert joined == Facts.parse(joined.encode())
    many = Facts(0, 5, tuple((n, "") for n in range(99)), tuple(map(str, range(99))))
    full = first.joined(many)
    assert (64, 16, (1, "a"), "x") == (
        len(full.named),
        len(full.environments),
        full.named[0],
        full.environments[0],
    )
    content = joined.encode()
    for broken in (
        b"",
        b"{}\n",
        b"[]\n",
        content[:-1],
        content.replace(b":5", b":5.0"),
        content.replace(b'"a"', b"1"),
        content.replace(b"{", b"{ ", 1),
        b"[" * 100_000,
    ):
        with case(broken[:40].decode()), pytest.raises(FormatError):
            Facts.parse(broken)
    for text in ("", "a b", "x" * 65, "a/b", "ä"):
        with pytest.raises(FormatError):
            require_environment(text)


def test_tombstones_and_dispositions_have_one_form() -> None:
    disposition = Disposition(
        "redacted", (bytes(32), HELD), "a reason", "2026-01-31T12:00:00Z"
    )
    stone = Tombstone(HELD, "expired", "a reason", "2026-01-31T12:00:00Z", 7, HELD)
    for value, parse in (
        (disposition.encode(), Disposition.parse),
        (stone.encode(), Tombstone.parse),
    ):
        assert value == parse(value).encode()
        for position in range(len(value)):
            changed = bytearray(value)
            changed[position] ^= 1
            # Another value may be one too: but never the same one in another form.
            try:
                assert bytes(changed) == parse(bytes(changed)).encode()
            except FormatError:
                continue
        for broken in (
            b"",
            b"[]",
            value + b" ",
            value[:-1],
            value.replace(b":", b": "),
        ):
            with pytest.raises(FormatError):
                parse(broken)
    for digests in ((), (HELD, bytes(32)), (HELD, HELD), (bytes(32),) * 257):
        with pytest.raises(FormatError):
            Disposition("redacted", digests, "a reason", "2026-01-31T12:00:00Z")
    for when in ("2026-01-31", "2026-13-31T12:00:00Z", "2026-01-31T12:00:00+00:00"):
        with pytest.raises(FormatError):
            Tombstone(HELD, "expired", "a reason", when, 7, HELD)
    many = [number.to_bytes(32, "big") for number in range(600)]
    assert [256, 256, 88] == [len(it) for it in disposition_digests(many * 2)]
    assert 1_769_860_800 == parse_time("2026-01-31T12:00:00Z")
    assert "2026-01-31T12:00:00Z" == show_time(1_769_860_800)
