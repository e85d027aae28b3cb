"""A log of records and Rekor entries: whole, damaged, and its index made anew."""

import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.rekor import P256, certificate, private_key
from tlog.errors import CorruptError
from tlog.fsck.check import check_folder
from tlog.log.opening import open_log
from tlog.log.rebuilding import rebuild_log
from tlog.log.settings import LogSettings
from tlogverify.kinds import identity_key
from tlogverify.record import Record, Subject
from tlogverify.rekor import RekorEntry, Signature

ORIGIN = "both.example/log"
DER = certificate(private_key(P256), x509.RFC822Name("a@example.org"))
SIGNATURE = Signature(b"s" * 70, P256.details, DER, True)
RECORD = Record((Subject(sha256(b"r").digest()),), sha256(b"p").digest()).encode()
ENTRIES = [
    RECORD,
    RekorEntry("hashedrekord", "SHA2_256", b"d" * 32, (SIGNATURE,)).encode(),
    RekorEntry("dsse", "SHA2_256", b"e" * 32, (SIGNATURE,)).encode(),
]


def settings(folder: Path) -> LogSettings:
    return LogSettings(data=folder, origin=ORIGIN)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "log"
    log = open_log(settings(folder))
    log.start(lambda: None)
    log.submitting.pool.put(ENTRIES).result(60)
    log.close()
    return folder


def by_identity(folder: Path) -> list[int]:
    """Start the log again and look for the certificate's identity."""
    log = open_log(settings(folder))
    try:
        return list(log.stores.index.search(identity_key("a@example.org"), 0, 10))
    finally:
        log.close()


def test_a_log_of_both_kinds_is_whole(folder: Path) -> None:
    verdict = check_folder(folder, lambda done, total: None, tree_only=False)
    assert len(ENTRIES) == verdict.indexed_size
    assert [1, 2] == by_identity(folder)


@pytest.mark.parametrize("number", [1, 2])
def test_a_rekor_entry_that_is_not_canonical_is_found(
    folder: Path, number: int
) -> None:
    (bundle,) = (it for it in folder.rglob("public/tile/entries/**/*") if it.is_file())
    content = bundle.read_bytes()
    changed = ENTRIES[number].replace(b'"apiVersion"', b'"apiversion"')
    assert content.count(ENTRIES[number]) == 1
    bundle.write_bytes(content.replace(ENTRIES[number], changed))
    with pytest.raises(CorruptError):
        check_folder(folder, lambda done, total: None, tree_only=False)


def test_a_new_index_finds_the_identity_again(folder: Path) -> None:
    shutil.rmtree(folder / "index")
    rebuild_log(folder, lambda done, total: None)
    check_folder(folder, lambda done, total: None, tree_only=False)
    assert [1, 2] == by_identity(folder)
