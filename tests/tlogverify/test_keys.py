import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import in_one_test
from tests.tlogverify.actors import (
    COSIGNATURE,
    ED25519,
    LOG,
    LOG_MLDSA,
    MLDSA44,
    WITNESS,
    WITNESS_MLDSA,
    Actor,
)
from tests.tlogverify.refusal import flip
from tests.tlogverify.strategies import any_bytes, near_misses, thorough
from tlogverify.errors import FormatError, SignatureError
from tlogverify.keys import KeyType, VerifierKey, parse_verifier_key

EXAMPLE = b"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_SIGNATURE = base64.b64decode(
    b"Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1"
    b"Yu72IneyaQM="
)
EXAMPLE_TEXT = b"This is an example message.\n"
ACTORS = [LOG, LOG_MLDSA, WITNESS, WITNESS_MLDSA]
BAD_NAMES = [
    pytest.param("", id="empty"),
    pytest.param("a b", id="space"),
    pytest.param("a+b", id="plus"),
    pytest.param("a\tb", id="tab"),
    pytest.param("a\nb", id="newline"),
    pytest.param("a\rb", id="return"),
    pytest.param("a\x00b", id="null"),
    pytest.param("a\x1bb", id="escape"),
    pytest.param("a\u00a0b", id="no-break-space"),
    pytest.param("a\u0085b", id="next-line"),
    pytest.param("a\u2028b", id="line-separator"),
    pytest.param("a\u3000b", id="ideographic-space"),
    pytest.param("a\ud800b", id="surrogate"),
    pytest.param("a" * 256, id="256-bytes"),
    pytest.param("é" * 128, id="128-characters-of-two-bytes"),
]


def _line(name: str, key_type: int, public: bytes, key_id: str | None = None) -> bytes:
    material = bytes([key_type]) + public
    own = hashlib.sha256(f"{name}\n".encode() + material).hexdigest()[:8]
    return f"{name}+{key_id or own}+{base64.b64encode(material).decode()}".encode()


def test_the_example_of_the_specification_verifies() -> None:
    key = parse_verifier_key(EXAMPLE)
    assert (key.name, key.key_type) == ("example.com/foo", ED25519)
    assert EXAMPLE.decode() == key.encode()
    assert key.key_id == EXAMPLE_SIGNATURE[:4]
    key.verify(EXAMPLE_TEXT, EXAMPLE_SIGNATURE[4:])


@pytest.mark.parametrize("actor", ACTORS)
def test_a_key_has_one_line(actor: Actor) -> None:
    key = parse_verifier_key(actor.vkey)
    assert key == actor.key
    assert actor.vkey.decode() == key.encode()
    assert actor.key_id == key.key_id


def test_a_key_may_hold_plus_signs_in_its_base64() -> None:
    line = _line("name", ED25519, b"\x00\x00" + b"\xfb\xef\xbe" * 10)
    assert line.count(b"+") == 42
    assert line.decode() == parse_verifier_key(line).encode()


@pytest.mark.parametrize("name", ["a", "é" * 127, "a" * 255, "a\x7f", "日本.example/—"])
def test_a_name_has_1_to_255_bytes_of_utf_8(name: str) -> None:
    line = _line(name, ED25519, LOG.public_bytes)
    assert name == parse_verifier_key(line).name


@in_one_test("name", BAD_NAMES)
def test_a_name_with_a_space_a_plus_or_a_control_is_refused(name: str) -> None:
    with pytest.raises(FormatError, match="a key name has"):
        VerifierKey(name, ED25519, LOG.public_bytes)


@in_one_test(
    "line",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"example.com", id="name-alone"),
        pytest.param(EXAMPLE.rpartition(b"+")[0], id="no-key"),
        pytest.param(EXAMPLE.replace(b"530d903a", b"530D903A"), id="upper-case-id"),
        pytest.param(EXAMPLE.replace(b"530d903a", b"530d903b"), id="another-id"),
        pytest.param(EXAMPLE.replace(b"530d903a", b"530d903"), id="short-id"),
        pytest.param(EXAMPLE.replace(b"530d903a", b"0530d903a"), id="long-id"),
        pytest.param(EXAMPLE.replace(b"530d903a", b""), id="no-id"),
        pytest.param(EXAMPLE.replace(b"530d903a", b"530d903\n"), id="newline-in-id"),
        pytest.param(EXAMPLE.replace(b".com", b".org"), id="another-name"),
        pytest.param(EXAMPLE.replace(b"example", b"exa\xffmple"), id="name-not-utf-8"),
        pytest.param(EXAMPLE.replace(b"/", b" "), id="space-in-name"),
        pytest.param(b"+" + EXAMPLE.partition(b"+")[2], id="no-name"),
        pytest.param(EXAMPLE[:-1], id="base64-cut"),
        pytest.param(EXAMPLE + b"=", id="base64-padded"),
        pytest.param(EXAMPLE + b"\n", id="newline"),
        pytest.param(EXAMPLE + b" ", id="space"),
        pytest.param(EXAMPLE[:-44], id="no-material"),
        pytest.param(_line("n", ED25519, b""), id="type-alone"),
        pytest.param(_line("n", ED25519, b"x" * 31), id="31-bytes"),
        pytest.param(_line("n", ED25519, b"x" * 33), id="33-bytes"),
        pytest.param(_line("n", COSIGNATURE, b"x" * 1312), id="long-cosigner"),
        pytest.param(_line("n", MLDSA44, b"x" * 32), id="short-ml-dsa"),
        pytest.param(_line("n", MLDSA44, b"x" * 1313), id="1313-bytes"),
        pytest.param(_line("n", 0x00, b"x" * 32), id="type-00"),
        pytest.param(_line("n", 0x02, b"x" * 32), id="type-02"),
        pytest.param(_line("n", 0x03, b"x" * 32), id="type-03"),
        pytest.param(_line("n", 0x05, b"x" * 32), id="type-05"),
        pytest.param(_line("n", 0xFF, b"x" * 32), id="type-ff"),
        pytest.param(_line("n", 0x01, b"x" * 32, "00000000"), id="id-of-nothing"),
        pytest.param(
            _line("n", 0x04, b"x" * 32, _line("n", 1, b"x" * 32)[2:10].decode()),
            id="id-of-the-other-type",
        ),
    ],
)
def test_another_line_is_no_key(line: bytes) -> None:
    with pytest.raises(FormatError):
        parse_verifier_key(line)


@pytest.mark.parametrize("actor", [LOG, LOG_MLDSA])
def test_a_signature_with_one_change_is_refused(actor: Actor) -> None:
    signature = actor.sign(b"message")
    actor.key.verify(b"message", signature)
    for message, changed in [
        (b"messagf", signature),
        (b"message\n", signature),
        (b"", signature),
        (b"message", flip(signature)),
        (b"message", flip(signature, -1)),
        (b"message", signature[:-1]),
        (b"message", signature + b"\x00"),
        (b"message", b""),
    ]:
        with pytest.raises(SignatureError, match=actor.name):
            actor.key.verify(message, changed)


@pytest.mark.parametrize("actor", [LOG, LOG_MLDSA])
def test_another_key_did_not_sign(actor: Actor) -> None:
    signature = actor.sign(b"message")
    other = Actor(actor.name, actor.key_type, "another seed")
    with pytest.raises(SignatureError):
        other.key.verify(b"message", signature)


@pytest.mark.parametrize("key_type", list(KeyType))
def test_bytes_that_are_no_point_verify_nothing(key_type: KeyType) -> None:
    length = 1312 if key_type is MLDSA44 else 32
    key = VerifierKey("n", key_type, b"\xff" * length)
    with pytest.raises(SignatureError):
        key.verify(b"message", b"\x00" * (2420 if key_type is MLDSA44 else 64))


@thorough
@given(any_bytes | near_misses(EXAMPLE) | near_misses(WITNESS_MLDSA.vkey))
def test_whatever_parses_encodes_as_it_was(line: bytes) -> None:
    try:
        key = parse_verifier_key(line)
    except FormatError:
        return
    assert line == key.encode().encode()


@thorough
@given(st.text(), st.binary(min_size=32, max_size=32))
def test_whatever_encodes_parses(name: str, public_bytes: bytes) -> None:
    try:
        key = VerifierKey(name, ED25519, public_bytes)
    except FormatError:
        return
    assert key == parse_verifier_key(key.encode().encode())
