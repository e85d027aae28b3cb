"""What a store needs of its files, wherever they lie; each adapter runs all of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.bucket import bucket
from tests.support.cases import case
from tests.support.real_bucket import real_bucket
from tests.tlog.documents.shelves import (
    BucketShelves,
    FolderShelves,
    Shelves,
    draft_of,
    stored,
)
from tlog.documents.shelf import Listed, is_emptied
from tlogverify.errors import FormatError

WHOLE = [b"", b"short", b"long" * (3 << 20)]
BOTH = ["folder", "bucket"]


@pytest.fixture(params=BOTH)
def shelves(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shelves]:
    if request.param == "folder":
        yield FolderShelves(tmp_path / "store", monkeypatch)
        return
    with bucket() as found:
        yield BucketShelves(found, tmp_path / "tmp")


def test_a_draft_that_is_adopted_is_there_whole_and_in_the_same_layout(
    shelves: Shelves,
) -> None:
    shelf = shelves.open()
    shelf.prepare()
    for content in WHOLE:
        name = stored(content)
        assert (None, None) == (shelf.open(name), shelf.size(name))
        with draft_of(shelf, content) as draft:
            shelf.adopt(draft, name)
        shelf.confirm(name)
        # As another process sees it.
        other = shelves.open()
        reader = other.open(name)
        assert reader is not None
        assert len(content) == other.size(name) == reader.size
        for at, most in ((0, 1 << 30), (1, 3), (len(content) // 2, 1 << 20)):
            with case(f"{len(content)} bytes, {most} from {at}"):
                assert content[at : at + most] == reader.read(at, most)
        assert b"" == reader.read(len(content), 1)
        reader.close()
    expected = {stored(it): it for it in WHOLE}
    assert expected == {
        name: it for name, it in shelves.laid().items() if name.startswith("stored/")
    }
    listed = [*shelf.files("stored")]
    assert sorted(Listed(name, len(it)) for name, it in expected.items()) == listed
    assert listed[1:] == [*shelf.files("stored", listed[0].name)]
    assert [] == [*shelf.files("never")]


def test_what_was_no_whole_draft_leaves_nothing(shelves: Shelves) -> None:
    shelf = shelves.open()
    shelf.prepare()
    before = shelves.laid()
    with draft_of(shelf, b"forgotten"):
        pass
    assert before == shelves.laid()
    left = draft_of(shelf, b"of a process that was killed")
    assert left.path.exists()
    shelves.open().sweep()
    assert not left.path.exists()


def test_what_is_removed_is_gone_and_may_be_removed_again(shelves: Shelves) -> None:
    shelf = shelves.open()
    shelf.prepare()
    for name in ("facts/ab/one.json", "pending/two"):
        shelf.write(name, b"content")
        shelf.remove(name)
        shelf.remove(name)
        assert (None, None) == (shelf.size(name), shelf.read(name, 100))
    assert {} == {it: 0 for it in shelves.laid() if not it.startswith("probe/")}


def test_a_small_file_is_replaced_created_once_and_bounded(shelves: Shelves) -> None:
    shelf, other = shelves.open(), shelves.open()
    shelf.prepare()
    name = "tombs/ab/one.json"
    assert shelf.read(name, 10) is None
    shelf.create(name, b"first")
    other.create(name, b"second")
    assert b"first" == shelf.read(name, 10)
    other.write(name, b"x" * 10)
    assert b"x" * 10 == shelf.read(name, 10)
    with pytest.raises(FormatError):
        shelf.read(name, 9)
    with pytest.raises(FormatError):
        shelf.change(name, 9, lambda known: b"")
    assert b"x" * 10 == other.read(name, 10)


def test_a_change_is_made_of_what_is_there(shelves: Shelves) -> None:
    shelf, name = shelves.open(), "facts/ab/one.json"
    shelf.prepare()
    seen: list[bytes | None] = []

    def edit(known: bytes | None) -> bytes:
        seen.append(known)
        return (known or b"") + b"+"

    for _ in range(3):
        shelf.change(name, 100, edit)
    assert [None, b"+", b"++"] == seen
    assert b"+++" == shelf.change(name, 100, lambda known: known or b"")

    def fail(known: bytes | None) -> bytes:
        raise FormatError("no such facts")

    with pytest.raises(FormatError):
        shelf.change(name, 100, fail)
    assert b"+++" == shelf.read(name, 100)


def test_what_has_changed_is_put_aside_and_kept_for_a_person(shelves: Shelves) -> None:
    shelf, name = shelves.open(), stored(b"right")
    shelf.prepare()
    digest = bytes.fromhex(name[-64:])
    shelves.lay(name, b"wrong")
    seen = shelf.open(name)
    assert seen is not None
    assert shelf.put_aside(name, "damaged/one", seen)
    assert b"wrong" == shelves.laid()["damaged/one"]
    left = shelf.size(name)
    assert left is None or is_emptied(digest, left)
    again = shelf.open(name) or seen
    assert not shelf.put_aside(name, "damaged/one", again)
    assert b"wrong" == shelves.laid()["damaged/one"]
    with draft_of(shelf, b"right") as draft:
        shelf.adopt(draft, name)
    assert b"right" == shelves.laid()[name]


def test_trouble_says_nothing_about_a_file(shelves: Shelves) -> None:
    shelf, name = shelves.open(), stored(b"kept")
    shelf.prepare()
    with draft_of(shelf, b"kept") as draft:
        shelf.adopt(draft, name)
    with shelves.away():
        for ask in (
            lambda: shelf.open(name),
            lambda: shelf.size(name),
            lambda: shelf.read(name, 10),
            lambda: shelf.write(name, b""),
            lambda: [*shelf.files("stored")],
            lambda: shelf.change(name, 10, lambda known: b""),
        ):
            with pytest.raises(OSError, match=r"injected|NoSuchBucket") as told:
                ask()
            assert not isinstance(told.value, FileNotFoundError)
    assert b"kept" == shelves.laid()[name]


@pytest.mark.parametrize("server", ["gofakes3", "versitygw"])
def test_a_bucket_of_somebody_elses_store_does_the_same(
    tmp_path: Path, server: str
) -> None:
    with real_bucket(server) as found:
        shelves = BucketShelves(found, tmp_path / "tmp")
        test_a_draft_that_is_adopted_is_there_whole_and_in_the_same_layout(shelves)
        shelf, name = shelves.open(), "facts/ab/one.json"

        def add(number: int) -> None:
            shelves.open().change(name, 1000, lambda it: (it or b"") + b"%d," % number)

        with ThreadPoolExecutor(8) as pool:
            [*pool.map(add, range(8))]
        told = (shelf.read(name, 1000) or b"").split(b",")
        assert [b""] + [b"%d" % it for it in range(8)] == sorted(told)
        shelf.write("stored/wrong", b"wrong")
        seen = shelf.open("stored/wrong")
        assert seen is not None
        assert shelf.put_aside("stored/wrong", "damaged/wrong", seen)
        assert (0, 5) == (shelf.size("stored/wrong"), shelf.size("damaged/wrong"))
        shelf.remove("stored/wrong")
        shelf.remove("stored/wrong")
        assert shelf.size("stored/wrong") is None
