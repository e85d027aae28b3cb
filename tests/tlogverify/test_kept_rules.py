"""Rules of entries that only the server asks for, and the verifier keeps."""

import hashlib

import pytest

from tests.tlogverify.documents import ENTRY
from tlogverify.bundles import MAX_ENTRY_BYTES
from tlogverify.errors import FormatError
from tlogverify.kinds import identity_key, issuer_key, name_key
from tlogverify.record import Record, Subject, end_of_record


def test_a_name_of_either_kind_has_its_key() -> None:
    assert identity_key("a@example.org") == name_key("identity", "a@example.org")
    assert issuer_key("https://a.example") == name_key("issuer", "https://a.example")
    assert name_key("identity", "a") != name_key("issuer", "a")


@pytest.mark.parametrize("before", [b"", b'{"entries":['])
@pytest.mark.parametrize("after", [b"", b"]}", b"," + ENTRY])
def test_a_record_ends_where_it_is_whole(before: bytes, after: bytes) -> None:
    start = len(before)
    assert start + len(ENTRY) == end_of_record(before + ENTRY + after, start)


@pytest.mark.parametrize("spelling", [b"", b" " + ENTRY, ENTRY[:-1], b"[]"])
def test_another_spelling_has_no_end(spelling: bytes) -> None:
    assert end_of_record(spelling, 0) is None


def test_a_record_that_no_entry_has_room_for_has_no_end() -> None:
    rest = b',"sha384":"%b","sha512":"%b"}' % (b"3" * 96, b"5" * 128)
    for count, has_room in ((200, True), (256, False)):
        subjects = b",".join(b'{"sha256":"%064x"' % nth + rest for nth in range(count))
        whole = (
            b'{"kind":"provenance","provenance":{"sha256":"%064x"},' % 0
            + b'"subject":['
            + subjects
            + b'],"version":1}'
        )
        assert has_room == (len(whole) <= MAX_ENTRY_BYTES)
        assert (len(whole) if has_room else None) == end_of_record(whole, 0)


def test_a_record_of_wrong_values_is_refused_where_it_ends() -> None:
    digests = [hashlib.sha256(bytes([it])).digest() for it in range(2)]
    whole = Record(tuple(map(Subject, sorted(digests))), digests[0]).encode()
    first, second = (it.hex().encode() for it in sorted(digests))
    swapped = whole.replace(first, b"_").replace(second, first).replace(b"_", second)
    with pytest.raises(FormatError, match="are sorted"):
        end_of_record(swapped, 0)
