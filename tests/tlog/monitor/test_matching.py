"""Few watches and many, in all spellings, against the plainest search there is."""

import base64
import random

import pytest

from tests.support.records import canonical, digest, full_record, record
from tests.support.static_log import bundle_of
from tlog.monitor.matching import AnyWatch, Match, Matcher, Watch
from tlogverify.bundles import MAX_ENTRY_BYTES

SIZES = (32, 48, 64)


def plainly(watches: tuple[Watch, ...], entries: list[bytes]) -> set[tuple[Watch, int]]:
    """Search entry by entry and watch by watch."""
    return {
        (watch, place)
        for place, entry in enumerate(entries)
        for watch in watches
        if watch.digest in entry
        or watch.digest.hex().encode() in entry
        or base64.b64encode(watch.digest).rstrip(b"=") in entry
    }


def found(matches: list[Match]) -> set[tuple[AnyWatch, int]]:
    assert len(matches) == len(set(matches))
    return {(it.watch, it.place) for it in matches}


@pytest.mark.parametrize("count", [1, 32, 33, 100])
@pytest.mark.parametrize("seed", range(20))
def test_all_spellings_are_found_in_entries_that_are_no_records(
    count: int, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test's own data, the same each time
    watches = tuple(
        Watch(chance.randbytes(chance.choice(SIZES)), str(it)) for it in range(count)
    )
    entries = []
    for _ in range(256):
        filler = chance.choice([b"", b"ABC def", chance.randbytes(9), b"0123456789ab"])
        named = b""
        if chance.random() < 0.1:
            digest_ = chance.choice(watches).digest
            # Sometimes but for one byte.
            if chance.random() < 0.3:
                digest_ = digest_[:-1] + bytes([digest_[-1] ^ 1])
            spellings = [digest_, digest_.hex().encode(), base64.b64encode(digest_)]
            named = chance.choice(spellings)
        entries.append(filler + named + chance.choice([b"", filler]))
    expected = plainly(watches, entries)
    assert expected == found(Matcher(watches).search(bundle_of(entries), 256))


@pytest.mark.parametrize("more", [0, 50])
def test_a_record_is_found_by_its_digests_alone(more: int) -> None:
    entries = [canonical(record(1)), canonical(full_record("full"))]
    kinds = [
        ("artifact 1 0", "sha256"),
        ("artifact full", "sha512"),
        ("signer", "sha256"),
    ]
    named = tuple(Watch(bytes.fromhex(digest(*it)), it[0]) for it in kinds)
    half = Watch(bytes.fromhex(digest("artifact full", "sha384")[:64]), "half")
    others = tuple(Watch(bytes([it]) * 32, "other") for it in range(more))
    matcher = Matcher((*named, half, *others))
    expected = {(named[0], 0), (named[1], 1), (named[2], 1)}
    assert expected == found(matcher.search(bundle_of(entries), 2))


def test_many_digits_in_a_row_are_searched() -> None:
    """An entry of nothing but digits, with a digest at its very end."""
    wanted = Watch(bytes(range(32)), "wanted")
    others = tuple(Watch(bytes([it]) * 32, "other") for it in range(50))
    entry = b"e" * (MAX_ENTRY_BYTES - 64) + wanted.digest.hex().encode()
    matches = Matcher((wanted, *others)).search(bundle_of([entry]), 1)
    assert {(wanted, 0)} == found(matches)


def test_no_watch_finds_nothing() -> None:
    assert [] == Matcher(()).search(bundle_of([b"a"]), 1)
