"""Find, search and add, below and above the size from which keys go by file."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tlog.log.storage.index import Index
from tlogverify.kinds import digest_key

# Records in one `add`: a leaf hash each, and `complete_to`.
FILE_KEYS = 8192
COUNTS = [1, 2, FILE_KEYS - 2, FILE_KEYS - 1, FILE_KEYS, FILE_KEYS + 1]


def digest(label: object, size: int = 32) -> bytes:
    """Return a digest of `size` bytes."""
    return hashlib.sha512(f"{label}".encode()).digest()[:size]


def key(label: object, size: int = 32) -> bytes:
    """Return the search key of such a digest."""
    return digest_key(digest(label, size))


def leaves(start: int, end: int) -> list[bytes]:
    """Return leaf hashes of [start, end)."""
    return [digest(f"leaf {number}") for number in range(start, end)]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = Index(tmp_path / "index")
    yield opened
    opened.close()


@pytest.mark.parametrize("count", COUNTS)
def test_what_was_added_is_found_before_and_after_a_restart(
    tmp_path: Path, count: int
) -> None:
    index = Index(tmp_path / "index")
    for _ in range(2):
        index.add(leaves(index.complete_to, index.complete_to + count), [[]] * count)
    for _ in range(2):
        assert 2 * count == index.complete_to
        assert list(range(2 * count)) == index.find(leaves(0, 2 * count))
        assert [None] == index.find([digest("unknown")])
        index.close()
        index = Index(tmp_path / "index")
    index.close()


def test_small_and_large_additions_follow_on_each_other(tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    for count in (3, FILE_KEYS, 5, FILE_KEYS + 7, 1):
        start = index.complete_to
        added = leaves(start, start + count)
        index.add(added, [[key("shared")]] * count)
    total = 2 * FILE_KEYS + 16
    assert total == index.complete_to
    assert list(range(total)) == index.find(leaves(0, total))
    assert list(range(total)) == index.search(key("shared"), 0, total + 1)
    index.close()


def test_a_new_index_is_empty(index: Index) -> None:
    assert 0 == index.complete_to
    assert [] == index.find([])
    assert [None, None] == index.find(leaves(0, 2))
    assert [] == index.search(key("x"), 0, 10)


def test_nothing_added_is_nothing_changed(index: Index) -> None:
    index.add([], [])
    assert 0 == index.complete_to


def test_the_order_of_the_question_is_the_order_of_the_answer(index: Index) -> None:
    index.add(leaves(0, 5), [[]] * 5)
    asked = [*reversed(leaves(0, 5)), digest("unknown"), *leaves(2, 3)]
    assert [4, 3, 2, 1, 0, None, 2] == index.find(asked)


@pytest.mark.parametrize("size", [32, 48, 64])
@pytest.mark.parametrize("many", [False, True], ids=["by-memory", "by-file"])
def test_entries_are_found_by_their_digests(
    index: Index, size: int, many: bool
) -> None:
    count = FILE_KEYS if many else 10
    common = key("all", size)
    named = [[key(number % 5, size), common] for number in range(count)]
    index.add(leaves(0, count), named)
    assert list(range(3, count, 5)) == index.search(key(3, size), 0, count)
    assert list(range(7, count)) == index.search(common, 7, count)
    assert [7, 8] == index.search(common, 7, 2)
    assert [] == index.search(key("none", size), 0, 2)


def test_a_digest_of_another_length_is_another_digest(index: Index) -> None:
    long = digest("x", 64)
    keys = [digest_key(long[:size]) for size in (64, 48, 32)]
    index.add(leaves(0, 3), [[it] for it in keys])
    assert [[0], [1], [2]] == [index.search(it, 0, 9) for it in keys]


@pytest.mark.parametrize("count", [1, FILE_KEYS])
def test_a_digest_that_stands_twice_in_an_entry_is_found_once(
    index: Index, count: int
) -> None:
    index.add(leaves(0, count), [[key(it), key(it)] for it in range(count)])
    assert [0] == index.search(key(0), 0, 9)


def test_a_leaf_hash_is_not_a_digest(index: Index) -> None:
    index.add(leaves(0, 1), [[]])
    assert [] == index.search(digest_key(leaves(0, 1)[0]), 0, 9)


@pytest.mark.parametrize("start", [2**48 - 1, 2**48, 2**63 - 1])
def test_a_search_from_beyond_every_index_finds_nothing(
    index: Index, start: int
) -> None:
    index.add(leaves(0, 1), [[key("x")]])
    assert [] == index.search(key("x"), start, 9)


def test_entries_without_their_digests_are_a_mistake(index: Index) -> None:
    with pytest.raises(ValueError, match="zip"):
        index.add(leaves(0, 2), [[]])
    assert 0 == index.complete_to


def test_what_a_crash_leaves_is_an_earlier_index(tmp_path: Path) -> None:
    path = tmp_path / "index"
    index = Index(path)
    index.add(leaves(0, FILE_KEYS), [[]] * FILE_KEYS)
    index.close()
    index = Index(path)
    index.add(leaves(FILE_KEYS, FILE_KEYS + 10), [[]] * 10)
    # Not closed: what is in memory is lost to a copy of the files.
    copied = tmp_path / "copy"
    copied.mkdir()
    for file in path.iterdir():
        if file.name != "LOCK":
            (copied / file.name).write_bytes(file.read_bytes())
    index.close()
    left = Index(copied)
    assert FILE_KEYS == left.complete_to
    assert [None] * 10 == left.find(leaves(FILE_KEYS, FILE_KEYS + 10))
    assert list(range(FILE_KEYS)) == left.find(leaves(0, FILE_KEYS))
    left.close()


@pytest.mark.parametrize("wrong", [b"", bytes(33), b" " * 32, b" " * 34])
def test_a_key_that_is_none_is_a_mistake(index: Index, wrong: bytes) -> None:
    with pytest.raises(ValueError, match="a search key has 33 bytes"):
        index.add(leaves(0, 1), [[wrong]])
    assert 0 == index.complete_to
