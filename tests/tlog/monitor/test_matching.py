"""Few watches and many, in all spellings, against the plainest search there is."""

import base64
import hashlib
import random
from functools import cache

import pytest
from cryptography import x509

from tests.support.cases import in_one_test
from tests.support.records import canonical, digest, full_record, record
from tests.support.rekor import P256, certificate, private_key
from tests.support.static_log import bundle_of
from tlog.monitor.matching import AnyWatch, Match, Matcher, NameWatch, Watch
from tlogverify.bundles import MAX_ENTRY_BYTES
from tlogverify.kinds import digest_key, search_keys
from tlogverify.rekor import RekorEntry, Signature

SIZES = (32, 48, 64)


def plainly(watches: tuple[Watch, ...], entries: list[bytes]) -> set[tuple[Watch, int]]:
    """Search entry by entry and watch by watch."""
    spellings = [
        (it.digest, it.digest.hex().encode(), base64.b64encode(it.digest).rstrip(b"="))
        for it in watches
    ]
    return {
        (watch, place)
        for place, entry in enumerate(entries)
        for watch, (plain, digits, encoded) in zip(watches, spellings, strict=True)
        if plain in entry or digits in entry or encoded in entry
    }


def found(matches: list[Match]) -> set[tuple[AnyWatch, int]]:
    assert len(matches) == len(set(matches))
    return {(it.watch, it.index) for it in matches}


@in_one_test("count", [1, 32, 33, 100])
@in_one_test("seed", range(20))
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


IDENTITIES = ["a@example.org", "b@example.org", "example.org", "https://issuer.example"]


@cache
def certificate_of(identity: str, issuer: str | None) -> bytes:
    return certificate(private_key(P256), x509.RFC822Name(identity), issuer=issuer)


def rekor_entry(chance: random.Random) -> bytes:
    """Return an entry of some kind, signed with few keys, of few names."""
    ders = [
        (certificate_of(IDENTITIES[0], None), True),
        (certificate_of(IDENTITIES[1], IDENTITIES[3]), True),
        (certificate_of(IDENTITIES[2], IDENTITIES[0]), True),
        (certificate_of(IDENTITIES[1], IDENTITIES[3]), False),
        (b"no certificate, a@example.org", True),
    ]
    count = chance.randint(1, 3)
    signatures = tuple(
        Signature(bytes([it]), P256.details, *chance.choice(ders))
        for it in range(count)
    )
    digest_ = bytes([chance.randrange(4)]) * 32
    if chance.random() < 0.5:
        return RekorEntry("dsse", "SHA2_256", digest_, signatures).encode()
    return RekorEntry("hashedrekord", "SHA2_256", digest_, signatures[:1]).encode()


def key_of(watch: AnyWatch) -> bytes:
    return watch.key if isinstance(watch, NameWatch) else digest_key(watch.digest)


@in_one_test("more", [0, 40])
@in_one_test("seed", range(10))
def test_rekor_entries_are_found_by_their_search_keys(more: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test's own data, the same each time
    entries = [rekor_entry(chance) for _ in range(40)]
    entries += [canonical(record(it)) for it in range(20)]
    chance.shuffle(entries)
    certificate_ = certificate_of(IDENTITIES[1], IDENTITIES[3])
    watches: tuple[AnyWatch, ...] = (
        *(NameWatch("identity", it) for it in IDENTITIES),
        *(NameWatch("issuer", it) for it in IDENTITIES),
        *(Watch(bytes([it]) * 32, "digest") for it in range(3)),
        Watch(hashlib.sha256(certificate_).digest(), "certificate"),
        Watch(bytes.fromhex(digest("artifact 1 0")), "artifact"),
        *(NameWatch("identity", f"other {it}") for it in range(more)),
        *(Watch(bytes([100 + it]) * 32, "other") for it in range(more)),
    )
    keys = [search_keys(entry) for entry in entries]
    expected = {
        (watch, place)
        for place, known in enumerate(keys)
        for watch in watches
        if key_of(watch) in known
    }
    matches = Matcher(watches).search(bundle_of(entries), len(entries))
    assert expected == found(matches)
    assert [it.index for it in matches] == sorted(it.index for it in matches)


def test_what_a_rekor_entry_merely_contains_is_no_match() -> None:
    inner = b"i" * 32
    signature = Signature(inner, P256.details, b"key " + inner, False)
    whole = RekorEntry("hashedrekord", "SHA2_256", bytes(32), (signature,)).encode()
    contained = Watch(inner, "contained")
    assert base64.b64encode(inner).rstrip(b"=") in whole
    assert [] == Matcher((contained,)).search(bundle_of([whole]), 1)
    # The same of a kind that is not known.
    unknown = whole.replace(b"hashedrekord", b"hashedrekorx")
    matches = Matcher((contained,)).search(bundle_of([unknown]), 1)
    assert {(contained, 0)} == found(matches)
