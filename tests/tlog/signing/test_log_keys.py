"""A log's keys over its life: made once, kept, and joined by a second one."""

import stat
from pathlib import Path

import pytest

from tests.support.http import ask, post
from tests.support.records import json_body, record, records
from tests.support.running import ORIGIN, published, running_log
from tlog.errors import CorruptError, RejectedError
from tlog.log.life import Log
from tlogverify import Policy, parse_verifier_key
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import SignatureError
from tlogverify.keys import KeyType, VerifierKey
from tlogverify.note import parse_note
from tlogverify.signed import open_checkpoint, open_signed_checkpoint


def signed_by(log: Log, note: bytes) -> list[KeyType]:
    """Return the types of the keys that signed, all verified."""
    keys = log.keys
    signed = open_signed_checkpoint(note, keys, ())
    assert len(parse_note(note).signatures) == len(signed.signers)
    return [signer.key.key_type for signer in signed.signers]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def public_head(url: str, *keys: VerifierKey) -> Checkpoint:
    return open_checkpoint((await ask(url, "/checkpoint")).body, *keys)


async def test_the_first_start_makes_keys_that_only_their_owner_reads(
    tmp_path: Path,
) -> None:
    async with running_log(tmp_path, mldsa44=True) as (_, log):
        assert [KeyType.ED25519, KeyType.MLDSA44] == [key.key_type for key in log.keys]
    assert 0o700 == stat.S_IMODE((tmp_path / "keys").stat().st_mode)
    files = names(tmp_path / "keys")
    assert ["log.ed25519", "log.mldsa44"] == files
    for name in files:
        assert 0o600 == stat.S_IMODE((tmp_path / "keys" / name).stat().st_mode)


async def test_the_next_start_has_the_same_keys_and_needs_no_origin(
    tmp_path: Path,
) -> None:
    async with running_log(tmp_path) as (_, log):
        first = log.keys
    vkeys = (tmp_path / "log.vkey").read_bytes().split(b"\n")[:-1]
    assert first == tuple(parse_verifier_key(vkey) for vkey in vkeys)
    async with running_log(tmp_path, origin="") as (_, log):
        assert (ORIGIN, first) == (log.standing.origin, log.keys)


async def test_an_existing_log_is_signed_again_when_a_second_key_is_switched_on(
    tmp_path: Path,
) -> None:
    async with running_log(tmp_path) as (url, log):
        await post(url, json_body(*records(0, 300)))
        (ed25519,) = log.keys
        old_policy = Policy.parse(log.standing.policy.encode())
        before = open_checkpoint(log.heads.signed.note, ed25519)
        assert [KeyType.ED25519] == signed_by(log, log.heads.signed.note)
    async with running_log(tmp_path, mldsa44=True) as (url, log):
        await published(log)
        assert ed25519 == log.keys[0]
        both = [KeyType.ED25519, KeyType.MLDSA44]
        # The same head under both keys, at once and before any entry.
        assert both == signed_by(log, log.heads.signed.note)
        for key in log.keys:
            assert before == await public_head(url, key)
        assert before == old_policy.open_checkpoint(log.heads.signed.note).checkpoint
        answer = await post(url, json_body(record("after")))
        note = answer.json()["checkpoint"].encode()
        assert both == signed_by(log, note)
        for key in log.keys:
            assert 301 == open_checkpoint(note, key).size
        told = (await ask(url, "/api/v1/log")).json()
        assert 2 == len(told["verifier_keys"])
        policy = Policy.parse(told["policy"].encode())
        assert log.keys == tuple(it.key for it in policy.logs)


async def test_a_second_key_that_is_switched_off_signs_no_more(tmp_path: Path) -> None:
    async with running_log(tmp_path, mldsa44=True) as (url, log):
        await post(url, json_body(record(1)))
        ed25519, mldsa44 = log.keys
    async with running_log(tmp_path) as (_, log):
        assert [KeyType.ED25519] == signed_by(log, log.heads.signed.note)
        assert 1 == open_checkpoint(log.heads.signed.note, ed25519).size
        with pytest.raises(SignatureError):
            open_checkpoint(log.heads.signed.note, mldsa44)
    async with running_log(tmp_path, mldsa44=True) as (_, log):
        assert (ed25519, mldsa44) == log.keys


async def test_another_origin_is_refused(tmp_path: Path) -> None:
    async with running_log(tmp_path):
        pass
    told = "the log in this folder is .*, and an origin never changes"
    with pytest.raises(RejectedError, match=told):
        async with running_log(tmp_path, origin="other.example"):
            pass


async def test_a_new_log_needs_an_origin(tmp_path: Path) -> None:
    with pytest.raises(RejectedError, match="a new log needs --origin"):
        async with running_log(tmp_path, origin=""):
            pass
    assert [] == names(tmp_path)


async def test_a_lost_key_is_not_made_anew(tmp_path: Path) -> None:
    async with running_log(tmp_path):
        pass
    (tmp_path / "keys" / "log.ed25519").unlink()
    with pytest.raises(CorruptError, match="is missing"):
        async with running_log(tmp_path):
            pass
    assert [] == names(tmp_path / "keys")


async def test_a_key_that_others_may_read_stops_the_start(tmp_path: Path) -> None:
    async with running_log(tmp_path):
        pass
    (tmp_path / "keys" / "log.ed25519").chmod(0o640)
    with pytest.raises(RejectedError, match="must have mode 0600"):
        async with running_log(tmp_path):
            pass
