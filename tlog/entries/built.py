"""The scanner, if it was built: there may have been no C compiler."""

from collections.abc import Callable

from tlog.entries.packed import Packed

BodyScanner = Callable[[bytes, int], Packed | None]
"""From a body, and the most entries that it may have, to these entries."""

RowScanner = Callable[[bytes, int, bytes, int], bytes | None]
"""From a bundle, its width, its leaf hashes and the first index to rows."""


def decline(*_: object) -> None:
    """Recognise nothing."""


try:
    from tlog.entries.native import scan_body, scan_rows
except ImportError:
    body_scanner: BodyScanner = decline
    row_scanner: RowScanner = decline
else:
    body_scanner, row_scanner = scan_body, scan_rows
