"""Private keys: kept to their owner, never replaced, never shown."""

import base64
import hashlib
import stat
from pathlib import Path

import pytest

from tests.support.cases import in_one_test
from tlog.clock import SystemClock
from tlog.errors import RejectedError
from tlog.signing import HeadSigner, SigningKey, generate_key, read_key
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, SignatureError
from tlogverify.hashing import EMPTY_ROOT, to_hash
from tlogverify.keys import KeyType, VerifierKey
from tlogverify.note import parse_note
from tlogverify.signed import open_checkpoint, open_signed_checkpoint

NAME = "log.example/keys"
SEED = hashlib.sha256(b"a seed for tests").digest()
ROOT = to_hash(hashlib.sha256(b"a root").digest())
TIME_S = 1_790_000_000

each_type = pytest.mark.parametrize("key_type", list(KeyType), ids=str)
log_types = pytest.mark.parametrize(
    "key_type", [KeyType.ED25519, KeyType.MLDSA44], ids=str
)


class StillClock:
    """A clock that stands still."""

    def now_s(self) -> int:
        return TIME_S

    def monotonic_s(self) -> float:
        return 0.0


def key_line(
    name: str = NAME,
    key_type: int = 1,
    seed: bytes = SEED,
    key_id: str | None = None,
) -> str:
    """Return a key file by hand; the id is the right one unless told."""
    if key_id is None:
        key_id = SigningKey(name, KeyType(key_type), seed).verifier_key.key_id.hex()
    material = base64.b64encode(bytes([key_type]) + seed).decode()
    return f"PRIVATE+KEY+{name}+{key_id}+{material}\n"


def key_file(folder: Path, content: str | bytes, mode: int = 0o600) -> Path:
    file = folder / "key"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(mode)
    return file


@each_type
def test_a_written_key_is_its_owners_alone_and_reads_back(
    tmp_path: Path, key_type: KeyType
) -> None:
    file = tmp_path / "key"
    key = generate_key(NAME, key_type)
    key.write(file)
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert key.verifier_key == read_key(file).verifier_key
    assert [file] == list(tmp_path.iterdir())


@each_type
def test_a_key_file_has_the_form_that_other_tools_read(
    tmp_path: Path, key_type: KeyType
) -> None:
    file = tmp_path / "key"
    SigningKey(NAME, key_type, SEED).write(file)
    assert key_line(key_type=key_type) == file.read_text()


def test_two_generated_keys_differ() -> None:
    keys = {generate_key(NAME, KeyType.ED25519).verifier_key.key_id for _ in range(4)}
    assert 4 == len(keys)


def test_a_key_file_is_never_replaced(tmp_path: Path) -> None:
    file = key_file(tmp_path, "something that is there", 0o644)
    with pytest.raises(FileExistsError):
        generate_key(NAME, KeyType.ED25519).write(file)
    assert "something that is there" == file.read_text()
    assert [file] == list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o601, 0o644, 0o777])
def test_a_key_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    file = key_file(tmp_path, key_line(), mode)
    with pytest.raises(RejectedError) as caught:
        read_key(file)
    assert f"{file} must have mode 0600: chmod it" == str(caught.value)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_that_is_its_owners_alone_is_read(tmp_path: Path, mode: int) -> None:
    expected = SigningKey(NAME, KeyType.ED25519, SEED).verifier_key
    assert expected == read_key(key_file(tmp_path, key_line(), mode)).verifier_key


LINE = key_line()
MATERIAL = LINE.strip().rpartition("+")[2]

BROKEN = [
    pytest.param("", id="empty"),
    pytest.param("\n", id="blank"),
    pytest.param(LINE[1:], id="first byte lost"),
    pytest.param(LINE.lower(), id="lower case"),
    pytest.param(f" {LINE}", id="space before"),
    pytest.param(LINE + LINE, id="two keys"),
    pytest.param(LINE + "\n", id="two newlines"),
    pytest.param(LINE.replace("\n", "\r\n"), id="carriage return"),
    pytest.param("PRIVATE+KEY+", id="prefix alone"),
    pytest.param("PRIVATE+KEY+name", id="name alone"),
    pytest.param("PRIVATE+KEY+name+00000000", id="no material"),
    pytest.param("PRIVATE+KEY+name+00000000+", id="empty material"),
    pytest.param("PRIVATE+KEY+name+00000000+====", id="padding alone"),
    pytest.param(key_line(key_id="00000000"), id="another id"),
    pytest.param(LINE.replace(NAME, "other.example"), id="another name"),
    pytest.param(
        key_line(name="log.example").replace("+log", "+ log"), id="space in name"
    ),
    pytest.param(key_line(key_id="0" * 8, seed=SEED[:31]), id="short seed"),
    pytest.param(key_line(key_id="0" * 8, seed=SEED + b"x"), id="long seed"),
    pytest.param(
        key_line(key_id="0" * 8, key_type=6, seed=SEED[:31]), id="short ML-DSA seed"
    ),
    pytest.param(key_line(key_id="0" * 8, key_type=9), id="unknown type"),
    pytest.param(LINE.replace(MATERIAL, MATERIAL + "="), id="base64"),
    pytest.param(b"\xff" + LINE.encode(), id="not text"),
    pytest.param(LINE.encode().replace(b"log", b"l\xffg"), id="name is not text"),
    pytest.param("x" * 100_000, id="huge"),
]


@in_one_test("content", BROKEN)
def test_a_broken_key_file_is_refused_and_nothing_of_it_is_shown(
    tmp_path: Path, content: str | bytes
) -> None:
    file = key_file(tmp_path, content)
    with pytest.raises(FormatError) as caught:
        read_key(file)
    assert f"{file} is not a private key" == str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_no_text_of_a_key_shows_its_seed() -> None:
    for key_type in KeyType:
        key = SigningKey(NAME, key_type, SEED)
        signer = HeadSigner([key], StillClock())
        shown = repr(key) + str(key) + repr(signer) + repr(key.verifier_key)
        for secret in (SEED.hex(), MATERIAL, repr(SEED)[2:-1]):
            assert secret not in shown


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n", "a" * 256, "a\x00"])
def test_a_key_needs_a_name_that_can_stand_on_a_line(name: str) -> None:
    with pytest.raises(FormatError):
        generate_key(name, KeyType.ED25519)


@log_types
def test_a_signed_head_verifies_with_its_key_alone(key_type: KeyType) -> None:
    key = generate_key(NAME, key_type)
    note = HeadSigner([key], StillClock()).sign(7, ROOT)
    assert Checkpoint(NAME, 7, ROOT) == open_checkpoint(note, key.verifier_key)
    other = generate_key(NAME, key_type)
    with pytest.raises(SignatureError):
        open_checkpoint(note, other.verifier_key)


def test_a_head_of_two_keys_verifies_with_each_of_them() -> None:
    keys = [generate_key(NAME, it) for it in (KeyType.ED25519, KeyType.MLDSA44)]
    signer = HeadSigner(keys, StillClock())
    note = signer.sign(0, EMPTY_ROOT)
    assert (NAME, 2) == (signer.origin, len(parse_note(note).signatures))
    for key in keys:
        assert 0 == open_checkpoint(note, key.verifier_key).size
    signed = open_signed_checkpoint(note, signer.verifier_keys, ())
    assert [0, TIME_S] == [it.time_s for it in signed.signers]


@log_types
@pytest.mark.parametrize("at", [0, 20, 40, 60, -2])
def test_a_head_with_one_changed_byte_does_not_verify(
    key_type: KeyType, at: int
) -> None:
    key = SigningKey(NAME, key_type, SEED)
    note = bytearray(HeadSigner([key], StillClock()).sign(7, ROOT))
    note[at] ^= 1
    with pytest.raises((SignatureError, FormatError)):
        open_checkpoint(bytes(note), key.verifier_key)


def test_an_ed25519_head_is_the_same_every_time() -> None:
    key = SigningKey(NAME, KeyType.ED25519, SEED)
    later = HeadSigner([key], SystemClock()).sign(7, ROOT)
    assert later == HeadSigner([key], StillClock()).sign(7, ROOT)


def test_the_verifier_key_is_that_of_the_seed() -> None:
    key = SigningKey(NAME, KeyType.ED25519, SEED).verifier_key
    named = NAME.encode() + b"\n\x01" + key.public_bytes
    assert VerifierKey(NAME, KeyType.ED25519, key.public_bytes) == key
    assert hashlib.sha256(named).digest()[:4] == key.key_id
