"""One line of printable ASCII, cut to its length: what Kubernetes shows to people.

Longer warnings may be dropped by the API server.  Source: Kubernetes, "Dynamic
Admission Control", "Response".  PURE.
"""

from typing import Final

MAX_WARNING_CHARS: Final = 119
MAX_MESSAGE_CHARS: Final = 1_000
MAX_ANNOTATION_CHARS: Final = 1_000


def ascii_line(text: str, most: int) -> str:
    """Return `text` in printable ASCII on one line of at most `most` characters."""
    encoded = text.encode("ascii", "backslashreplace").decode()
    line = "".join(it if " " <= it <= "~" else " " for it in encoded)
    return line if len(line) <= most else f"{line[: most - 3]}..."
