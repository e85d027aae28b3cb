import base64

import pytest
from hypothesis import given

from tests.support.cases import in_one_test
from tests.tlogverify.actors import HEAD, LOG, Actor, line
from tests.tlogverify.strategies import any_bytes, near_misses, thorough
from tlogverify.errors import FormatError
from tlogverify.note import (
    MAX_NOTE_BYTES,
    NoteSignature,
    parse_note,
    parse_signatures,
)

LINE = line("name", b"\x00\x01\x02\x03" + b"s" * 64)
TEXT = b"some text\n"
NOTE = TEXT + b"\n" + LINE


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(TEXT, id="one-line"),
        pytest.param(b"a\n\nb\n", id="blank-line-within"),
        pytest.param(b"a\n\n\n", id="blank-lines-behind"),
        pytest.param(b"\n", id="blank-line-alone"),
        pytest.param(b"a\n\n" + LINE, id="a-note-within"),
        pytest.param("é\u2028\u0085\x7f\n".encode(), id="unicode"),
    ],
)
def test_a_note_is_split_at_its_last_blank_line(text: bytes) -> None:
    note = parse_note(text + b"\n" + LINE)
    assert text == note.text
    assert note.signatures == (NoteSignature("name", b"\x00\x01\x02\x03", b"s" * 64),)
    assert text + b"\n" + LINE == note.encode()


@in_one_test(
    "note",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\n", id="newline"),
        pytest.param(b"\n\n", id="blank-line"),
        pytest.param(TEXT, id="text-alone"),
        pytest.param(LINE, id="signature-alone"),
        pytest.param(b"\n" + LINE, id="no-text"),
        pytest.param(TEXT + LINE, id="no-blank-line"),
        pytest.param(TEXT + b"\n", id="no-signature"),
        pytest.param(NOTE[:-1], id="no-final-newline"),
        pytest.param(NOTE + b"\n", id="blank-line-at-the-end"),
        pytest.param(NOTE + TEXT, id="text-behind"),
        pytest.param(NOTE.replace(b"\n", b"\r\n"), id="returns"),
        pytest.param(NOTE[:-1] + b"\r\n", id="return-at-the-end"),
        pytest.param(NOTE.replace(b" text", b"\ttext"), id="tab"),
        pytest.param(NOTE.replace(b" text", b"\x00text"), id="null"),
        pytest.param(NOTE.replace(b" text", b"\x1ftext"), id="control"),
        pytest.param(NOTE.replace(b" text", b"\xfftext"), id="not-utf-8"),
        pytest.param(NOTE.replace(b" text", b"\xed\xa0\x80"), id="surrogate"),
        pytest.param(NOTE.replace("— ".encode(), b"- "), id="hyphen"),
        pytest.param(NOTE.replace("— ".encode(), "– ".encode()), id="en-dash"),
        pytest.param(NOTE.replace("— ".encode(), "—".encode()), id="no-space"),
        pytest.param(NOTE.replace("— ".encode(), "—  ".encode()), id="two-spaces"),
        pytest.param(NOTE.replace("— ".encode(), " — ".encode()), id="space-first"),
        pytest.param(NOTE.replace("— ".encode(), "—\u00a0".encode()), id="no-break"),
        pytest.param(NOTE.replace(b"name ", b"name  "), id="two-spaces-behind-name"),
        pytest.param(NOTE.replace(b"name ", b" "), id="no-name"),
        pytest.param(NOTE.replace(b"name ", b"na me "), id="space-in-name"),
        pytest.param(NOTE.replace(b"name ", b"na+me "), id="plus-in-name"),
        pytest.param(
            NOTE.replace(b"name ", "na\u2003me ".encode()), id="em-space-in-name"
        ),
        pytest.param(NOTE[:-1] + b" \n", id="space-at-the-end"),
        pytest.param(NOTE[:-1] + b"=\n", id="much-padding"),
        pytest.param(NOTE[:-2] + b"\n", id="base64-cut"),
        pytest.param(TEXT + b"\n" + line("name", b""), id="no-key-id"),
        pytest.param(TEXT + b"\n" + line("name", b"1234"), id="no-signature-bytes"),
        pytest.param(TEXT + b"\n" + "— name AAAAAA\n".encode(), id="no-padding"),
        pytest.param(TEXT + b"\n" + "— name AAAA_A==\n".encode(), id="other-alphabet"),
        pytest.param(TEXT + b"\n" + "— name AAAA====\n".encode(), id="padding-alone"),
        pytest.param(b"a" * MAX_NOTE_BYTES + b"\n\n" + LINE, id="too-long"),
    ],
)
def test_another_form_is_no_note(note: bytes) -> None:
    with pytest.raises(FormatError):
        parse_note(note)


@pytest.mark.parametrize("count", [1, 16, 99, 100])
def test_a_note_has_up_to_100_signatures(count: int) -> None:
    note = parse_note(TEXT + b"\n" + LINE * count)
    assert count == len(note.signatures)


def test_more_than_100_signatures_are_refused() -> None:
    with pytest.raises(FormatError, match="1 to 100 signatures"):
        parse_note(TEXT + b"\n" + LINE * 101)


def test_the_largest_note_is_parsed() -> None:
    text = b"a" * (MAX_NOTE_BYTES - len(LINE) - 2) + b"\n"
    assert text == parse_note(text + b"\n" + LINE).text


def test_five_bytes_are_a_signature() -> None:
    note = parse_note(TEXT + b"\n" + line("name", b"12345"))
    assert note.signatures == (NoteSignature("name", b"1234", b"5"),)


@pytest.mark.parametrize(
    "spelled", ["AAAAAAB=", "AAAAAAC=", "AAAAAAAAAAB=", "AAAAAAAAAP=="]
)
def test_unused_bits_of_base64_are_kept_as_they_stand(spelled: str) -> None:
    """Whoever knows the key refuses the line; whoever does not must ignore it."""
    odd = f"— name {spelled}\n".encode()
    note = parse_note(TEXT + b"\n" + odd + LINE)
    assert [spelled, ""] == [it.spelled for it in note.signatures]
    assert base64.b64decode(spelled) == (
        note.signatures[0].key_id + note.signatures[0].signature
    )
    assert TEXT + b"\n" + odd + LINE == note.encode()


def test_signature_lines_parse_alone() -> None:
    signatures = parse_signatures(LINE + LOG.line(HEAD))
    assert ["name", LOG.name] == [signature.name for signature in signatures]
    with pytest.raises(FormatError, match="1 to 100 signatures"):
        parse_signatures(b"")


@pytest.mark.parametrize(
    ("name", "key_id", "expected"),
    [
        (LOG.name, LOG.key_id, True),
        (LOG.name, b"\x00\x00\x00\x00", False),
        ("other", LOG.key_id, False),
        (LOG.name.upper(), LOG.key_id, False),
    ],
)
def test_a_line_is_by_a_key_of_the_same_name_and_id(
    name: str, key_id: bytes, expected: bool
) -> None:
    signature = NoteSignature(name, key_id, b"s")
    assert expected == signature.is_by(LOG.key)


@pytest.mark.parametrize("actor", [LOG, Actor("日本.example", LOG.key_type)])
def test_a_signature_encodes_to_its_line(actor: Actor) -> None:
    signature = NoteSignature(actor.name, actor.key_id, actor.body(HEAD))
    assert actor.line(HEAD) == signature.encode()


@thorough
@given(any_bytes | near_misses(NOTE) | near_misses(TEXT + NOTE + LINE))
def test_whatever_parses_encodes_as_it_was(note: bytes) -> None:
    try:
        parsed = parse_note(note)
    except FormatError:
        return
    assert note == parsed.encode()
