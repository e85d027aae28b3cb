"""Opening a witness: what it makes, what it refuses to sign with, what it must know."""

import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.cases import in_one_test
from tests.support.witnessing import (
    NAME,
    histories,
    running_witness,
    witness_settings,
)
from tests.tlogverify.actors import COSIGNATURE, LOG, MLDSA44, OTHER_LOG, Actor
from tlog.errors import CorruptError, RejectedError
from tlog.signing import generate_key
from tlog.witness.opening import OpenWitness
from tlog.witness.settings import WitnessSettings
from tlogverify.errors import FormatError, TlogError
from tlogverify.keys import KeyType

ONE, TWO = histories(12, common=3)


async def open_and_close(settings: WitnessSettings) -> tuple[str, ...]:
    """Return the verifier keys of a witness that can be opened."""
    witness = OpenWitness(settings)
    keys = tuple(key.encode() for key in witness.verifier_keys)
    await witness.close()
    return keys


@pytest.fixture
async def used(tmp_path: Path) -> Path:
    """The folder of a stopped witness that has cosigned a head of 5 leaves."""
    folder = tmp_path / "w"
    async with running_witness(folder) as served:
        assert 200 == (await served.add(ONE.request(0, 5))).status
    return folder


async def test_the_first_start_makes_keys_that_only_the_owner_reads(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "deep" / "w"
    keys = await open_and_close(witness_settings(folder))
    assert "".join(f"{it}\n" for it in keys) == (folder / "witness.vkey").read_text()
    assert [f"{NAME}+"] * 2 == [it[: len(NAME) + 1] for it in keys]
    assert 0o700 == stat.S_IMODE((folder / "keys").stat().st_mode)
    files = list((folder / "keys").iterdir())
    assert {"witness.ed25519", "witness.mldsa44"} == {it.name for it in files}
    assert {0o600} == {stat.S_IMODE(it.stat().st_mode) for it in files}


async def test_its_name_and_keys_are_remembered(tmp_path: Path) -> None:
    settings = witness_settings(tmp_path / "w")
    first = await open_and_close(settings)
    assert first == await open_and_close(replace(settings, name=""))
    assert first == await open_and_close(settings)


def test_a_new_witness_needs_a_name_and_makes_nothing_without(tmp_path: Path) -> None:
    with pytest.raises(RejectedError, match="--name"):
        OpenWitness(witness_settings(tmp_path / "w", name=""))
    assert not (tmp_path / "w").exists()


async def test_two_processes_do_not_sign_with_one_folder(tmp_path: Path) -> None:
    settings = witness_settings(tmp_path / "w")
    witness = OpenWitness(settings)
    with pytest.raises(RejectedError, match="another process"):
        OpenWitness(settings)
    # And the refused one has not let go of the first one's lock.
    with pytest.raises(RejectedError, match="another process"):
        OpenWitness(settings)
    assert witness.claims()["lock_held"]
    await witness.close()
    await open_and_close(settings)


async def test_what_cannot_be_opened_lets_go_of_the_folder(used: Path) -> None:
    settings = witness_settings(used)
    with pytest.raises(RejectedError):
        OpenWitness(replace(settings, name="witness.example/other"))
    await open_and_close(settings)


def remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def other_key(
    name: str, key_type: KeyType, owner: str = NAME
) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "keys" / name
        path.unlink()
        generate_key(owner, key_type).write(path)

    return change


def lose_the_state(content: bytes | None) -> Callable[[Path], None]:
    """Remove the state, or leave `content` in its place."""

    def change(folder: Path) -> None:
        for file in folder.glob("state.db*"):
            file.unlink()
        if content is not None:
            (folder / "state.db").write_bytes(content)

    return change


def swap_keys(folder: Path) -> None:
    one, two = (folder / "keys" / f"witness.{it}" for it in ("ed25519", "mldsa44"))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)


HARM: list[tuple[str, Callable[[Path], object], type[TlogError]]] = [
    ("the state is lost", lose_the_state(None), CorruptError),
    ("the state is empty", lose_the_state(b""), CorruptError),
    ("the state is no database", lose_the_state(b"x" * 8192), CorruptError),
    ("the Ed25519 key is lost", remove("keys/witness.ed25519"), CorruptError),
    ("the ML-DSA key is lost", remove("keys/witness.mldsa44"), CorruptError),
    ("the verifier keys are lost", remove("witness.vkey"), TlogError),
    ("no verifier key is left", write("witness.vkey", b""), CorruptError),
    ("the verifier keys are none", write("witness.vkey", b"x\n"), FormatError),
    ("a key is none", write("keys/witness.ed25519", b"x\n"), FormatError),
    ("a key is empty", write("keys/witness.mldsa44", b""), FormatError),
    ("another Ed25519 key", other_key("witness.ed25519", COSIGNATURE), RejectedError),
    ("another ML-DSA key", other_key("witness.mldsa44", MLDSA44), RejectedError),
    (
        "a key of another name",
        other_key("witness.ed25519", COSIGNATURE, "witness.example/no"),
        RejectedError,
    ),
    (
        "a log's key",
        other_key("witness.ed25519", KeyType.ED25519),
        RejectedError,
    ),
    ("the keys are swapped", swap_keys, RejectedError),
    (
        "others can read a key",
        lambda folder: (folder / "keys/witness.ed25519").chmod(0o640),
        RejectedError,
    ),
]


@pytest.mark.parametrize("name", ["", NAME])
@pytest.mark.parametrize(
    ("harm", "error"), [it[1:] for it in HARM], ids=[it[0] for it in HARM]
)
async def test_a_folder_that_was_harmed_signs_nothing(
    used: Path, harm: Callable[[Path], object], error: type[TlogError], name: str
) -> None:
    harm(used)
    settings = witness_settings(used, name=name)
    for _ in range(2):
        # The second start must not find what the first one made.
        with pytest.raises(error):
            OpenWitness(settings)


async def test_a_key_that_was_not_used_for_a_while_is_not_made_anew(
    used: Path,
) -> None:
    settings = witness_settings(used)
    both = await open_and_close(settings)
    assert both[:1] == await open_and_close(replace(settings, keys="ed25519"))
    assert both == await open_and_close(settings)
    await open_and_close(replace(settings, keys="ed25519"))
    other_key("witness.mldsa44", MLDSA44)(used)
    with pytest.raises(RejectedError, match="not this witness's key"):
        OpenWitness(settings)
    (used / "keys" / "witness.mldsa44").unlink()
    with pytest.raises(CorruptError, match="has signed"):
        OpenWitness(settings)


async def test_a_second_key_type_can_be_added_later(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    (first,) = await open_and_close(witness_settings(folder, keys="mldsa44"))
    assert first in await open_and_close(witness_settings(folder, keys="both"))


def test_another_name_is_refused_before_any_key_is_made(tmp_path: Path) -> None:
    settings = witness_settings(tmp_path / "w", keys="ed25519")
    first = OpenWitness(settings)
    first._undo.close()
    with pytest.raises(RejectedError, match="one name"):
        OpenWitness(replace(settings, keys="both", name="witness.example/other"))
    with pytest.raises(RejectedError, match="one name"):
        OpenWitness(replace(settings, name="witness.example/other"))


def test_the_witness_does_not_cosign_for_its_own_name(tmp_path: Path) -> None:
    own = Actor(NAME, KeyType.ED25519, "own")
    with pytest.raises(RejectedError, match="the witness itself"):
        OpenWitness(witness_settings(tmp_path / "w", LOG, own))


async def test_what_was_cosigned_is_served_though_the_log_is_no_longer_told(
    used: Path,
) -> None:
    async with running_witness(used, OTHER_LOG) as served:
        assert 5 == await served.cosigned_size()
        assert 404 == (await served.add(ONE.request(5, 9))).status
    # And told again, it is not begun anew.
    async with running_witness(used) as served:
        assert 409 == (await served.add(TWO.request(0, 9))).status
        assert 200 == (await served.add(ONE.request(5, 9))).status


@in_one_test(
    "changes",
    [
        {"keys": "rsa"},
        {"keys": ""},
        {"name": "with space"},
        {"name": "a+b"},
        {"name": "x" * 256},
        {"listen": "nowhere"},
        {"prefix": "no-slash"},
        {"log": ("x",)},
        {"log": (Actor("log.example", COSIGNATURE).vkey.decode(),)},
        {"log": (LOG.vkey.decode(), LOG.vkey.decode())},
        {"log": (LOG.vkey.decode()[:-2] + "A=",)},
        {"log": ("\udcff",)},
        {"qpd": 0},
        {"qpd": 2**31},
        {"log_list_interval_s": 0},
        {"log_format": "xml"},
        {"log_level": "loud"},
    ],
    ids=str,
)
def test_a_setting_out_of_bounds_is_refused(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(FormatError):
        witness_settings(tmp_path / "w", **changes)
    assert not (tmp_path / "w").exists()


async def test_keys_without_a_memory_need_a_word(tmp_path: Path) -> None:
    """Keys copied out of a witness are a witness that has forgotten."""
    folder, copy = tmp_path / "w", tmp_path / "copy"
    keys = await open_and_close(witness_settings(folder))
    copy.mkdir()
    shutil.copytree(folder / "keys", copy / "keys")
    settings = witness_settings(copy)
    with pytest.raises(RejectedError, match="forgotten what it signed"):
        OpenWitness(settings)
    assert ["keys"] == [it.name for it in copy.iterdir()]
    assert keys == await open_and_close(replace(settings, unused_keys=True))
    assert keys == await open_and_close(settings)


@pytest.mark.parametrize("mark", ["format", "monitor.db"])
def test_the_folder_of_another_role_is_refused(tmp_path: Path, mark: str) -> None:
    (tmp_path / mark).touch()
    with pytest.raises(RejectedError, match="is the folder of a"):
        OpenWitness(witness_settings(tmp_path))
    assert [mark] == [it.name for it in tmp_path.iterdir()]
