"""Which node writes a log that nodes share, and how the others reach it.  The seam.

Nodes know each other by a secret that the store holds: whoever can read it there could
write there too.
"""

from typing import NamedTuple, Protocol


class Writer(NamedTuple):
    """The node that writes in `term`; address: a URL, or nothing if it has none."""

    term: int
    address: str
    secret: bytes

    def __repr__(self) -> str:  # type: ignore[explicit-override]  # typing: from 3.12
        return f"Writer({self.term}, {self.address!r})"


class Writers(Protocol):
    """The nodes of one log; used by one thread at a time.

    here: this node, as the others are told of it when it writes.
    """

    here: Writer

    def find(self) -> Writer | None:
        """Return the node that wrote last, if any; MachineError if it is not known."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...
