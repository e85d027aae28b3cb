"""What fuzzing has kept, read by the scanner that is built in and by Python.

The scanner may decline anything; what it takes, Python must take too, with the same
bytes.
"""

from pathlib import Path

from tests.fuzz.seeds import LISTED
from tlog import hashing
from tlog.entries.built import body_scanner, decline, row_scanner
from tlog.entries.packed import Packed
from tlog.entries.rows import plain_rows
from tlog.entries.submission import MAX_ENTRIES, parse_json_submission
from tlogverify.bundles import encode_bundle
from tlogverify.errors import FormatError

_START = 7


def replay_bodies(corpus: Path) -> bool:
    """Print how many bodies there are, and return whether Python says the same."""
    taken = wrong = 0
    for path in _files(corpus):
        body = path.read_bytes()
        found = body_scanner(body, MAX_ENTRIES)
        if found is None:
            continue
        taken += 1
        if found.bundle != _parsed(body):
            wrong += 1
            print(f"{path}: Python reads another bundle, or none")
    return _told("bodies", corpus, taken, wrong)


def replay_rows(corpus: Path) -> bool:
    """The same of bundles and their rows."""
    taken = wrong = 0
    for path in _files(corpus):
        content = path.read_bytes()
        count, bundle = content[0] if content else 0, _bundle(content)
        try:
            leaf_hashes = hashing.bundle_leaf_hashes(bundle, count)
        except FormatError:
            # The scanner looks at it all the same, and must decline it.
            leaf_hashes = bytes(32 * count)
        found = row_scanner(bundle, count, leaf_hashes, _START)
        if found is None:
            continue
        taken += 1
        if found != _rows(bundle, count, leaf_hashes):
            wrong += 1
            print(f"{path}: Python makes other rows, or none")
    return _told("rows", corpus, taken, wrong)


def _bundle(content: bytes) -> bytes:
    if content[1:2] and content[1] & LISTED:
        return encode_bundle(content[2:].split(b"\n"))
    return content[2:]


def _files(corpus: Path) -> list[Path]:
    return sorted(corpus.iterdir()) if corpus.is_dir() else []


def _parsed(body: bytes) -> bytes | None:
    try:
        return Packed.of(parse_json_submission(body)).bundle
    except FormatError:
        return None


def _rows(bundle: bytes, count: int, leaf_hashes: bytes) -> bytes | None:
    try:
        return plain_rows(bundle, count, leaf_hashes, _START)
    except FormatError:
        return None


def _told(what: str, corpus: Path, taken: int, wrong: int) -> bool:
    read = len(_files(corpus))
    if read and body_scanner is decline:
        print(f"{what}: not read by the scanner, which is not built here")
    else:
        print(f"{what}: {read} read again, {taken} taken by the scanner, {wrong} wrong")
    return wrong == 0
