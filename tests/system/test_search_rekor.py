"""`tlog search` in a log with Rekor entries: by digest, signer, identity and issuer."""

import argparse
import asyncio
import hashlib
import json
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.records import canonical, record
from tests.support.rekor import P256, b64, certificate, private_key
from tests.support.running import published, running_log
from tlog.cli import search
from tlogverify.rekor import RekorEntry, Signature

IDENTITY, ISSUER = "a@example.org", "https://issuer.example"
DER = certificate(private_key(P256), x509.RFC822Name(IDENTITY), issuer=ISSUER)
SIGNER = f"sha256:{hashlib.sha256(DER).hexdigest()}"
SIGNATURE = Signature(b"s", P256.details, DER, True)
ARTIFACT = b"an artifact"
ENTRY = RekorEntry(
    "hashedrekord", "SHA2_256", hashlib.sha256(ARTIFACT).digest(), (SIGNATURE,)
).encode()


async def run_search(folder: Path, *words: str) -> int:
    """Search a log of two entries, the second of them a Rekor entry."""
    parser = argparse.ArgumentParser()
    search.add_arguments(parser)
    async with running_log(folder / "log") as (url, log):
        await asyncio.to_thread(
            log.submitting.pool.put([canonical(record(1)), ENTRY]).result, 60
        )
        await published(log)
        options = parser.parse_args(["--log", url, *words])
        return await asyncio.to_thread(search.run, options)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    text = b64(DER)
    pem = f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"
    (tmp_path / "signer.pem").write_text(pem)
    (tmp_path / "signer.der").write_bytes(DER)
    (tmp_path / "artifact").write_bytes(ARTIFACT)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["artifact"],
        ["--key", SIGNER],
        ["--key", "signer.pem"],
        ["--key", "signer.der"],
        ["--identity", IDENTITY],
        ["--issuer", ISSUER],
    ],
    ids=["file", "key", "pem", "der", "identity", "issuer"],
)
async def test_a_rekor_entry_is_found_and_shown(
    files: Path,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(files)
    assert 0 == await run_search(files, *words)
    expected = (
        f"entry 1: hashedrekord signed with certificate {SIGNER} of {IDENTITY}, "
        f"issuer {ISSUER}\n1 entry; the search covers the first 2\n"
    )
    assert expected == capsys.readouterr().out


async def test_the_entry_is_in_the_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == await run_search(tmp_path, "--identity", IDENTITY, "--json")
    document = json.loads(capsys.readouterr().out)
    assert {"index": 1, "entry": ENTRY.decode()} == document


async def test_a_name_of_nobody_finds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 1 == await run_search(tmp_path, "--identity", IDENTITY.upper())
    assert capsys.readouterr().out.startswith("no entries;")


@pytest.mark.parametrize("words", [[], ["artifact", "--identity", IDENTITY]])
async def test_a_search_is_for_exactly_one_thing(
    tmp_path: Path, words: list[str]
) -> None:
    with pytest.raises(SystemExit):
        await run_search(tmp_path, *words)
