"""Names and certificates that are watched, in a log of both kinds of entry."""

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.monitored import Monitored
from tests.support.records import canonical, record
from tests.support.rekor import P256, certificate, private_key
from tests.support.static_log import StaticLog
from tlog.monitor.monitor import Outcome
from tlogverify.rekor import RekorEntry, Signature

IDENTITY, ISSUER = "a@example.org", "https://issuer.example"
DER = certificate(private_key(P256), x509.RFC822Name(IDENTITY), issuer=ISSUER)
SIGNED = RekorEntry(
    "hashedrekord", "SHA2_256", b"d" * 32, (Signature(b"s", P256.details, DER, True),)
).encode()
PLACES = [3, 255, 256, 299]


@pytest.fixture
def log(tmp_path: Path) -> StaticLog:
    log = StaticLog(tmp_path / "log")
    log.add([SIGNED if it in PLACES else canonical(record(it)) for it in range(300)])
    log.publish()
    return log


@pytest.fixture
def monitored(tmp_path: Path, log: StaticLog) -> Monitored:
    return Monitored(tmp_path, str(log.folder))


WATCHES = [
    f"identity:{IDENTITY}",
    f"issuer:{ISSUER}",
    "sha256:" + "64" * 32,
    f"sha256:{hashlib.sha256(DER).hexdigest()}",
]
each_watch = pytest.mark.parametrize(
    "watch", WATCHES, ids=["identity", "issuer", "digest", "certificate"]
)


@each_watch
async def test_a_rekor_entry_is_an_alarm(monitored: Monitored, watch: str) -> None:
    assert Outcome.HITS == await monitored.look(watch=(watch,))
    alarms = monitored.alarms("hit")
    assert PLACES == [it["index"] for it in alarms]
    assert {watch} == {it["watch"] for it in alarms}


@each_watch
async def test_a_new_watch_is_looked_for_in_the_past(
    monitored: Monitored, watch: str
) -> None:
    assert Outcome.QUIET == await monitored.look(watch=("identity:nobody",))
    assert Outcome.HITS == await monitored.look(watch=(watch,))
    assert PLACES == [it["index"] for it in monitored.alarms("hit")]
    assert Outcome.QUIET == await monitored.look(watch=(watch,))


async def test_a_certificate_in_pem_stands_for_what_it_signed(
    monitored: Monitored, tmp_path: Path
) -> None:
    text = base64.b64encode(DER)
    pem = tmp_path / "signer.pem"
    pem.write_bytes(
        b"-----BEGIN CERTIFICATE-----\n" + text + b"\n-----END CERTIFICATE-----\n"
    )
    assert Outcome.HITS == await monitored.look(watch=(str(pem),))
    assert PLACES == [it["index"] for it in monitored.alarms("hit")]
