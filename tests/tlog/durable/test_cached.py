"""What is read without waiting for a disk, on a real one."""

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.folders import folder_on_disk, forget_pages
from tlog.durable.cached import read_cached

CONTENT = bytes(range(256)) * 100

needs_linux = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="only Linux says what is in memory, on x86-64 and ARMv8",
)


@pytest.fixture
def file() -> Iterator[Path]:
    with folder_on_disk() as folder:
        path = folder / "file"
        path.write_bytes(CONTENT)
        yield path


@needs_linux
def test_what_was_just_written_is_in_memory(file: Path) -> None:
    assert CONTENT == read_cached(str(file), len(CONTENT))


@needs_linux
def test_an_empty_file_is_read(file: Path) -> None:
    file.write_bytes(b"")
    assert b"" == read_cached(str(file), 10)


@needs_linux
def test_what_the_kernel_has_forgotten_is_not_waited_for(file: Path) -> None:
    forget_pages(file)
    assert read_cached(str(file), len(CONTENT)) is None
    assert CONTENT == file.read_bytes()
    assert CONTENT == read_cached(str(file), len(CONTENT))


def test_what_is_larger_than_the_limit_is_not_read(file: Path) -> None:
    assert read_cached(str(file), len(CONTENT) - 1) is None


def test_what_is_no_file_is_not_read(file: Path) -> None:
    assert read_cached(str(file.parent / "missing"), 1 << 20) is None
    assert read_cached(str(file.parent), 1 << 20) is None
    assert read_cached(str(file / "below"), 1 << 20) is None
    # Opened as a file is, a pipe waits for who writes.
    os.mkfifo(file.parent / "pipe")
    assert read_cached(str(file.parent / "pipe"), 1 << 20) is None
