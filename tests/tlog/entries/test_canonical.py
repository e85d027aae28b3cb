"""Whatever spelling a sender chose, the leaf is RFC 8785 of the value.

The oracle is `rfc8785`, which shares no code with the project.
"""

from random import Random

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import (
    JsonObject,
    cbor_body,
    full_record,
    json_body,
    record,
)
from tests.tlog.entries.values import body_of, records, seeded, shuffled, thorough
from tlog.entries.provenance import canonical_record, digest_from_hex
from tlog.entries.submission import parse_cbor_submission, parse_json_submission
from tlogverify.record import parse_record, record_digests, require_record

few_records = st.lists(records(), min_size=1, max_size=3)


def oracle(values: list[JsonObject]) -> list[bytes]:
    return [rfc8785.dumps(value) for value in values]  # type: ignore[arg-type]  # JSON values all


@given(few_records, st.data())
@thorough
def test_every_json_spelling_gives_the_canonical_bytes(
    values: list[JsonObject], data: st.DataObject
) -> None:
    body = data.draw(body_of(values))
    assert oracle(values) == parse_json_submission(body)


@given(few_records, seeded)
@thorough
def test_cbor_gives_the_same_bytes_in_any_order(
    values: list[JsonObject], chance: Random
) -> None:
    reordered = [shuffled(chance, value) for value in values]
    assert oracle(values) == parse_cbor_submission(cbor_body(*reordered))


@given(records())
@thorough
def test_the_short_way_is_the_long_way(value: JsonObject) -> None:
    (canonical,) = oracle([value])
    # The canonical bytes go the short way; one space sends them the long way.
    short = parse_json_submission(b'{"entries":[' + canonical + b"]}")
    spaced = canonical.replace(b",", b", ", 1)
    long = parse_json_submission(b'{"entries":[' + spaced + b"]}")
    assert [canonical] == short == long
    assert canonical == canonical_record(value, digest_from_hex)


@given(records())
@thorough
def test_a_canonical_entry_is_what_the_verifier_takes(value: JsonObject) -> None:
    (canonical,) = oracle([value])
    require_record(canonical)
    assert canonical == parse_record(canonical).encode()


@given(records())
@thorough
def test_all_digests_of_an_entry_can_be_searched_for(value: JsonObject) -> None:
    def texts(item: object) -> list[str]:
        if isinstance(item, dict):
            inner = [(name, it) for name, it in item.items()]
            return [
                text
                for name, it in inner
                for text in ([it] if name.startswith("sha") else texts(it))
            ]
        return (
            [text for it in item for text in texts(it)]
            if isinstance(item, list)
            else []
        )

    (canonical,) = oracle([value])
    found = {digest.hex() for digest in record_digests(canonical)}
    assert set(texts(value)) == found


@pytest.mark.parametrize("subjects", [1, 2, 255, 256])
def test_records_of_every_size_are_taken(subjects: int) -> None:
    value = record("size", subjects=subjects)
    expected = oracle([value])
    assert expected == parse_json_submission(json_body(value))
    assert expected == parse_cbor_submission(cbor_body(value))


@pytest.mark.parametrize("predicate", ["a:b", "urn:" + "a" * 252, "x:,,,,", "x:%7f[]"])
def test_every_character_of_a_uri_is_taken(predicate: str) -> None:
    value = {**full_record(), "predicateType": predicate}
    expected = oracle([value])
    assert expected == parse_json_submission(json_body(value))
    assert expected == parse_cbor_submission(cbor_body(value))


def test_a_predicate_type_of_commas_is_taken_by_both_forms() -> None:
    values = [{**record(n), "predicateType": "x:" + "," * 254} for n in range(100)]
    expected = oracle(values)
    assert expected == parse_cbor_submission(cbor_body(*values))
    assert expected == parse_json_submission(json_body(*values))
