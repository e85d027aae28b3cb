"""What is watched is found once, wherever it stands and whenever it is asked for."""

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.oracle.rfc6962 import leaf_hash
from tests.support.monitored import Monitored
from tests.support.records import canonical, digest, full_record, record
from tests.support.static_log import (
    POLICY,
    StaticLog,
    bundle_of,
    entries_of,
    tile_path,
)
from tlog.errors import CorruptError
from tlog.monitor.monitor import Outcome
from tlogverify.errors import FormatError
from tlogverify.policy import Policy
from tlogverify.proof import Proof

PLACES = [0, 1, 254, 255, 256, 257, 510, 511, 512, 599]


@pytest.fixture
def log(tmp_path: Path) -> StaticLog:
    return StaticLog(tmp_path / "log")


@pytest.fixture
def monitored(tmp_path: Path, log: StaticLog) -> Monitored:
    return Monitored(tmp_path, str(log.folder))


def records_of(end: int) -> list[bytes]:
    """Return the records of the labels 0 to end - 1."""
    return [canonical(record(label)) for label in range(end)]


def subject_of(label: object) -> str:
    """Return the digest of a record's one subject, as a watch."""
    return "sha256:" + digest(f"artifact {label} 0")


async def test_hits_carry_entry_and_proof(monitored: Monitored, log: StaticLog) -> None:
    log.add(records_of(600))
    log.publish()
    watches = tuple(map(subject_of, PLACES))
    assert Outcome.HITS == await monitored.look(watch=watches)
    found = monitored.alarms()
    assert PLACES == [it["index"] for it in found]
    assert {"hit"} == {it["kind"] for it in found}
    for alarm in found:
        index = alarm["index"]
        assert subject_of(index) == alarm["watch"]
        assert log.entries[index] == alarm["entry"].encode()
        proof = Proof.read(alarm["proof"])
        assert (index, log.entries[index]) == (proof.index, proof.extra)
        witnessed = proof.verify(leaf_hash(log.entries[index]), Policy.parse(POLICY))
        assert 600 == witnessed.checkpoint.size


async def test_a_hit_is_told_once(monitored: Monitored, log: StaticLog) -> None:
    log.add(records_of(700))
    watches = tuple(map(subject_of, PLACES))
    told: list[int] = []
    for size in (1, 255, 256, 300, 511, 513, 700):
        log.publish(size)
        new = [place for place in PLACES if place < size and place not in told]
        expected = Outcome.HITS if new else Outcome.QUIET
        assert expected == await monitored.look(watch=watches)
        assert Outcome.QUIET == await monitored.look(watch=watches)
        told += new
    assert PLACES == [it["index"] for it in monitored.alarms()]
    assert len({it["id"] for it in monitored.alarms()}) == len(PLACES)


async def test_a_new_watch_is_looked_for_in_the_past_without_the_log(
    monitored: Monitored, log: StaticLog
) -> None:
    log.add(records_of(600))
    log.publish()
    await monitored.look()
    for number in (0, 1):
        (log.folder / tile_path("entries", number)).unlink()
    watches = tuple(map(subject_of, PLACES))
    assert Outcome.HITS == await monitored.look(watch=watches)
    assert PLACES == [it["index"] for it in monitored.alarms()]
    assert Outcome.QUIET == await monitored.look(watch=watches)


async def test_the_watch_file_may_change_between_rounds(
    monitored: Monitored, log: StaticLog, tmp_path: Path
) -> None:
    log.add(records_of(300))
    log.publish()
    file = tmp_path / "watches"
    file.write_text(f"# mine\n\n{subject_of(1)}\n")
    assert Outcome.HITS == await monitored.look(watch_file=file)
    file.write_text(f"{subject_of(2)}\nsha256:nonsense\nnowhere\n{subject_of(299)}\n")
    assert Outcome.HITS == await monitored.look(watch_file=file)
    file.unlink()
    file.write_text("")
    assert Outcome.QUIET == await monitored.look(watch_file=file)
    assert [1, 2, 299] == [it["index"] for it in monitored.alarms()]


async def test_every_digest_of_a_record_is_watched(
    monitored: Monitored, log: StaticLog
) -> None:
    log.add([*records_of(5), canonical(full_record("full"))])
    log.publish()
    watches = [f"{it}:{digest('artifact full', it)}" for it in ("sha384", "sha512")]
    watches += [f"sha256:{digest('artifact full')}", f"sha256:{digest('signer')}"]
    watches.append(f"sha256:{digest('provenance full')}")
    assert Outcome.HITS == await monitored.look(watch=tuple(watches))
    assert [5] * 5 == [it["index"] for it in monitored.alarms()]
    assert sorted(watches) == sorted(it["watch"] for it in monitored.alarms())


WANTED = hashlib.sha256(b"wanted").digest()
SPELLINGS = {
    "hex": WANTED.hex().encode(),
    "raw": WANTED,
    "base64": base64.b64encode(WANTED),
    "hex in hex": b"00" + WANTED.hex().encode() + b"ff" * 20,
    "hex in 96 digits": WANTED.hex().encode() + b"a" * 32,
}


@pytest.mark.parametrize("more", [0, 40])
@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_other_entries_are_hit_by_what_they_contain(
    monitored: Monitored, log: StaticLog, spelling: str, more: int
) -> None:
    """Few watches and many are found in two ways: both find all."""
    entries = entries_of(0, 300)
    entries[280] = b"before " + SPELLINGS[spelling] + b" behind"
    entries[10] = b""
    log.add(entries)
    log.publish()
    others = tuple("sha256:" + digest(str(it)) for it in range(more))
    verdict = await monitored.look(watch=(*others, "sha256:" + WANTED.hex()))
    assert Outcome.HITS == verdict
    (alarm,) = monitored.alarms()
    assert 280 == alarm["index"]


async def test_a_record_is_not_hit_by_what_merely_stands_in_it(
    monitored: Monitored, log: StaticLog
) -> None:
    """Half of a longer digest is no digest."""
    log.add([canonical(full_record("full"))])
    log.publish()
    half = digest("artifact full", "sha512")[:64]
    assert Outcome.QUIET == await monitored.look(watch=(f"sha256:{half}",))


async def test_digits_across_two_entries_are_no_hit(
    monitored: Monitored, log: StaticLog
) -> None:
    log.add([WANTED[:16], WANTED[16:]])
    log.publish()
    watch = ("sha256:" + WANTED.hex(),)
    assert Outcome.QUIET == await monitored.look(watch=watch)


async def test_an_empty_entry_can_be_proven(
    monitored: Monitored, log: StaticLog
) -> None:
    log.add([b"", WANTED])
    log.publish()
    await monitored.look(watch=("sha256:" + WANTED.hex(),))
    (alarm,) = monitored.alarms()
    assert 1 == Proof.read(alarm["proof"]).index


async def test_a_file_stands_for_its_digest(
    monitored: Monitored, log: StaticLog, tmp_path: Path
) -> None:
    artifact = tmp_path / "artifact"
    artifact.write_bytes(b"artifact 3 0")
    log.add(records_of(5))
    log.publish()
    assert Outcome.HITS == await monitored.look(watch=(str(artifact),))
    (alarm,) = monitored.alarms()
    assert (3, str(artifact)) == (alarm["index"], alarm["name"])


async def test_a_key_in_pem_stands_for_its_der(
    monitored: Monitored, log: StaticLog, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = tmp_path / "signer.pem"
    pem.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    signer = {"sha256": hashlib.sha256(der).hexdigest()}
    log.add([canonical({**record(1), "signer": signer})])
    log.publish()
    assert Outcome.HITS == await monitored.look(watch=(str(pem),))


@pytest.mark.parametrize(
    "watch",
    ["sha256:", "sha256:zz", "sha256:" + "0" * 63, "sha512:" + "0" * 64, "a\0b"],
)
async def test_a_watch_that_is_none_is_refused(
    monitored: Monitored, log: StaticLog, watch: str
) -> None:
    log.publish(0)
    with pytest.raises(FormatError):
        await monitored.look(watch=(watch,))


async def test_a_file_that_is_not_there_is_refused(
    monitored: Monitored, log: StaticLog
) -> None:
    log.publish(0)
    with pytest.raises(FileNotFoundError):
        await monitored.look(watch=("nowhere/at/all",))


async def test_a_hit_of_a_refused_head_is_never_told(
    monitored: Monitored, log: StaticLog
) -> None:
    """The entry served in its place is another one; then the log is right again."""
    log.add(records_of(600))
    log.publish(100)
    watches = tuple(map(subject_of, [50, 150, 300]))
    await monitored.look(watch=watches)
    log.publish()
    false = [*log.entries[:256]]
    false[99] = canonical(record(300))
    false[200] = canonical(record(150))
    log.put(tile_path("entries", 0), bundle_of(false))
    assert Outcome.ALARM == await monitored.look(watch=watches)
    log.publish()
    assert Outcome.HITS == await monitored.look(watch=watches)
    assert [50, 150, 300] == [it["index"] for it in monitored.alarms("hit")]


async def test_a_hit_in_a_damaged_store_is_not_told(
    monitored: Monitored, log: StaticLog
) -> None:
    log.add(records_of(600))
    log.publish()
    await monitored.look()
    entries = monitored.state / "entries.bin"
    content = bytearray(entries.read_bytes())
    content[10] ^= 1
    entries.write_bytes(content)
    with pytest.raises(CorruptError):
        await monitored.look(watch=(subject_of(5),))
    assert [] == monitored.lines


async def test_a_stop_between_bundles_repeats_nothing_and_misses_nothing(
    monitored: Monitored, log: StaticLog
) -> None:
    """A bundle is missing at first: what came before it is kept, with its hits."""
    log.add(records_of(1100))
    log.publish()
    watches = tuple(map(subject_of, [0, 255, 256, 700, 1099]))
    missing = log.folder / tile_path("entries", 3)
    content = missing.read_bytes()
    missing.unlink()
    assert Outcome.ALARM == await monitored.look(watch=watches)
    assert [] == monitored.alarms("hit")
    missing.write_bytes(content)
    later = (*watches, subject_of(5))
    assert Outcome.HITS == await monitored.look(watch=later)
    assert [0, 5, 255, 256, 700, 1099] == [
        it["index"] for it in monitored.alarms("hit")
    ]
