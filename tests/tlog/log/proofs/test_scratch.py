"""The scratch file: the oracle's siblings or none, whatever becomes of the file."""

import os
import shutil
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.opened import entries, step, stepping
from tests.oracle import rfc6962
from tests.support.cases import case
from tests.support.folders import folder_on_disk, hides_waiting
from tests.tlog.log.merkle.grown import TREE, levels
from tlog.errors import CorruptError
from tlog.log.proofs.scratch import GROUP_BYTES, SLOT_BYTES, PathScratch
from tlogverify.tiles import Tile

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere nothing is kept"
)

TOGETHER = 32
"""So many are written in one piece."""
LEAVES = [*range(0, 256, 5), 15, 16, 127, 128, 254]


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_on_disk() as it:
        if hides_waiting(it):
            pytest.skip("the file system does not tell what waits for its disk")
        yield it


def expected(tile: int, nth: int) -> list[bytes]:
    """Return the oracle's siblings of a leaf within its tile."""
    return TREE.inclusion_path(256 * tile + nth, 65_536)[:8]


def hand_over(scratch: PathScratch, tiles: range) -> None:
    """Hand each over twice: what comes once is not taken."""
    for tile in tiles:
        for _ in range(2):
            scratch.keep((0, tile), levels(Tile(0, tile)))


def finish(scratch: PathScratch) -> None:
    """Wait until the thread has written what it was handed."""
    scratch._writer.submit(int).result(60)


def keep(scratch: PathScratch, tiles: range) -> None:
    """Hand tiles over, a multiple of TOGETHER, and wait until all are written."""
    for start in range(tiles.start, tiles.stop, TOGETHER):
        hand_over(scratch, range(start, start + TOGETHER))
        finish(scratch)


def hand_over_at_once(scratch: PathScratch, tiles: range) -> None:
    """Hand tiles over while the thread has no time, and then wait for it."""
    waits = threading.Event()
    scratch._writer.submit(waits.wait)
    hand_over(scratch, tiles)
    waits.set()
    finish(scratch)


def files_of(folder: Path) -> list[Path]:
    """Return the ways to the files that this process has open in a folder."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            if os.readlink(descriptor).startswith(f"{folder}/"):
                found.append(descriptor)
    return found


def file_of(folder: Path) -> Path:
    """Return the way to the one file."""
    (file,) = files_of(folder)
    return file


def forget(path: Path) -> None:
    """Let the kernel have nothing of a file in memory."""
    with open(path, "rb", buffering=0) as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def has_nothing(
    scratch: PathScratch, tiles: Iterable[int], leaves: Iterable[int] = (0, 255)
) -> bool:
    return not any(
        scratch.siblings((0, tile), nth, may_wait=True)
        for tile in tiles
        for nth in leaves
    )


def test_what_is_kept_is_the_oracles(folder: Path) -> None:
    scratch = PathScratch(folder, 100, 0)
    keep(scratch, range(2 * TOGETHER))
    for tile in (0, 1, 31, 32, 63):
        for nth in LEAVES:
            for may_wait in (False, True):
                with case(f"tile {tile}, leaf {nth}"):
                    found = scratch.siblings((0, tile), nth, may_wait=may_wait)
                    assert expected(tile, nth) == found
    assert scratch.siblings((0, 64), 0, may_wait=True) is None
    assert scratch.siblings((1, 0), 0, may_wait=True) is None


def test_a_tile_of_another_level_is_not_taken_for_one_of_leaves(folder: Path) -> None:
    scratch = PathScratch(folder, 100, 0)
    hand_over(scratch, range(TOGETHER - 1))
    for _ in range(2):
        scratch.keep((1, 31), levels(Tile(1, 0)))
    hand_over(scratch, range(TOGETHER, TOGETHER + 1))
    finish(scratch)
    assert scratch.siblings((0, 31), 0, may_wait=True) is None
    assert expected(32, 0) == scratch.siblings((0, 32), 0, may_wait=True)


def test_a_tile_is_taken_when_it_comes_again(folder: Path) -> None:
    """For its slot, none may have come in between."""
    scratch = PathScratch(folder, 100, 0)
    for tile in (*range(100), *range(100, 150), *range(50), *range(150, 200)):
        scratch.keep((0, tile), levels(Tile(0, tile)))
    finish(scratch)
    assert [] == files_of(folder)
    for tile in range(199, 199 - TOGETHER, -1):
        scratch.keep((0, tile), levels(Tile(0, tile)))
    finish(scratch)
    for tile in range(199, 199 - TOGETHER, -1):
        assert expected(tile, 9) == scratch.siblings((0, tile), 9, may_wait=True)
    assert has_nothing(scratch, range(199 - TOGETHER))


def test_a_tile_that_follows_another_in_its_slot_comes_twice(folder: Path) -> None:
    scratch = PathScratch(folder, 100, 0)
    for tile in (*range(100, 100 + TOGETHER), 2**40):
        scratch.keep((0, tile), levels(Tile(0, 0)))
    keep(scratch, range(TOGETHER))
    assert expected(3, 9) == scratch.siblings((0, 3), 9, may_wait=True)


def test_what_came_is_remembered_for_each_slot(folder: Path) -> None:
    scratch = PathScratch(folder, 100, 0)
    for tile in (0, 3, 50, 99, 250):
        scratch.keep((0, tile), [])
    assert [0, -1, -1, 3] == list(scratch._last[:4])
    assert 100 == len(scratch._last)


def test_what_was_not_written_is_taken_when_it_comes_again(folder: Path) -> None:
    """It came twice while the thread had no time; a third time is enough."""
    scratch = PathScratch(folder, 1_000, 0)
    hand_over_at_once(scratch, range(3 * TOGETHER))
    third = range(2 * TOGETHER, 3 * TOGETHER)
    assert has_nothing(scratch, third)
    for tile in third:
        scratch.keep((0, tile), levels(Tile(0, tile)))
    finish(scratch)
    for tile in third:
        assert expected(tile, 9) == scratch.siblings((0, tile), 9, may_wait=True)


def test_it_has_no_name_and_no_more_than_was_said(folder: Path) -> None:
    scratch = PathScratch(folder, 40, 0)
    keep(scratch, range(4 * TOGETHER))
    assert [] == list(folder.iterdir())
    assert 40 * SLOT_BYTES == file_of(folder).stat().st_size
    finish(scratch)
    del scratch
    assert [] == files_of(folder)


def test_a_tile_goes_to_the_place_of_another(folder: Path) -> None:
    scratch = PathScratch(folder, TOGETHER, 0)
    keep(scratch, range(TOGETHER))
    keep(scratch, range(TOGETHER, 2 * TOGETHER))
    assert has_nothing(scratch, range(TOGETHER))
    for tile in range(TOGETHER, 2 * TOGETHER):
        assert expected(tile, 7) == scratch.siblings((0, tile), 7, may_wait=True)


@pytest.mark.parametrize("place", [0, 31, 512, 960, 1_087, 1_088, GROUP_BYTES - 1])
def test_a_changed_byte_is_no_answer(folder: Path, place: int) -> None:
    scratch = PathScratch(folder, 100, 0)
    keep(scratch, range(TOGETHER))
    with open(file_of(folder), "r+b", buffering=0) as file:
        at = 3 * SLOT_BYTES + 2 * GROUP_BYTES + place
        (old,) = os.pread(file.fileno(), 1, at)
        os.pwrite(file.fileno(), bytes([old ^ 1]), at)
    for nth in range(256):
        found = scratch.siblings((0, 3), nth, may_wait=True)
        assert (None if nth // 16 == 2 else expected(3, nth)) == found


@pytest.mark.parametrize("begun", [1, 32, 500, 960, 1_060, 1_088, GROUP_BYTES - 1])
def test_a_group_that_is_half_another_tiles_is_no_answer(
    folder: Path, begun: int
) -> None:
    scratch = PathScratch(folder, 100, 0)
    keep(scratch, range(TOGETHER))
    file = file_of(folder)
    group = slice(7 * SLOT_BYTES, 7 * SLOT_BYTES + GROUP_BYTES)
    old = file.read_bytes()[group]
    keep(scratch, range(100, 100 + TOGETHER))
    with open(file, "r+b", buffering=0) as opened:
        new = file.read_bytes()[group]
        assert expected(107, 3) == scratch.siblings((0, 107), 3, may_wait=True)
        for mixed in (old[:begun] + new[begun:], new[:begun] + old[begun:]):
            os.pwrite(opened.fileno(), mixed, group.start)
            assert has_nothing(scratch, (7, 107), leaves=range(16))


@pytest.mark.parametrize("hole", [0, 50, SLOT_BYTES])
def test_a_cut_and_a_hole_are_no_answers(folder: Path, hole: int) -> None:
    scratch = PathScratch(folder, 100, 0)
    keep(scratch, range(TOGETHER))
    cut = 31 * SLOT_BYTES - 100
    os.truncate(file_of(folder), cut)
    os.truncate(file_of(folder), cut + hole)
    assert expected(30, 0) == scratch.siblings((0, 30), 0, may_wait=True)
    assert scratch.siblings((0, 30), 255, may_wait=True) is None
    assert has_nothing(scratch, range(31, 32))
    # What was cut is written again when it comes again.
    keep(scratch, range(TOGETHER))
    assert expected(30, 255) == scratch.siblings((0, 30), 255, may_wait=True)


def test_what_the_kernel_has_forgotten_is_not_waited_for(folder: Path) -> None:
    scratch = PathScratch(folder, 100, 0)
    keep(scratch, range(TOGETHER))
    for may_wait in (True, False):
        forget(file_of(folder))
        found = scratch.siblings((0, 20), 0, may_wait=may_wait)
        assert (expected(20, 0) if may_wait else None) == found
    # Now it is read.
    assert expected(20, 0) == scratch.siblings((0, 20), 0, may_wait=True)
    assert expected(20, 0) == scratch.siblings((0, 20), 0, may_wait=False)


def test_a_disk_with_little_room_gets_its_room_back(folder: Path) -> None:
    scratch = PathScratch(folder, 100, 0)
    keep(scratch, range(TOGETHER))
    scratch._reserve_bytes = 1 << 62
    waits = threading.Event()
    scratch._writer.submit(waits.wait)
    hand_over(scratch, range(TOGETHER, 2 * TOGETHER))
    # Then there is room again, that very room, and others had been handed over.
    scratch._writer.submit(setattr, scratch, "_reserve_bytes", 0)
    hand_over(scratch, range(2 * TOGETHER, 3 * TOGETHER))
    waits.set()
    finish(scratch)
    assert 0 == file_of(folder).stat().st_size
    # It stays so: what the log needs is not taken away a second time.
    keep(scratch, range(TOGETHER))
    assert has_nothing(scratch, range(3 * TOGETHER))
    assert 0 == file_of(folder).stat().st_size


def test_no_more_waits_than_is_said(folder: Path) -> None:
    scratch = PathScratch(folder, 1_000, 0)
    hand_over_at_once(scratch, range(5 * TOGETHER))
    assert expected(63, 255) == scratch.siblings((0, 63), 255, may_wait=True)
    assert has_nothing(scratch, range(2 * TOGETHER, 5 * TOGETHER))
    # From then on others are taken again.
    keep(scratch, range(3 * TOGETHER, 4 * TOGETHER))
    assert expected(96, 0) == scratch.siblings((0, 96), 0, may_wait=True)


def test_where_no_file_can_be_made_nothing_is_kept(folder: Path) -> None:
    scratch = PathScratch(folder / "missing", 100, 0)
    keep(scratch, range(3 * TOGETHER))
    assert has_nothing(scratch, range(TOGETHER))
    (folder / "missing").mkdir()
    keep(scratch, range(TOGETHER))
    assert expected(9, 9) == scratch.siblings((0, 9), 9, may_wait=True)


def test_a_file_that_cannot_be_read_is_no_answer(folder: Path) -> None:
    scratch = PathScratch(folder, 100, 0)
    keep(scratch, range(TOGETHER))
    assert scratch._file is not None
    with open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), scratch._file, inheritable=False)
    for may_wait in (False, True):
        assert scratch.siblings((0, 3), 0, may_wait=may_wait) is None
    keep(scratch, range(TOGETHER))
    assert has_nothing(scratch, range(TOGETHER))


def test_where_no_thread_can_be_started_proofs_go_on_without(folder: Path) -> None:
    scratch = PathScratch(folder, 100, 0)
    # What it refuses is the same as where the machine starts no thread.
    scratch._writer.shutdown()
    hand_over(scratch, range(5 * TOGETHER))
    assert has_nothing(scratch, range(TOGETHER))
    assert [] == files_of(folder)


def test_where_files_are_memory_none_is_made(tmp_path: Path) -> None:
    """Nobody can be told there what waits; the file would be memory for nothing."""
    if not hides_waiting(tmp_path):
        pytest.skip("the tests' own folder is on a disk")
    scratch = PathScratch(tmp_path, 100, 0)
    keep(scratch, range(3 * TOGETHER))
    assert has_nothing(scratch, range(TOGETHER))
    assert [] == files_of(tmp_path)


async def test_a_log_proves_by_it_what_memory_has_no_room_for(folder: Path) -> None:
    size = (TOGETHER + 2) * 256
    with stepping(folder, tile_cache_tiles=1) as log:
        for start in range(0, size, 4_096):
            step(log, entries(start, min(start + 4_096, size)))
        log.publisher.publish()
        tree = rfc6962.Tree([rfc6962.leaf_hash(it) for it in entries(0, size)])
        signed, prover = log.heads.signed, log.reading.prover
        scratch = log.reading.tiles._scratch
        for nth in (*range(TOGETHER + 2), *range(TOGETHER)):
            await prover.inclusion(signed, 256 * nth)
        # The last of 32 tiles is in memory yet, and has not been pushed out twice.
        finish(scratch)
        assert [] == files_of(folder / "tmp")
        for nth in range(TOGETHER, TOGETHER + 2):
            await prover.inclusion(signed, 256 * nth)
        finish(scratch)
        shutil.rmtree(folder / "public" / "tile" / "0")
        for index in (*range(0, TOGETHER * 256, 37), TOGETHER * 256 - 1):
            path = tree.inclusion_path(index, size)
            assert path == prover.inclusion_at_once(signed, index, size)
            assert path == await prover.inclusion(signed, index)
        # The event loop does not wait for what the kernel has forgotten; a thread does.
        forget(file_of(folder / "tmp"))
        assert prover.inclusion_at_once(signed, 7, size) is None
        assert tree.inclusion_path(7, size) == await prover.inclusion(signed, 7)
        with pytest.raises(CorruptError, match="is missing"):
            await prover.inclusion(signed, TOGETHER * 256)
