"""What is read without waiting for a disk, on a real one."""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.running import drop_cached_pages
from tests.support.folders import folder_on_disk, hides_waiting
from tlog.durable.cached import read_cached

CONTENT = bytes(range(256)) * 100


@pytest.fixture
def file() -> Iterator[Path]:
    with folder_on_disk() as folder:
        path = folder / "file"
        path.write_bytes(CONTENT)
        yield path


@pytest.fixture
def told(file: Path) -> Path:
    """Give the file where the kernel and its file system say what is in memory."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip("only Linux says what is in memory, on x86-64 and ARMv8")
    # Of the root itself nothing need be looked up: refused is the call, not the path.
    how = struct.pack("=QQQ", os.O_RDONLY | os.O_DIRECTORY, 0, 0x20)
    root = ctypes.CDLL(None, use_errno=True).syscall(437, -100, b"/", how, len(how))
    if root < 0:
        pytest.skip(f"openat2: {os.strerror(ctypes.get_errno())}")
    os.close(root)
    if hides_waiting(file.parent):
        pytest.skip("preadv2: the file system does not know RWF_NOWAIT")
    return file


def test_what_was_just_written_is_in_memory(told: Path) -> None:
    assert CONTENT == read_cached(str(told), len(CONTENT))


def test_an_empty_file_is_read(told: Path) -> None:
    told.write_bytes(b"")
    assert b"" == read_cached(str(told), 10)


def test_what_the_kernel_has_forgotten_is_not_waited_for(told: Path) -> None:
    drop_cached_pages(told.parent)
    assert read_cached(str(told), len(CONTENT)) is None
    assert CONTENT == told.read_bytes()
    assert CONTENT == read_cached(str(told), len(CONTENT))


def test_what_is_larger_than_the_limit_is_not_read(file: Path) -> None:
    assert read_cached(str(file), len(CONTENT) - 1) is None


def test_what_is_no_file_is_not_read(file: Path) -> None:
    assert read_cached(str(file.parent / "missing"), 1 << 20) is None
    assert read_cached(str(file.parent), 1 << 20) is None
    assert read_cached(str(file / "below"), 1 << 20) is None
    # Opened as a file is, a pipe waits for who writes.
    os.mkfifo(file.parent / "pipe")
    assert read_cached(str(file.parent / "pipe"), 1 << 20) is None
