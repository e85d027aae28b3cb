"""The compiled scanner; `tlog/entries/scanner/scanner.h` says what it does."""

from collections.abc import Sized

class _Numbers:
    def __getitem__(self, nth: int) -> int: ...

class _Ffi:
    def typeof(self, declaration: str) -> object: ...
    def from_buffer(self, kind: object, buffer: object) -> Sized: ...
    def new(self, kind: object, count: int = ...) -> _Numbers: ...

class _Lib:
    def tlog_scan_body(
        self, body: bytes, size: int, sizes: Sized | _Numbers, room: int
    ) -> int: ...
    def tlog_pack_body(
        self,
        body: bytes,
        size: int,
        sizes: Sized,
        count: int,
        bundle: bytes,
        bundle_size: int,
    ) -> int: ...
    def tlog_scan_rows(
        self,
        bundle: bytes,
        size: int,
        count: int,
        leaf_hashes: bytes,
        start: int,
        rows: Sized,
        room: int,
        unfinished: Sized,
        unfinished_room: int,
        unfinished_count: _Numbers,
    ) -> int: ...
    def tlog_sort_rows(self, rows: Sized, count: int, sorted_: bytes) -> int: ...

ffi: _Ffi
lib: _Lib
