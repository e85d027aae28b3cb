"""What can be damaged, as programs are told; each kind has a cure in operations.md."""

from typing import Literal

from tlog.errors import CorruptError

Kind = Literal[
    "format",
    "keys",
    "head",
    "bundle",
    "tile",
    "bundle-and-tile",
    "bundle-or-tile",
    "entry",
    "leftover",
    "index",
    "journal",
    "document",
]
"""bundle-or-tile: the two differ, and nothing that is whole tells which is right."""


class DamageError(CorruptError):
    """The first damaged place of a folder; kind: what it is part of."""

    def __init__(self, kind: Kind, where: str, why: str) -> None:
        self.kind = kind
        super().__init__(where, why)
