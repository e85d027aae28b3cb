"""How a test states that one changed thing is refused."""

from collections.abc import Callable, Iterator, Sequence

from tlogverify.errors import ProofError


def is_refused(verify: Callable[..., None], *arguments: object) -> bool:
    """Tell whether a verification raises ProofError; faster than `pytest.raises`."""
    try:
        verify(*arguments)
    except ProofError:
        return True
    return False


def flip(value: bytes, bit: int = 0) -> bytes:
    """Return `value` with one bit changed."""
    at = bit % (8 * len(value))
    changed = bytearray(value)
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)


def changed_paths(path: Sequence[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """Return `path` after every change of one thing, and what was changed."""
    for at, value in enumerate(path):
        yield f"bit of {at}", [*path[:at], flip(value, 37 * at), *path[at + 1 :]]
        yield f"short {at}", [*path[:at], value[:-1], *path[at + 1 :]]
        yield f"drop {at}", [*path[:at], *path[at + 1 :]]
        yield f"twice {at}", [*path[:at], value, *path[at:]]
    for at in range(len(path) + 1):
        yield f"add at {at}", [*path[:at], b"\x55" * 32, *path[at:]]
    for at in range(len(path) - 1):
        swapped = [path[at + 1], path[at]]
        yield f"swap at {at}", [*path[:at], *swapped, *path[at + 2 :]]
