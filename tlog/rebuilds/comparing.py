"""Two files: equal, equal after named stabilisers, or different by how much.

A stabiliser levels one thing that builds often differ in and that nobody runs.  Those
that are needed are named, so that who reads the result can disagree with one of them:

    zip-dates tar-dates      when a member was changed last
    zip-modes tar-modes      its permissions
    tar-owners               whose it is
    zip-compression          how it is packed
    zip-order tar-order      where it stands
    zip-container tar-container    whatever else holds the same members
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tlog.rebuilds.members import Archive, read_archive
from tlogverify.files import sha256_file

Result = Literal["equal", "stabilised", "different"]

_BLOCK_BYTES: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Difference:
    """One member that differs; how: added, removed, or changed by so many bytes."""

    name: str
    how: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found.

    variance: the share of the original's bytes that differ, 0 to 1; of archives, of the
    bytes of their members.  original, rebuilt: SHA-256.
    """

    result: Result
    original: bytes
    rebuilt: bytes
    stabilisers: tuple[str, ...] = ()
    variance: float = 0.0
    differences: tuple[Difference, ...] = ()


def compare_files(original: Path, rebuilt: Path) -> Comparison:
    """Compare two files; FormatError for an archive that cannot be read."""
    digests = sha256_file(original), sha256_file(rebuilt)
    if digests[0] == digests[1]:
        return Comparison("equal", *digests)
    ours, theirs = read_archive(original), read_archive(rebuilt)
    if ours is None or theirs is None or ours.kind != theirs.kind:
        count, size = _differing_bytes(original, rebuilt)
        found = Difference(original.name, f"changed: {count} of {size} bytes")
        return Comparison("different", *digests, (), count / size, (found,))
    differences = tuple(_differing_members(ours, theirs))
    if differences:
        return Comparison("different", *digests, (), _share(ours, theirs), differences)
    return Comparison("stabilised", *digests, tuple(_stabilisers(ours, theirs)))


def _differing_members(ours: Archive, theirs: Archive) -> Iterator[Difference]:
    for name in sorted({*ours.members, *theirs.members}):
        mine, other = ours.members.get(name), theirs.members.get(name)
        if mine is None:
            yield Difference(name, "added")
        elif other is None:
            yield Difference(name, "removed")
        elif mine.sha256 != other.sha256:
            yield Difference(name, f"changed: {mine.size} bytes, now {other.size}")


def _share(ours: Archive, theirs: Archive) -> float:
    """Return the share of bytes that are in members which differ."""
    total = sum(it.size for it in ours.members.values())
    same = sum(
        it.size
        for name, it in ours.members.items()
        if name in theirs.members and theirs.members[name].sha256 == it.sha256
    )
    # What was added differs too, and an archive of nothing differs wholly from more.
    added = sum(
        it.size for name, it in theirs.members.items() if name not in ours.members
    )
    return min((total - same + added) / max(total, 1), 1.0)


def _stabilisers(ours: Archive, theirs: Archive) -> Iterator[str]:
    needed = {
        trait
        for name, mine in ours.members.items()
        for trait, value in mine.traits.items()
        if theirs.members[name].traits[trait] != value
    }
    if [*ours.members] != [*theirs.members]:
        needed.add(f"{ours.kind}-order")
    yield from sorted(needed or {f"{ours.kind}-container"})


def _differing_bytes(original: Path, rebuilt: Path) -> tuple[int, int]:
    """Return at how many places two files differ, and how long the longer one is."""
    count = 0
    with original.open("rb") as mine, rebuilt.open("rb") as other:
        while True:
            block, beside = mine.read(_BLOCK_BYTES), other.read(_BLOCK_BYTES)
            if not block and not beside:
                break
            count += abs(len(block) - len(beside))
            if block != beside:
                pairs = zip(block, beside, strict=False)
                count += sum(a != b for a, b in pairs)
    return count, max(original.stat().st_size, rebuilt.stat().st_size)
