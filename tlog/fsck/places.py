"""Where the public files of a log lie.  The seam, and the folder."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from tlogverify.tiles import Tile


class Place(Protocol):
    """The public files of one log, read and not changed.

    `read` and `head` raise one of MISSING for what is not there, and another OSError
    for what cannot be read now.
    """

    def where(self, path: str) -> str:
        """Return what a file is called where it is damaged."""
        ...

    def expect(self, tiles: Sequence[Tile]) -> None:
        """Be told which tiles are read next, each once."""
        ...

    def read(self, tile: Tile) -> bytes:
        """Return a tile's bytes."""
        ...

    def head(self, name: str) -> bytes:
        """Return the note of `checkpoint` or of `stored`."""
        ...

    def names(self) -> Iterable[str]:
        """Return the paths of all that lies below tile/, in order."""
        ...


class FolderPlace:
    """The files below public/ of a log's folder."""

    def __init__(self, root: Path) -> None:
        self._public = root / "public"

    def where(self, path: str) -> str:
        """Return the path in the log's folder."""
        return path if path == "stored" else f"public/{path}"

    def expect(self, tiles: Sequence[Tile]) -> None:
        """Leave it to the operating system."""

    def read(self, tile: Tile) -> bytes:
        """Return a file's bytes."""
        # Not by pathlib: two files for each bundle add up.
        with open(f"{self._public}/{tile.path}", "rb", buffering=0) as file:
            return file.read()

    def head(self, name: str) -> bytes:
        """Return the note in public/checkpoint, or in the file beside public/."""
        return (self._public.parent / self.where(name)).read_bytes()

    def names(self) -> Iterable[str]:
        """Return the paths of all files below public/tile/."""
        for file in sorted((self._public / "tile").rglob("*")):
            if not file.is_dir():
                yield file.relative_to(self._public).as_posix()
