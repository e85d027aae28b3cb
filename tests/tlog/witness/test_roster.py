"""Lists of logs: their grammar, and that they only ever add.

Source: witness-network `logs/v0`, C2SP tlog-list.
"""

import pytest

from tests.support.cases import in_one_test
from tests.tlogverify.actors import (
    COSIGNATURE,
    ED25519,
    LOG,
    LOG_MLDSA,
    OTHER_LOG,
    WITNESS,
    Actor,
)
from tlog.errors import RejectedError
from tlog.witness.roster import (
    MAX_LIST_BYTES,
    MAX_LIST_LINES,
    KnownLog,
    Roster,
    UnknownOriginError,
    parse_log_list,
    parse_logs,
)
from tlogverify.errors import FormatError


def entry(log: Actor, *, origin: str = "", qpd: str = "24") -> bytes:
    """Return one log's lines."""
    named = f"origin {origin}\n".encode() if origin else b""
    return b"vkey %s\n%sqpd %s\ncontact us\n" % (log.vkey, named, qpd.encode())


FIRST = b"logs/v0\n"
LISTED = KnownLog(LOG.name, (LOG.key,), 24)
GOOD = [
    ("no logs", FIRST, ()),
    ("no last newline", FIRST + entry(LOG)[:-1], (LISTED,)),
    ("one log", FIRST + entry(LOG), (LISTED,)),
    ("ML-DSA", FIRST + entry(LOG_MLDSA), (KnownLog(LOG.name, (LOG_MLDSA.key,), 24),)),
    (
        "two logs",
        FIRST + entry(LOG) + entry(OTHER_LOG, qpd="1"),
        (LISTED, KnownLog(OTHER_LOG.name, (OTHER_LOG.key,), 1)),
    ),
    (
        "an origin with spaces and a plus sign",
        FIRST + entry(LOG, origin="a log + more"),
        (KnownLog("a log + more", (LOG.key,), 24),),
    ),
    (
        "one key for two origins",
        FIRST + entry(LOG) + entry(LOG, origin="b"),
        (LISTED, KnownLog("b", (LOG.key,), 24)),
    ),
    (
        "comments and blank lines",
        b"# c\n\n \t\n" + FIRST + b"\n#\n" + entry(LOG).replace(b"\n", b"\n# x\n\n"),
        (LISTED,),
    ),
    (
        "spaces and tabs around",
        b" \tlogs/v0 \n" + entry(LOG).replace(b"\n", b"\t \n ").rstrip(b" "),
        (LISTED,),
    ),
    (
        "the largest qpd",
        FIRST + entry(LOG, qpd="2147483647"),
        (KnownLog(LOG.name, (LOG.key,), 2**31 - 1),),
    ),
    (
        "a contact of any bytes",
        FIRST + entry(LOG).replace(b"us", b"\xff\x00"),
        (LISTED,),
    ),
]


@pytest.mark.parametrize(
    ("text", "logs"), [it[1:] for it in GOOD], ids=[it[0] for it in GOOD]
)
def test_a_list_of_this_form_is_read(text: bytes, logs: tuple[KnownLog, ...]) -> None:
    found = parse_log_list(text)
    assert (logs, 0) == (found.logs, found.skipped)


LINES = entry(LOG, origin="o").splitlines(keepends=True)
VKEY, ORIGIN_LINE, QPD, CONTACT = LINES
TWO = FIRST + entry(OTHER_LOG)
ORDERS = [
    (VKEY,),
    (VKEY, QPD),
    (VKEY, CONTACT),
    (QPD, CONTACT),
    (ORIGIN_LINE, QPD, CONTACT),
    (VKEY, CONTACT, QPD),
    (QPD, VKEY, CONTACT),
    (ORIGIN_LINE, VKEY, QPD, CONTACT),
    (VKEY, QPD, ORIGIN_LINE, CONTACT),
    (VKEY, QPD, CONTACT, ORIGIN_LINE),
    *((*LINES[:at], line, *LINES[at:]) for at, line in enumerate(LINES)),
    (*LINES, CONTACT),
]
BAD = [
    b"",
    b"\n",
    b"# logs/v0\n",
    b"logs/v1\n",
    b"Logs/v0\n",
    b"logs/v0 x\n",
    b"logs/v0\r\n",
    b"\xef\xbb\xbflogs/v0\n",
    entry(LOG),
    entry(LOG) + FIRST,
    FIRST + FIRST,
    TWO + FIRST + entry(LOG),
    *(TWO + b"".join(it) for it in ORDERS),
    *(
        TWO + entry(LOG, qpd=it)
        for it in ("0", "-1", "+1", "01", "1.0", "1e3", "", "x", "1 2", "2147483648")
    ),
    TWO + entry(LOG).replace(b"\n", b"\r\n"),
    TWO + b"unknown x\n" + entry(LOG),
    TWO + entry(LOG) + b"unknown x\n",
    TWO + entry(LOG).replace(b"vkey ", b"vkey\t"),
    TWO + entry(LOG).replace(b"vkey ", b"VKEY "),
    TWO + entry(LOG).replace(b"vkey ", b"vkey"),
    TWO + entry(LOG).replace(b"qpd", b"origin \nqpd"),
    TWO + entry(LOG).replace(b"qpd", b"origin \xff\nqpd"),
    # Two logs share an origin.
    TWO + entry(OTHER_LOG),
    TWO + entry(LOG, origin=OTHER_LOG.name),
    FIRST + entry(LOG) + entry(LOG_MLDSA),
]


@in_one_test("text", BAD)
def test_a_list_of_another_form_is_refused_whole(text: bytes) -> None:
    with pytest.raises(FormatError):
        parse_log_list(text)


SKIPPED = [
    b"x",
    WITNESS.vkey,
    LOG.vkey[:-1],
    LOG.vkey.replace(b"+", b" ", 1),
    LOG.vkey.replace(LOG.key_id.hex().encode(), b"00000000"),
    b"log.example+00000000+AgAA",
    b"log.example+00000000+/w==",
    b"\xff+00000000+AQ==",
    Actor("log.example", COSIGNATURE).vkey,
]


@pytest.mark.parametrize("vkey", SKIPPED)
def test_a_key_that_is_not_understood_is_passed_over_with_its_log(vkey: bytes) -> None:
    newer = entry(LOG).replace(LOG.vkey, vkey)
    found = parse_log_list(TWO + newer)
    assert ([OTHER_LOG.name], 1) == ([it.origin for it in found.logs], found.skipped)


def test_an_error_names_where_the_log_begins() -> None:
    with pytest.raises(FormatError, match="line 5"):
        parse_log_list(TWO + entry(LOG, qpd="0"))


def test_a_list_above_the_bound_is_refused() -> None:
    with pytest.raises(FormatError, match="at most"):
        parse_log_list(FIRST + b"#" * MAX_LIST_BYTES)


def test_a_list_of_too_many_lines_is_refused() -> None:
    at_most = FIRST + b"\n" * (MAX_LIST_LINES - 1)
    assert () == parse_log_list(at_most).logs
    with pytest.raises(FormatError, match="lines"):
        parse_log_list(at_most + b"\n")


def test_a_large_list_is_read() -> None:
    many = [entry(LOG, origin=f"log {number}") for number in range(10_000)]
    assert 10_000 == len(parse_log_list(FIRST + b"".join(many)).logs)


OWN = "witness.example/own"


def known(origin: str, *keys: Actor, qpd: int = 5) -> KnownLog:
    return KnownLog(origin, tuple(it.key for it in keys or (LOG,)), qpd)


def test_a_roster_adds_and_never_changes() -> None:
    first, second = known("a"), known("b")
    roster = Roster([first], OWN)
    hostile = known("a", OTHER_LOG, qpd=1)
    assert [second] == roster.add_new([hostile, second])
    assert [] == roster.add_new([known("b", OTHER_LOG), known("a", qpd=9)])
    assert (first, second) == (roster.get("a"), roster.get("b"))
    assert 2 == len(roster)
    with pytest.raises(UnknownOriginError):
        roster.get("c")


def test_no_log_bears_the_witnesss_name() -> None:
    with pytest.raises(RejectedError, match="the witness itself"):
        Roster([known(OWN)], OWN)
    roster = Roster([known("a")], OWN)
    assert [] == roster.add_new([known(OWN)])
    with pytest.raises(UnknownOriginError):
        roster.get(OWN)


def test_a_key_of_the_witnesss_name_speaks_for_no_log() -> None:
    """Its line would bear the witness's own name in what is served."""
    own = Actor(OWN, ED25519, "a list's")
    roster = Roster([known("a")], OWN)
    assert [] == roster.add_new([known("b", own)])


def test_an_operators_keys_of_one_name_are_one_logs() -> None:
    vkeys = [it.vkey.decode() for it in (LOG, OTHER_LOG, LOG_MLDSA)]
    assert [
        KnownLog(LOG.name, (LOG.key, LOG_MLDSA.key), 7),
        KnownLog(OTHER_LOG.name, (OTHER_LOG.key,), 7),
    ] == parse_logs(vkeys, qpd=7)
    for bad in (WITNESS.vkey.decode(), LOG.vkey.decode() + " ", "", "\udc80"):
        with pytest.raises(FormatError):
            parse_logs([bad], qpd=7)
    with pytest.raises(FormatError, match="twice"):
        parse_logs([LOG.vkey.decode()] * 2, qpd=7)
