"""Find, search and add, below and above the size from which keys go by file."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from rocksdict import Options, Rdict

from tlog.errors import CorruptError
from tlog.log.storage.index import Index
from tlog.log.storage.stores import open_index
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


def named(start: int, end: int) -> list[list[bytes]]:
    """Return the names of the entries of [start, end): one of each and one of all."""
    return [[key(f"name {number}"), key("all")] for number in range(start, end)]


def opened_copy(path: Path, copied: Path) -> Index:
    """Open what a crash leaves now: a copy of the files lacks what is in memory."""
    copied.mkdir()
    for file in path.iterdir():
        if file.name != "LOCK":
            (copied / file.name).write_bytes(file.read_bytes())
    return Index(copied)


def test_what_a_crash_leaves_is_an_earlier_index(tmp_path: Path) -> None:
    path = tmp_path / "index"
    index = Index(path)
    index.add(leaves(0, FILE_KEYS), [[]] * FILE_KEYS)
    index.close()
    index = Index(path)
    index.add(leaves(FILE_KEYS, FILE_KEYS + 10), [[]] * 10)
    left = opened_copy(path, tmp_path / "copy")
    index.close()
    assert FILE_KEYS == left.complete_to
    assert [None] * 10 == left.find(leaves(FILE_KEYS, FILE_KEYS + 10))
    assert list(range(FILE_KEYS)) == left.find(leaves(0, FILE_KEYS))
    left.close()


@pytest.mark.parametrize("has_names", [True, False])
def test_what_a_crash_leaves_has_all_names_of_what_it_covers(
    tmp_path: Path, has_names: bool
) -> None:
    """has_names: whether what goes by file has names."""
    index = Index(tmp_path / "index")
    sizes: set[int] = set()
    few: list[int] = []
    for nth, count in enumerate((5, FILE_KEYS, 3, 4, FILE_KEYS, 2)):
        start, end = index.complete_to, index.complete_to + count
        is_few = count < FILE_KEYS
        few += range(start, end) if is_few else []
        names = named(start, end) if is_few or has_names else [[]] * count
        index.add(leaves(start, end), names)
        left = opened_copy(tmp_path / "index", tmp_path / f"{nth}")
        size = left.complete_to
        sizes.add(size)
        assert list(range(size)) == left.find(leaves(0, size))
        with_names = [it for it in range(size) if has_names or it in few]
        assert with_names == left.search(key("all"), 0, size + 1)
        for it in few:
            found = [it] if it < size else []
            assert found == left.search(key(f"name {it}"), 0, 2)
        left.close()
    index.close()
    assert {0, FILE_KEYS + 5, 2 * FILE_KEYS + 12} == sizes


def test_an_addition_that_failed_half_way_can_be_made_again(tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    twice = [*leaves(1, FILE_KEYS), digest("leaf 1")]
    with pytest.raises(CorruptError, match="strict ascending order"):
        index.add(twice, named(0, FILE_KEYS))
    assert 0 == index.complete_to
    assert [None, None] == index.find(leaves(0, 2))
    index.add(leaves(0, FILE_KEYS), named(0, FILE_KEYS))
    index.close()
    index = Index(tmp_path / "index")
    assert FILE_KEYS == index.complete_to
    assert list(range(FILE_KEYS)) == index.find(leaves(0, FILE_KEYS))
    assert list(range(FILE_KEYS)) == index.search(key("all"), 0, 2 * FILE_KEYS)
    index.close()


def test_an_index_of_an_earlier_format_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "index"
    with Rdict(str(path), Options(raw_mode=True)) as earlier:
        earlier[b"\x00" + digest("leaf 9")] = (9).to_bytes(6, "big")
        earlier[key("all") + (9).to_bytes(6, "big")] = b""
        earlier[b"\xff"] = (10).to_bytes(8, "big")
    with pytest.raises(CorruptError, match="is of an earlier format"):
        Index(path)
    index = open_index(path)
    assert 0 == index.complete_to
    assert [None] == index.find([digest("leaf 9")])
    index.add(leaves(0, 2), named(0, 2))
    index.close()
    index = Index(path)
    assert [0, 1] == index.search(key("all"), 0, 9)
    assert [0, 1] == index.find(leaves(0, 2))
    index.close()


@pytest.mark.parametrize("wrong", [b"", bytes(33), b" " * 32, b" " * 34])
def test_a_key_that_is_none_is_a_mistake(index: Index, wrong: bytes) -> None:
    with pytest.raises(ValueError, match="a search key has 33 bytes"):
        index.add(leaves(0, 1), [[wrong]])
    assert 0 == index.complete_to
