"""A bucket that several nodes write: conditions, and what their failure means."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.bucket import Bucket, bucket
from tests.tlog.log.storage.adapters import BucketStores, note
from tlog.durable.bucket import probe_bucket
from tlog.errors import FatalError, RejectedError
from tlogverify.tiles import Tile

FULL = Tile(0, 1)


@pytest.fixture
def stored() -> Iterator[Bucket]:
    with bucket() as it:
        yield it


@pytest.fixture
def stores(stored: Bucket) -> BucketStores:
    return BucketStores(stored)


def test_objects_have_the_paths_of_c2sp_below_the_origin(
    stored: Bucket, stores: BucketStores
) -> None:
    objects = stores.open()
    objects.put({FULL: b"full", Tile(0, 1, 7): b"part"})
    objects.replace_checkpoint(note(1))
    assert {
        "log.example/tile/0/001": b"full",
        "log.example/tile/0/001.p/7": b"part",
        "log.example/checkpoint": note(1),
    } == stored.objects


def test_other_bytes_under_a_tiles_name_are_another_history(
    stored: Bucket, stores: BucketStores
) -> None:
    stores.open().put({FULL: b"full"})
    with pytest.raises(FatalError, match="another history"):
        stores.open().put({FULL: b"FULL", Tile(0, 2): b"two"})
    assert b"full" == stores.open().read(FULL)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_who_was_replaced_does_not_move_the_checkpoint(
    stores: BucketStores, size: int
) -> None:
    old, new = stores.open(), stores.open()
    old.replace_checkpoint(note(1))
    assert note(1) == new.checkpoint()
    new.replace_checkpoint(note(2))
    with pytest.raises(FatalError):
        old.replace_checkpoint(note(size, salt=1))
    assert note(2) == stores.open().checkpoint()


def test_of_two_first_checkpoints_one_is_published(stores: BucketStores) -> None:
    ours, theirs = stores.open(), stores.open()
    assert (None, None) == (ours.checkpoint(), theirs.checkpoint())
    theirs.replace_checkpoint(note(1))
    with pytest.raises(FatalError, match="another node"):
        ours.replace_checkpoint(note(2))
    assert note(1) == stores.open().checkpoint()


def test_a_checkpoint_never_goes_back(stores: BucketStores) -> None:
    objects = stores.open()
    objects.replace_checkpoint(note(2))
    with pytest.raises(FatalError, match="go back to 1"):
        objects.replace_checkpoint(note(1))
    objects.replace_checkpoint(note(2, salt=1))
    assert note(2, salt=1) == stores.open().checkpoint()


@pytest.mark.parametrize("persists", [False, True])
def test_a_larger_checkpoint_follows_one_whose_answer_was_lost(
    stores: BucketStores, persists: bool
) -> None:
    objects = stores.open()
    objects.replace_checkpoint(note(1))
    stores.break_write(1, persists=persists)
    with pytest.raises(OSError, match="checkpoint"):
        objects.replace_checkpoint(note(2))
    objects.replace_checkpoint(note(3))
    assert note(3) == stores.open().checkpoint()


def test_a_checkpoint_that_is_gone_is_no_new_log(
    stored: Bucket, stores: BucketStores
) -> None:
    objects = stores.open()
    objects.replace_checkpoint(note(1))
    stored.objects.clear()
    with pytest.raises(FatalError, match="is gone"):
        objects.checkpoint()
    with pytest.raises(FatalError, match="is gone"):
        objects.replace_checkpoint(note(2))
    assert {} == stored.objects


def test_a_bucket_that_is_gone_says_nothing_of_its_objects(
    stored: Bucket, stores: BucketStores
) -> None:
    objects = stores.open()
    objects.put({FULL: b"full"})
    stored.trouble = "NoSuchBucket"
    for ask in (lambda: objects.read(FULL), objects.checkpoint):
        with pytest.raises(OSError, match="NoSuchBucket") as error:
            ask()
        assert not isinstance(error.value, FileNotFoundError)


def test_a_store_that_hears_conditions_passes_the_probe(
    stored: Bucket, stores: BucketStores
) -> None:
    with ThreadPoolExecutor(4) as nodes:
        probes = [nodes.submit(probe_bucket, stores.store(), f"{it}") for it in "abcd"]
        for it in probes:
            it.result()
    assert {} == stored.objects


def test_a_store_that_hears_no_conditions_is_refused(
    stored: Bucket, stores: BucketStores
) -> None:
    stored.is_conditional = False
    with pytest.raises(RejectedError, match="no atomic If-None-Match"):
        probe_bucket(stores.store(), "probe")
    assert {} == stored.objects
    stored.ignores_if_match = stored.is_conditional = True
    with pytest.raises(RejectedError, match="no atomic If-Match"):
        probe_bucket(stores.store(), "probe")
