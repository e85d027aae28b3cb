"""The index: from a leaf's hash, or what an entry names, to indexes in the tree.

Derived from the entries and never synced on its own: `complete_to` says how far it
reaches, and is stored with the leaves below it and after their names, so that a crash
leaves an earlier index and not a wrong one.  The log writes anew what lies above.

In the family `default`:

    00 || leaf hash                   -> index (6 bytes)
    fe                                -> complete_to (8 bytes)

and in the family `names`, which may be ahead of `complete_to` after a crash:

    <search key> || index (6 bytes)   -> nothing

Search keys are those of `tlogverify.kinds`, 33 bytes.  An index whose `complete_to` is
at ff has its names in `default`; software that looks for it there finds nothing here.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import Final

from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompactionStyle,
    DBCompressionType,
    IngestExternalFileOptions,
    Options,
    Rdict,
    SstFileWriter,
    WriteBatch,
    WriteOptions,
)

from tlog.entries.packed import Packed
from tlog.entries.rows import (
    INDEX_BYTES,
    KEY_BYTES,
    LEAF,
    MAX_INDEX,
    ROW_BYTES,
    rows_of,
)
from tlog.entries.scanning import index_rows
from tlog.errors import CorruptError, MachineError, names_machine_trouble
from tlog.folders import PRIVATE_FOLDER, make_folders, set_mode
from tlog.log_lines import log_event
from tlogverify.errors import TlogError

_COMPLETE_TO: Final = b"\xfe"
_EARLIER_COMPLETE_TO: Final = b"\xff"
_LEAF_ROW: Final = Struct(f"{KEY_BYTES}s{INDEX_BYTES}s")
_NAME_ROW: Final = Struct(f"{ROW_BYTES}s")

# From this many keys on, a sorted file that RocksDB takes as it is costs a third of
# the same keys through its memtable, which also holds the GIL (measured, see
# benchmarks/README.md); below it the file's own cost is more.
_FILE_KEYS: Final = 8_192

_NAMES: Final = "names"

_CACHE_BYTES: Final = 32 << 20
_BLOOM_BITS: Final = 10


class Index:
    """An open index; `find` and `search` from any thread, `add` from one.

    All raise CorruptError if its bytes are damaged, MachineError if they cannot be
    read or written now.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the index, in a folder of mode 0700.

        CorruptError also if it is of an earlier format.
        """
        self._path = path
        self._is_closed = False
        cache = Cache(_CACHE_BYTES)
        self._options = _options(cache, bloom_bits=_BLOOM_BITS)
        self._name_options = _options(cache)
        make_folders(path, PRIVATE_FOLDER)
        set_mode(path, PRIVATE_FOLDER)
        with _telling():
            families = {_NAMES: self._name_options}
            self._database = Rdict(str(path), self._options, families)
        try:
            with _telling():
                no_log = WriteOptions()
                no_log.disable_wal = True  # type: ignore[assignment, method-assign]  # a property; the stub says method
                self._database.set_write_options(no_log)
                stored = self._database.get(_COMPLETE_TO)
                earlier = self._database.get(_EARLIER_COMPLETE_TO)
            if earlier is not None:
                raise CorruptError("the index", "is of an earlier format")
            with _telling():
                # The last step: it holds the folder's lock, as the database does.
                self._names = self._database.get_column_family(_NAMES)
        except BaseException:
            self._database.close()
            raise
        self.complete_to = int.from_bytes(stored or b"", "big")

    def close(self) -> None:
        """Write out what is in memory and close; a disk that fails is told, no more.

        Derived data: what is lost here is written anew by the next start.  A second
        call does nothing.
        """
        if self._is_closed:
            return
        self._is_closed = True
        # The names first, as ever: `complete_to` says that they are there.
        for family in (self._names, self._database):
            for step in (family.flush, family.close):
                try:
                    step()
                except Exception as error:  # noqa: BLE001 - RocksDB raises Exception itself
                    # Closing writes too: what one step could not, the other cannot.
                    log_event(
                        "the index was not flushed", level="warning", error=str(error)
                    )

    def find(self, leaf_hashes: Sequence[bytes]) -> list[int | None]:
        """Return the index of each leaf hash, or None where it is not known."""
        keys: list[str | int | float | bytes | bool] = [
            LEAF + leaf_hash for leaf_hash in leaf_hashes
        ]
        with _telling():
            found: list[bytes | None] = self._database.get(keys) or []
        return [None if it is None else int.from_bytes(it, "big") for it in found]

    def search(self, key: bytes, start: int, limit: int) -> list[int]:
        """Return up to `limit` indexes of entries that `key` finds, from `start`."""
        if start >= MAX_INDEX:
            return []
        found: list[int] = []
        with _telling():
            at = self._names.iter()
            at.seek(key + start.to_bytes(INDEX_BYTES, "big"))
            while at.valid() and len(found) < limit and at.key().startswith(key):
                found.append(int.from_bytes(at.key()[len(key) :], "big"))
                at.next()
            # It is not valid at its end, and not where it could not read: no absence.
            at.status()
        return found

    def add(
        self, leaf_hashes: Sequence[bytes], search_keys: Sequence[Sequence[bytes]]
    ) -> None:
        """Add the entries from `complete_to` on.

        leaf_hashes: one for each entry.  search_keys: for each entry all that it is
        found by.
        """
        rows = rows_of(leaf_hashes, search_keys, self.complete_to)
        self._add_rows(rows, len(leaf_hashes))

    def add_entries(self, entries: Packed, leaf_hashes: bytes) -> None:
        """Add the entries from `complete_to` on; leaf_hashes: theirs, joined."""
        count = len(entries)
        rows = index_rows(entries.bundle, count, leaf_hashes, self.complete_to)
        self._add_rows(rows, count)

    def _add_rows(self, rows: bytes, entries: int) -> None:
        """Add the rows of so many entries, in order: those of leaves come first."""
        complete_to = self.complete_to + entries
        is_few = len(rows) // ROW_BYTES < _FILE_KEYS
        with _telling():
            (self._write if is_few else self._ingest)(rows, entries, complete_to)
        self.complete_to = complete_to

    def _write(self, rows: bytes, leaves: int, complete_to: int) -> None:
        batch = WriteBatch(raw_mode=True)
        border = leaves * ROW_BYTES
        for key, place in _LEAF_ROW.iter_unpack(rows[:border]):
            batch.put(key, place)
        batch.put(_COMPLETE_TO, complete_to.to_bytes(8, "big"))
        # Not kept: the family is open, and locked, for as long as its handle lives.
        batch.set_default_column_family(self._database.get_column_family_handle(_NAMES))
        for (name,) in _NAME_ROW.iter_unpack(rows[border:]):
            batch.put(name, b"")
        self._database.write(batch)

    def _ingest(self, rows: bytes, leaves: int, complete_to: int) -> None:
        """Add a file to each family; keys must come in order, and the rows are so."""
        border = leaves * ROW_BYTES
        if len(rows) > border:  # RocksDB refuses a file of nothing.
            with self._file(self._names, self._name_options) as writer:
                for (name,) in _NAME_ROW.iter_unpack(rows[border:]):
                    writer[name] = b""
        with self._file(self._database, self._options) as writer:
            for key, place in _LEAF_ROW.iter_unpack(rows[:border]):
                writer[key] = place
            writer[_COMPLETE_TO] = complete_to.to_bytes(8, "big")

    @contextmanager
    def _file(self, family: Rdict, options: Options) -> Iterator[SstFileWriter]:
        """Let the body write a sorted file, and add it to the family."""
        file = str(self._path.with_name("index.sst"))
        writer = SstFileWriter(options)
        writer.open(file)
        yield writer
        writer.finish()
        moving = IngestExternalFileOptions()
        moving.set_move_files(True)
        family.ingest_external_file([file], moving)


@contextmanager
def _telling() -> Iterator[None]:
    """Let RocksDB's error leave the body by its meaning, which stands in its text."""
    try:
        yield
    except Exception as error:
        raise _meaning(str(error)) from error


def _meaning(text: str) -> TlogError:
    is_damage = text.startswith(("Corruption:", "Invalid argument:"))
    is_missing = os.strerror(errno.ENOENT) in text
    if (is_damage or is_missing) and not names_machine_trouble(text):
        return CorruptError("the index", text)
    return MachineError(f"the index cannot be used now: {text}")


def _options(cache: Cache, *, bloom_bits: int = 0) -> Options:
    """Return the options of a family; bloom_bits: a key, if it is asked for keys."""
    table = BlockBasedOptions()
    options = Options(raw_mode=True)
    if bloom_bits:
        table.set_bloom_filter(bloom_bits, False)
        options.set_memtable_prefix_bloom_ratio(0.1)
        options.set_memtable_whole_key_filtering(True)
    # Filters and table indexes stay in memory, about 2 bytes a leaf.  In the cache they
    # are larger than one of its shards: each look-up read and checked them again, and
    # the log slowed by a third from 1 to 4 million entries (measured).
    table.set_block_cache(cache)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    options.set_block_based_table_factory(table)
    options.set_compression_type(DBCompressionType.none())
    # What is in memory reaches the disk for both families in one step, or for neither.
    options.set_atomic_flush(True)
    options.set_write_buffer_size(16 << 20)
    options.set_level_zero_file_num_compaction_trigger(8)
    # Every leaf is asked for once, when it is new, in all sorted runs, and is never
    # written again.  By levels there were up to 94 runs at 6 million entries, and each
    # row was merged half as often again (docs/decisions/0024-*).
    options.set_compaction_style(DBCompactionStyle.universal())
    # A quarter of these flush.  With one merge at a time, 44 runs came together behind
    # a large one, and a look-up took three times as long (docs/decisions/0040-*).
    options.set_max_background_jobs(4)
    options.set_keep_log_file_num(2)
    return options
