"""How many bytes the parts of a log's folder have, for those who plan its disk."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PARTS: Final[Mapping[str, str]] = {
    "entries": "public/tile/entries",
    "tiles": "public/tile",
    "index": "index",
    "journal": "",
    "documents": "documents",
}
"""The folder of each part; the journal is the files of that name in the folder itself.

`tiles` is what `entries` is not.
"""


def folder_bytes(root: Path) -> dict[str, int]:
    """Return the bytes of each part; a file that goes away meanwhile has none."""
    found = {
        part: _bytes_below(root / name) for part, name in PARTS.items() if name != ""
    }
    found["tiles"] -= found["entries"]
    found["journal"] = sum(map(_size, root.glob("journal.db*")))
    return found


def _bytes_below(folder: Path) -> int:
    return sum(
        _size(Path(path, name)) for path, _, names in os.walk(folder) for name in names
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
