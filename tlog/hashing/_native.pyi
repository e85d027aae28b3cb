"""The compiled kernels; `tlog/hashing/kernels/hashing.h` says what they do."""

from collections.abc import Sized

class _Ffi:
    NULL: object
    def typeof(self, declaration: str) -> object: ...
    def from_buffer(self, kind: object, buffer: object) -> Sized: ...

class _Lib:
    def tlog_backend(self, name: bytes) -> object: ...
    def tlog_hash_pairs(
        self, backend: object, nodes: Sized, count: int, threads: int, hashes: bytes
    ) -> None: ...
    def tlog_hash_message(
        self, backend: object, message: bytes, size: int, prefix: int, hash_: bytes
    ) -> None: ...
    def tlog_hash_messages(
        self,
        backend: object,
        joined: bytes,
        joined_size: int,
        sizes: Sized,
        count: int,
        prefix: int,
        threads: int,
        hashes: bytes,
    ) -> int: ...
    def tlog_hash_bundle(
        self, backend: object, bundle: Sized, size: int, width: int, hashes: bytes
    ) -> int: ...
    def tlog_subtree_roots(
        self, backend: object, hashes: Sized, tiles: int, threads: int, roots: bytes
    ) -> None: ...
    def tlog_small_root(
        self, backend: object, hashes: Sized, count: int, root: bytes
    ) -> None: ...
    def tlog_tile_levels(
        self, backend: object, hashes: Sized, count: int, above: bytes
    ) -> None: ...
    def tlog_growth_levels(
        self,
        backend: object,
        start: int,
        size: int,
        peaks: bytes,
        nodes: bytes,
        threads: int,
        above: bytes,
    ) -> None: ...

ffi: _Ffi
lib: _Lib
