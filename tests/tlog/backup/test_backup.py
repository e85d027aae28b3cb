"""A copy made while its log runs, and a log made from the copy."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from tests.support.cases import case
from tests.support.cosigned import (
    LOG_ACTOR,
    NOWHERE,
    cosigned_log,
    policy_of,
    shown,
    some_witnesses,
    submit,
)
from tests.support.running import published, running_log
from tlog.backup.restoring import Asking, Restored, UnheardError, restore
from tlog.backup.running import Backed, back_up
from tlog.backup.source import read_source
from tlog.errors import CorruptError, RejectedError
from tlog.fsck.check import Verdict, check_folder
from tlogverify.errors import TlogError

ALONE = Asking(has_none=True)


def run(log: Path, place: Path) -> Backed:
    return back_up(log, place, lambda done, total: None)


def put_back(place: Path, to: Path, asking: Asking = ALONE) -> Restored:
    return restore(place, to, asking, lambda done, total: None)


def verdict(folder: Path) -> Verdict:
    return check_folder(folder, lambda done, total: None, tree_only=False)


def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    return tmp_path / "log", tmp_path / "place", tmp_path / "restored"


async def test_a_copy_of_each_size_becomes_the_log_that_it_was_made_of(
    tmp_path: Path,
) -> None:
    log, place, to = places(tmp_path)
    async with running_log(log) as (url, running):
        at, signed = 0, running.heads.signed
        for size in (0, 1, 2, 255, 256, 257, 511, 512, 700):
            with case(f"size {size}"):
                if size > at:
                    assert 201 == (await submit(url, range(at, size))).status
                signed = running.heads.signed
                done = await asyncio.to_thread(run, log, place)
                assert (size, at, signed.root) == (
                    done.head.size,
                    done.before,
                    done.head.root,
                )
                assert -(-size // 256) - at // 256 == done.written or size == at
                again = await asyncio.to_thread(run, log, place)
                assert (size, size, 0) == (
                    again.head.size,
                    again.before,
                    again.written,
                )
                await asyncio.to_thread(put_back, place, to)
                found = await asyncio.to_thread(verdict, to)
                assert (size, size) == (found.signed_size, found.indexed_size)
                assert signed.note == (to / "public/checkpoint").read_bytes()
                shutil.rmtree(to)
                at = size
    await asyncio.to_thread(put_back, place, to)
    async with running_log(to) as (url, running):
        assert (700, signed.note) == (running.heads.signed.size, signed.note)
        assert 200 == (await submit(url, [3, 699])).status
        assert 201 == (await submit(url, [700])).status


async def test_what_the_log_does_after_it_was_read_changes_no_copy(
    tmp_path: Path,
) -> None:
    """The incomplete files that were there go away as the log grows."""
    log = tmp_path / "log"
    async with running_log(log) as (url, running):
        await submit(url, range(200))
        await published(running)
        source = await asyncio.to_thread(read_source, log)
        expected = source.bundle(0)
        await submit(url, range(200, 700))
        await published(running)
        assert not (log / "public/tile/entries/000.p").exists()
        assert (200, expected) == (source.head.size, source.bundle(0))


async def test_a_log_that_is_behind_its_copy_or_another_changes_nothing(
    tmp_path: Path,
) -> None:
    log, place, _ = places(tmp_path)
    async with running_log(log) as (url, _running):
        await submit(url, range(300))
    older, other = tmp_path / "older", tmp_path / "other"
    shutil.copytree(log, older)
    shutil.copytree(log, other)
    async with running_log(log) as (url, _running):
        await submit(url, range(300, 400))
    await asyncio.to_thread(run, log, place)
    held = (place / "copy.json").read_bytes()
    with pytest.raises(CorruptError, match="rolled back"):
        await asyncio.to_thread(run, older, place)
    async with running_log(other) as (url, _running):
        await submit(url, range(300, 500), salt="other")
    with pytest.raises(CorruptError, match="not those that its copy has"):
        await asyncio.to_thread(run, other, place)
    foreign = tmp_path / "foreign"
    async with running_log(foreign, origin="log.example/foreign"):
        pass
    with pytest.raises(RejectedError, match="another log"):
        await asyncio.to_thread(run, foreign, place)
    with pytest.raises(RejectedError, match="something else"):
        await asyncio.to_thread(run, log, other)
    with pytest.raises(RejectedError, match="not a log's folder"):
        await asyncio.to_thread(run, tmp_path, place)
    assert held == (place / "copy.json").read_bytes()


async def test_entries_that_do_not_lead_to_the_head_are_no_copy(tmp_path: Path) -> None:
    log, place, to = places(tmp_path)
    async with running_log(log) as (url, _):
        await submit(url, range(300))
    bundle = log / "public/tile/entries/000"
    whole = bundle.read_bytes()
    bundle.write_bytes(whole.replace(b'"version":1', b'"version":2', 1))
    with pytest.raises(CorruptError, match="do not lead"):
        await asyncio.to_thread(run, log, place)
    with pytest.raises(RejectedError, match="holds no copy"):
        await asyncio.to_thread(put_back, place, to)
    bundle.write_bytes(whole)
    assert 300 == (await asyncio.to_thread(run, log, place)).head.size
    copied = place / "tile/entries/000"
    copied.write_bytes(whole.replace(b'"version":1', b'"version":2', 1))
    with pytest.raises(CorruptError, match="do not lead"):
        await asyncio.to_thread(put_back, place, to)
    copied.unlink()
    with pytest.raises(CorruptError, match="missing"):
        await asyncio.to_thread(put_back, place, to)
    copied.write_bytes(whole)
    assert 300 == (await asyncio.to_thread(put_back, place, to)).head.size
    with pytest.raises(RejectedError, match="is a log already"):
        await asyncio.to_thread(put_back, place, to)


async def test_a_redacted_document_leaves_the_copy_and_a_changed_one_is_not_copied(
    tmp_path: Path,
) -> None:
    log, place, to = places(tmp_path)
    async with running_log(log) as (url, _):
        await submit(url, [1])
    kept = log / "documents"
    digest = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
    stored, name = kept / "stored/2c" / digest, f"documents/stored/2c/{digest}"
    stored.parent.mkdir(parents=True)
    (kept / "documents.format").write_text("1\n")
    stored.write_text("foo")
    done = await asyncio.to_thread(run, log, place)
    assert (1, ()) == (done.documents, done.damaged)
    await asyncio.to_thread(put_back, place, to)
    assert "foo" == (to / name).read_text()
    tomb = kept / "tombs/2c" / f"{digest}.json"
    tomb.parent.mkdir(parents=True)
    tomb.write_text("{}")
    stored.unlink()
    await asyncio.to_thread(run, log, place)
    assert not (place / name).exists()
    assert (place / f"documents/tombs/2c/{digest}.json").exists()
    tomb.unlink()
    (place / f"documents/tombs/2c/{digest}.json").unlink()
    stored.write_text("bar")
    done = await asyncio.to_thread(run, log, place)
    assert (0, (f"sha256:{digest}",)) == (done.documents, done.damaged)
    assert not (place / name).exists()


async def test_witnesses_that_have_seen_no_more_let_the_log_write(
    tmp_path: Path,
) -> None:
    log, place, to = places(tmp_path)
    async with some_witnesses(tmp_path, 2) as witnesses:
        policy = policy_of(witnesses, 2)
        async with cosigned_log(log, policy) as (url, running):
            await submit(url, range(300))
            await shown(running, 300, 2)
            await asyncio.to_thread(run, log, place)
        done = await asyncio.to_thread(put_back, place, to, Asking())
        assert (["w0", "w1"], []) == (done.heard.agreed, done.heard.against)
        await asyncio.to_thread(verdict, to)
        async with cosigned_log(to, policy) as (url, running):
            assert 201 == (await submit(url, [300])).status
            await shown(running, 301, 2)


async def test_a_copy_behind_what_one_witness_saw_stays_read_only(
    tmp_path: Path,
) -> None:
    log, place, to = places(tmp_path)
    async with some_witnesses(tmp_path, 2) as witnesses:
        policy = policy_of(witnesses, 1)
        async with cosigned_log(log, policy) as (url, running):
            await submit(url, range(300))
            await shown(running, 300, 2)
            await asyncio.to_thread(run, log, place)
            await submit(url, [300])
            await shown(running, 301, 2)
        done = await asyncio.to_thread(put_back, place, to, Asking())
        assert {("w0", 301), ("w1", 301)} == {
            (it.witness, it.size) for it in done.heard.against
        }
        kept = (to / "contradictions").read_text().splitlines()
        assert {"w0", "w1"} == {json.loads(line)["witness"] for line in kept}
        # Not even a start that forgets the witnesses writes.
        async with running_log(to, origin=LOG_ACTOR.name) as (url, running):
            assert 300 == running.heads.signed.size
            answer = await submit(url, [301])
            assert "rolled-back" == json.loads(answer.body)["type"]


async def test_a_witness_that_is_not_heard_leaves_no_log(tmp_path: Path) -> None:
    log, place, to = places(tmp_path)
    async with some_witnesses(tmp_path, 2) as witnesses:
        policy = policy_of(witnesses, 1, w1=NOWHERE)
        async with cosigned_log(log, policy) as (url, running):
            await submit(url, range(3))
            await shown(running, 3, 1)
            await asyncio.to_thread(run, log, place)
        with pytest.raises(UnheardError, match="w1"):
            await asyncio.to_thread(put_back, place, to, Asking())
        with pytest.raises(TlogError, match="format version is missing"):
            async with running_log(to, origin=LOG_ACTOR.name):
                pass
        done = await asyncio.to_thread(put_back, place, to, Asking(left_out=["w1"]))
        assert (["w0"], 3) == (done.heard.agreed, done.head.size)
        await asyncio.to_thread(verdict, to)


def test_a_log_without_witnesses_is_restored_by_the_operators_word_alone(
    tmp_path: Path,
) -> None:
    log, place, to = places(tmp_path)

    async def fill() -> None:
        async with running_log(log) as (url, _):
            await submit(url, range(3))

    asyncio.run(fill())
    run(log, place)
    with pytest.raises(RejectedError, match="no witness can tell"):
        put_back(place, to, Asking())
    assert not to.exists()
    to.mkdir()
    (to / "other").write_text("")
    with pytest.raises(RejectedError, match="not empty"):
        put_back(place, to)
