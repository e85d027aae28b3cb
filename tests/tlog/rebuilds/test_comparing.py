"""Archives that hold the same in another way, and archives that do not."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.cases import case
from tlog.rebuilds.comparing import Comparison, Difference, compare_files
from tlogverify.errors import FormatError

FILES = {"a.py": b"print(1)\n" * 50, "b.py": b"x = 2\n", "d/c.txt": b"three"}


def wheel(path: Path, files: dict[str, bytes] = FILES, **changes: Any) -> Path:
    """Write a zip whose members have one date, mode and form."""
    names = sorted(files, reverse=changes.get("reverse", False))
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            it = zipfile.ZipInfo(name, changes.get("date", (2020, 1, 1, 0, 0, 0)))
            it.external_attr = changes.get("mode", 0o644) << 16
            it.compress_type = changes.get("form", zipfile.ZIP_DEFLATED)
            archive.writestr(it, files[name])
        archive.comment = changes.get("comment", b"")
    return path


def tarball(path: Path, files: dict[str, bytes] = FILES, **changes: Any) -> Path:
    """Write a gzipped tar likewise."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name in sorted(files, reverse=changes.get("reverse", False)):
            it = tarfile.TarInfo(name)
            it.size = len(files[name])
            it.mtime, it.uid = changes.get("date", 0), changes.get("uid", 0)
            it.mode = changes.get("mode", 0o644)
            archive.addfile(it, io.BytesIO(files[name]))
    path.write_bytes(gzip.compress(plain.getvalue(), mtime=changes.get("packed", 0)))
    return path


def compared(first: Path, second: Path) -> Comparison:
    found = compare_files(first, second)
    assert (found.original == found.rebuilt) == (found.result == "equal")
    return found


def test_what_is_packed_in_another_way_is_equal_after_the_named_stabiliser(
    tmp_path: Path,
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    cases: list[tuple[Any, dict[str, Any], tuple[str, ...]]] = [
        (wheel, {"date": (2021, 1, 1, 0, 0, 0)}, ("zip-dates",)),
        (wheel, {"mode": 0o755}, ("zip-modes",)),
        (wheel, {"form": zipfile.ZIP_STORED}, ("zip-compression",)),
        (wheel, {"reverse": True}, ("zip-order",)),
        (wheel, {"comment": b"by me"}, ("zip-container",)),
        (wheel, {"mode": 0o755, "reverse": True}, ("zip-modes", "zip-order")),
        (tarball, {"date": 7}, ("tar-dates",)),
        (tarball, {"uid": 7}, ("tar-owners",)),
        (tarball, {"mode": 0o755}, ("tar-modes",)),
        (tarball, {"reverse": True}, ("tar-order",)),
        (tarball, {"packed": 7}, ("tar-container",)),
    ]
    for write, changes, stabilisers in cases:
        with case(f"{write.__name__} {changes}"):
            write(one)
            assert "equal" == compared(one, write(two)).result
            found = compared(one, write(two, **changes))
            assert ("stabilised", stabilisers, 0.0) == (
                found.result,
                found.stabilisers,
                found.variance,
            )


def test_each_difference_is_named_and_measured(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    total = sum(map(len, FILES.values()))
    changed = {**FILES, "b.py": b"x = 3\n"}
    fewer = {name: FILES[name] for name in ("a.py", "b.py")}
    more = {**FILES, "e": b"12345"}
    cases: list[tuple[dict[str, bytes], Difference, float]] = [
        (changed, Difference("b.py", "changed: 6 bytes, now 6"), 6 / total),
        (fewer, Difference("d/c.txt", "removed"), 5 / total),
        (more, Difference("e", "added"), 5 / total),
    ]
    for write in (wheel, tarball):
        for files, difference, variance in cases:
            with case(f"{write.__name__} {difference.name}"):
                found = compared(write(one), write(two, files))
                assert ("different", (difference,), ()) == (
                    found.result,
                    found.differences,
                    found.stabilisers,
                )
                assert variance == pytest.approx(found.variance)


def test_other_files_are_compared_byte_by_byte(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"0123456789")
    two.write_bytes(b"0123x567")
    found = compared(one, two)
    assert ("different", 0.3) == (found.result, found.variance)
    assert (Difference("one", "changed: 3 of 10 bytes"),) == found.differences
    two.write_bytes(b"0123456789")
    assert "equal" == compared(one, two).result


def test_an_archive_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    one, two = wheel(tmp_path / "one"), tmp_path / "two"
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", b"2")
    with pytest.raises(FormatError, match="each name once"):
        compare_files(one, two)
    content = bytearray(one.read_bytes())
    content[40] ^= 1
    two.write_bytes(content)
    with pytest.raises(FormatError, match="unpacked"):
        compare_files(one, two)
