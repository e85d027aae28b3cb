"""The kernels, if they were built: there may have been no C compiler."""

from collections.abc import Callable

from tlog.hashing.backend import Backend

Maker = Callable[[str, int], Backend]
"""Makes the backend of a kernel's name and threads; LookupError if it is not here."""


def make_nothing(name: str, threads: int) -> Backend:
    """Refuse: no kernel was built."""
    raise LookupError(f"{name}, {threads} threads: no kernel was built")


try:
    from tlog.hashing.native import NativeBackend
except ImportError:
    make_native: Maker = make_nothing
else:
    make_native = NativeBackend
