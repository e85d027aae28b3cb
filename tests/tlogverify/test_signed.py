import pytest
from hypothesis import given

from tests.support.cases import case, in_one_test
from tests.tlogverify.actors import (
    COSIGNATURE,
    ED25519,
    HEAD,
    LOG,
    LOG_MLDSA,
    MLDSA44,
    ORIGIN,
    OTHER_LOG,
    STRANGER,
    TIME_S,
    WITNESS,
    WITNESS_MLDSA,
    Actor,
    Head,
    line,
    note,
    oddly,
)
from tests.tlogverify.refusal import flip
from tests.tlogverify.strategies import any_bytes, near_misses, thorough
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, SignatureError
from tlogverify.hashing import to_hash
from tlogverify.keys import KeyType, VerifierKey
from tlogverify.lines import MAX_SIZE
from tlogverify.signed import (
    Signer,
    cosignature_message,
    encode_timestamped,
    open_checkpoint,
    open_signed_checkpoint,
    signed_message,
    subtree_message,
)

CHECKPOINT = Checkpoint(ORIGIN, 7, to_hash(HEAD.root))
WITH_EXTENSION = Head(extensions=("an extension",))
LOG_KEYS = (LOG.key, LOG_MLDSA.key)
WITNESS_KEYS = (WITNESS.key, WITNESS_MLDSA.key)


def _signers(note_bytes: bytes) -> list[tuple[VerifierKey, int]]:
    signed = open_signed_checkpoint(note_bytes, LOG_KEYS, WITNESS_KEYS)
    return [(signer.key, signer.time_s) for signer in signed.signers]


# Messages


@in_one_test("time_s", [0, 1, TIME_S, MAX_SIZE])
@in_one_test("actor", [LOG, WITNESS, WITNESS_MLDSA])
def test_each_type_signs_its_message(actor: Actor, time_s: int) -> None:
    expected = actor.message(HEAD, time_s)
    assert expected == signed_message(actor.key, CHECKPOINT, time_s=time_s)


def test_an_ed25519_cosigner_signs_these_bytes() -> None:
    checkpoint = Checkpoint("o", 1, to_hash(b"\x00" * 32), ("x",))
    expected = b"cosignature/v1\ntime 5\no\n1\n" + b"A" * 43 + b"=\nx\n"
    assert expected == cosignature_message(checkpoint, time_s=5)


def test_an_ml_dsa_cosigner_signs_these_bytes() -> None:
    checkpoint = Checkpoint("or", 0x0203, to_hash(b"\x09" * 32))
    expected = (
        b"subtree/v1\n\x00"
        b"\x01w"
        b"\x00\x00\x00\x00\x00\x00\x01\x05"
        b"\x02or"
        b"\x00\x00\x00\x00\x00\x00\x00\x00"
        b"\x00\x00\x00\x00\x00\x00\x02\x03" + b"\x09" * 32
    )
    assert expected == subtree_message("w", checkpoint, time_s=0x0105)


def test_a_subtree_is_signed_without_a_time() -> None:
    message = subtree_message("w", CHECKPOINT, time_s=0, start=4)
    expected = bytes(7) + b"\x04" + bytes(7) + b"\x07"
    assert expected == message[-48:-32]
    with pytest.raises(FormatError, match="has time 0"):
        subtree_message("w", CHECKPOINT, time_s=1, start=4)


def test_an_ml_dsa_message_has_no_room_for_extensions() -> None:
    checkpoint = Checkpoint(ORIGIN, 7, to_hash(HEAD.root), ("x",))
    with pytest.raises(FormatError, match="does not cover extension lines"):
        subtree_message("w", checkpoint, time_s=1)


@pytest.mark.parametrize("name", ["", "a" * 256])
def test_an_ml_dsa_cosigner_has_a_name_of_1_to_255_bytes(name: str) -> None:
    with pytest.raises(FormatError):
        subtree_message(name, CHECKPOINT, time_s=1)


def test_a_timestamped_signature_starts_with_its_time() -> None:
    assert encode_timestamped(0x0102, b"s") == bytes(6) + b"\x01\x02s"


# Opening


@pytest.mark.parametrize("log", [LOG, LOG_MLDSA])
def test_a_note_that_the_log_signed_is_opened(log: Actor) -> None:
    opened = open_checkpoint(note(HEAD, log.line(HEAD)), *LOG_KEYS)
    assert opened == CHECKPOINT


@pytest.mark.parametrize("time_s", [0, 1, TIME_S, MAX_SIZE])
@pytest.mark.parametrize("actor", [WITNESS, WITNESS_MLDSA])
def test_a_cosignature_says_its_time(actor: Actor, time_s: int) -> None:
    signed = note(HEAD, LOG.line(HEAD), actor.line(HEAD, time_s))
    assert _signers(signed) == [(LOG.key, 0), (actor.key, time_s)]


def test_all_known_signers_are_returned_whatever_their_order() -> None:
    actors = [WITNESS_MLDSA, STRANGER, LOG_MLDSA, WITNESS, OTHER_LOG, LOG]
    signed = note(HEAD, *(actor.line(HEAD) for actor in actors))
    expected = [
        (LOG.key, 0),
        (LOG_MLDSA.key, TIME_S),
        (WITNESS.key, TIME_S),
        (WITNESS_MLDSA.key, TIME_S),
    ]
    assert expected == _signers(signed)


UNKNOWN = [
    "— other.example/x AAAAAAAAAAB=\n".encode(),
    oddly(STRANGER.line(HEAD)),
    oddly(OTHER_LOG.line(HEAD)),
]


@pytest.mark.parametrize("odd", UNKNOWN, ids=["short", "stranger", "other-log"])
@pytest.mark.parametrize("is_first", [True, False])
def test_an_unknown_keys_line_is_ignored_whatever_its_unused_bits(
    odd: bytes, is_first: bool
) -> None:
    """Source: C2SP signed-note, "Signatures": unknown keys MUST be ignored."""
    good = (LOG.line(HEAD), WITNESS.line(HEAD))
    signed = note(HEAD, *((odd, *good) if is_first else (*good, odd)))
    assert _signers(signed) == [(LOG.key, 0), (WITNESS.key, TIME_S)]


@pytest.mark.parametrize("actor", [LOG, LOG_MLDSA, WITNESS, WITNESS_MLDSA])
def test_a_known_keys_line_has_one_spelling(actor: Actor) -> None:
    lines = [it.line(HEAD) for it in (LOG, LOG_MLDSA, WITNESS, WITNESS_MLDSA)]
    of_actor = [LOG, LOG_MLDSA, WITNESS, WITNESS_MLDSA].index(actor)
    lines[of_actor] = oddly(lines[of_actor])
    with pytest.raises(FormatError, match="canonical base64"):
        _signers(note(HEAD, *lines))


@pytest.mark.parametrize("actor", [LOG, WITNESS])
def test_ed25519_covers_extension_lines(actor: Actor) -> None:
    lines = LOG.line(WITH_EXTENSION), WITNESS.line(WITH_EXTENSION)
    expected = [(LOG.key, 0), (WITNESS.key, TIME_S)]
    assert expected == _signers(note(WITH_EXTENSION, *lines))
    other = Head(extensions=("another extension",))
    signed = [LOG.line(other if actor is LOG else WITH_EXTENSION)]
    signed += [WITNESS.line(other if actor is WITNESS else WITH_EXTENSION)]
    with pytest.raises(SignatureError, match=f"wrong signature by {actor.name}"):
        _signers(note(WITH_EXTENSION, *signed))


def test_an_ml_dsa_signature_below_extension_lines_is_refused() -> None:
    lines = LOG.line(WITH_EXTENSION), WITNESS_MLDSA.line(HEAD)
    with pytest.raises(SignatureError, match="cannot have signed"):
        _signers(note(WITH_EXTENSION, *lines))


# Unknown keys


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(STRANGER.line(HEAD), id="unknown-key"),
        pytest.param(line(LOG.name, b"\x00" * 68), id="known-name-other-id"),
        pytest.param(line("x", LOG.key_id + b"\x00" * 64), id="known-id-other-name"),
        pytest.param(line(WITNESS.name, b"\x00" * 76), id="witness-name-other-id"),
        pytest.param(line("x", WITNESS.key_id + b"\x00" * 72), id="witness-id"),
        pytest.param(line("x", b"12345"), id="five-bytes"),
        pytest.param(line("x", b"12345") * 2, id="unknown-twice"),
        pytest.param(line("x", b"x" * 9000), id="long"),
    ],
)
def test_lines_by_unknown_keys_are_ignored(other: bytes) -> None:
    for lines in ([LOG.line(HEAD), other], [other, LOG.line(HEAD)]):
        assert _signers(note(HEAD, *lines)) == [(LOG.key, 0)]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([STRANGER.line(HEAD)], id="a-stranger"),
        pytest.param([WITNESS.line(HEAD), WITNESS_MLDSA.line(HEAD)], id="witnesses"),
        pytest.param(
            [line(LOG.name, b"\x00" * 4 + LOG.body(HEAD))], id="the-logs-name-other-id"
        ),
        pytest.param(
            [line("x", LOG.key_id + LOG.body(HEAD))], id="the-logs-id-other-name"
        ),
    ],
)
def test_a_note_that_the_log_did_not_sign_is_refused(lines: list[bytes]) -> None:
    with pytest.raises(SignatureError, match="no trusted log key of"):
        _signers(note(HEAD, *lines))


def test_a_note_is_refused_without_known_keys() -> None:
    with pytest.raises(SignatureError, match="no trusted log key of"):
        open_checkpoint(note(HEAD, LOG.line(HEAD)))


def test_16_signatures_of_the_longest_kind_are_opened() -> None:
    many = [Actor(f"w{at}.example", MLDSA44, "one seed") for at in range(16)]
    signed = note(HEAD, LOG.line(HEAD), *(actor.line(HEAD) for actor in many))
    opened = open_signed_checkpoint(signed, [LOG.key], [actor.key for actor in many])
    assert [Signer(actor.key, TIME_S) for actor in many] == list(opened.signers[1:])


# Origins


def test_a_log_cannot_vouch_for_the_origin_of_another() -> None:
    signed = note(HEAD, OTHER_LOG.line(HEAD))
    with pytest.raises(SignatureError, match="no trusted log key of"):
        open_checkpoint(signed, OTHER_LOG.key, LOG.key)


def test_a_log_cannot_vouch_under_the_name_of_another() -> None:
    forged = line(LOG.name, OTHER_LOG.key_id + OTHER_LOG.body(HEAD))
    with pytest.raises(SignatureError, match="no trusted log key of"):
        open_checkpoint(note(HEAD, forged), OTHER_LOG.key, LOG.key)


def test_another_log_may_sign_beside_the_origins_own() -> None:
    signed = note(HEAD, OTHER_LOG.line(HEAD), LOG.line(HEAD))
    assert open_checkpoint(signed, OTHER_LOG.key, LOG.key) == CHECKPOINT


def test_an_error_shows_no_character_that_a_terminal_obeys() -> None:
    head = Head(origin="\u009b2J\u202e\u2028log")
    with pytest.raises(SignatureError) as caught:
        open_checkpoint(note(head, STRANGER.line(head)), LOG.key)
    assert str(caught.value).isprintable()


# Failing signatures of known keys

OTHER_HEADS = [
    pytest.param(Head(origin=ORIGIN + "x"), id="origin"),
    pytest.param(Head(size=8), id="size"),
    pytest.param(Head(root=flip(HEAD.root)), id="root"),
]


@in_one_test("actor", [LOG, LOG_MLDSA, WITNESS, WITNESS_MLDSA])
@in_one_test("other", OTHER_HEADS)
def test_a_signature_of_another_head_is_refused(actor: Actor, other: Head) -> None:
    lines = [a.line(HEAD) for a in (LOG, WITNESS) if a != actor]
    with pytest.raises(SignatureError, match=f"wrong signature by {actor.name}"):
        _signers(note(HEAD, *lines, actor.line(other)))


@pytest.mark.parametrize("actor", [LOG_MLDSA, WITNESS, WITNESS_MLDSA])
def test_the_time_of_a_signature_is_signed(actor: Actor) -> None:
    body = actor.body(HEAD)
    later = line(actor.name, actor.key_id + flip(body[:8], 56) + body[8:])
    with pytest.raises(SignatureError, match=f"wrong signature by {actor.name}"):
        _signers(note(HEAD, LOG.line(HEAD), later))


@pytest.mark.parametrize("actor", [LOG_MLDSA, WITNESS, WITNESS_MLDSA])
@pytest.mark.parametrize("time_s", [MAX_SIZE + 1, 2**64 - 1])
def test_a_time_has_63_bits(actor: Actor, time_s: int) -> None:
    lines = LOG.line(HEAD), actor.line(HEAD, time_s)
    with pytest.raises(SignatureError, match=r"time of .* is out of bounds"):
        _signers(note(HEAD, *lines))


@pytest.mark.parametrize("actor", [LOG, LOG_MLDSA, WITNESS, WITNESS_MLDSA])
def test_a_signature_has_its_length(actor: Actor) -> None:
    for length in (1, 7, 8, 9, 63, 64, 65, 71, 73, 2420, 2427, 2429):
        with case(f"length {length}"):
            body = (actor.body(HEAD) + b"\x00" * 2400)[:length]
            lines = [] if actor is LOG else [LOG.line(HEAD)]
            if length == len(actor.body(HEAD)):
                body += b"\x00"
            with pytest.raises(
                SignatureError, match=f"wrong signature by {actor.name}"
            ):
                _signers(note(HEAD, *lines, line(actor.name, actor.key_id + body)))


@pytest.mark.parametrize("actor", [LOG, WITNESS])
def test_a_known_key_signs_once(actor: Actor) -> None:
    lines = [LOG.line(HEAD), WITNESS.line(HEAD)]
    for second in (actor.line(HEAD), line(actor.name, actor.key_id + b"s")):
        for order in ([*lines, second], [second, *lines]):
            with pytest.raises(SignatureError, match="is named on 2 lines"):
                _signers(note(HEAD, *order))


@pytest.mark.parametrize(
    ("signs_as", "shown_as"),
    [(ED25519, COSIGNATURE), (COSIGNATURE, ED25519)],
)
def test_a_signature_of_one_type_is_none_of_another(
    signs_as: KeyType, shown_as: KeyType
) -> None:
    # The same private key under both types: the messages keep them apart.
    signer, shown = (Actor("w", kind, "same") for kind in (signs_as, shown_as))
    body = signer.body(HEAD)
    forged = body[8:] if signer.key_type is COSIGNATURE else bytes(8) + body
    lines = LOG.line(HEAD), line("w", shown.key_id + forged)
    with pytest.raises(SignatureError, match="wrong signature by w"):
        open_signed_checkpoint(note(HEAD, *lines), [LOG.key], [shown.key])


@thorough
@given(any_bytes | near_misses(note(HEAD, LOG.line(HEAD), WITNESS.line(HEAD))))
def test_whatever_the_bytes_are_only_these_errors_come_out(note_bytes: bytes) -> None:
    try:
        signed = open_signed_checkpoint(note_bytes, LOG_KEYS, WITNESS_KEYS)
    except (FormatError, SignatureError):
        return
    assert signed.checkpoint == CHECKPOINT
    assert signed.signers[0] == (LOG.key, 0)
