"""`tlog sigstore-config`: three files, each whole, or none and the reason."""

import json
from pathlib import Path

import pytest
from sigstore.models import ClientTrustConfig

from tests.tlog.sigstore.test_existing import BOTH, ROOT
from tlog.cli import main
from tlog.signing import generate_key
from tlog.trial.neighbours import Neighbours, neighbours
from tlogverify.keys import KeyType

NAMES = ("trusted_root", "signing_config", "client_trust_config")


@pytest.fixture(scope="module")
def beside() -> Neighbours:
    """Authorities that nothing here calls: their addresses have ended."""
    with neighbours() as made:
        return made


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    key = generate_key("log.example", KeyType.ED25519)
    path = tmp_path / "policy"
    path.write_text(f"log {key.verifier_key.encode()}\nquorum none\n")
    return path


def configure(
    policy: Path, *flags: str | Path, log: str = "https://log.example"
) -> int:
    out = policy.parent / "sigstore"
    given = ["--log", log, "--out", out, "--policy", policy, *flags]
    return main(["sigstore-config", *map(str, given)])


def written(policy: Path) -> ClientTrustConfig:
    path = policy.parent / "sigstore" / "client_trust_config.json"
    return ClientTrustConfig.from_json(path.read_text())


def test_three_files_are_written_and_summed_up(
    policy: Path, beside: Neighbours, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == configure(policy, *beside.flags(policy.parent))
    folder = policy.parent / "sigstore"
    assert {f"{name}.json" for name in NAMES} == {it.name for it in folder.iterdir()}
    told = capsys.readouterr()
    assert "" == told.err
    assert str(folder / "trusted_root.json") in told.out
    assert "Fulcio URLs: 1" in told.out
    assert [beside.tsa_url] == [it.url for it in written(policy).signing_config._tsas]


def test_json_names_the_paths_and_what_is_missing(
    policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == configure(policy, "--json")
    told = json.loads(capsys.readouterr().out)
    folder = policy.parent / "sigstore"
    assert {name: str(folder / f"{name}.json") for name in NAMES} == {
        name: told[name] for name in NAMES
    }
    assert 6 == len(told["missing"])
    document = json.loads((folder / "trusted_root.json").read_text())
    assert 1 == len(document["tlogs"])


def test_start_operator_and_public_url_are_as_they_are_said(policy: Path) -> None:
    flags = ("--start", "2026-01-31T12:00:00Z", "--operator", "us")
    public = ("--base-url", "https://log.example/")
    assert 0 == configure(policy, *flags, *public, log="http://127.0.0.1:1")
    config = json.loads((policy.parent / "sigstore/signing_config.json").read_text())
    assert [
        {
            "url": "https://log.example/",
            "majorApiVersion": 2,
            "validFor": {"start": "2026-01-31T12:00:00Z"},
            "operator": "us",
        }
    ] == config["rekorTlogUrls"]


def test_what_is_there_already_is_merged(policy: Path, beside: Neighbours) -> None:
    assert 0 == configure(policy, *beside.flags(policy.parent))
    first = policy.parent / "first.json"
    (policy.parent / "sigstore/client_trust_config.json").rename(first)
    # Another log, with what stood beside the first.
    key = generate_key("new.example", KeyType.ED25519)
    policy.write_text(f"log {key.verifier_key.encode()}\nquorum none\n")
    flags = ("--merge", first, "--keep-logs")
    assert 0 == configure(policy, *flags, log="https://new.example")
    config = written(policy)
    assert ["https://new.example", "https://log.example"] == [
        it.base_url for it in config.trusted_root._inner.tlogs
    ]
    assert beside.fulcio_url == config.signing_config.get_fulcio().url


def test_files_are_replaced_as_a_whole(policy: Path) -> None:
    folder = policy.parent / "sigstore"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.json").write_text("old" * 100_000)
    assert 0 == configure(policy)
    assert {f"{name}.json" for name in NAMES} == {it.name for it in folder.iterdir()}
    written(policy)


def test_where_one_file_cannot_be_written_none_is(
    policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = policy.parent / "sigstore"
    last = folder / "client_trust_config.json"
    last.mkdir(parents=True)
    assert 2 == configure(policy)
    assert str(last) in capsys.readouterr().err
    assert [last] == [*folder.iterdir()]


def test_a_flag_replaces_what_is_merged_and_trust_stays(
    policy: Path, beside: Neighbours
) -> None:
    public = policy.parent / "public.json"
    public.write_text(json.dumps(BOTH))
    flags = beside.flags(policy.parent)
    assert 0 == configure(policy, *flags, "--merge", public)
    config = written(policy)
    signing = config.signing_config
    assert (beside.fulcio_url, beside.provider.issuer, [beside.tsa_url]) == (
        signing.get_fulcio().url,
        signing.get_oidc_url(),
        [it.url for it in signing.get_tsas()],
    )
    inner = config.trusted_root._inner
    assert 1 + len(ROOT["ctlogs"]) == len(inner.ctlogs)
    authorities = ROOT["certificateAuthorities"]
    assert 1 + len(authorities) == len(inner.certificate_authorities)


def test_an_earlier_output_of_the_same_log_is_merged(
    policy: Path, beside: Neighbours
) -> None:
    flags = beside.flags(policy.parent)
    assert 0 == configure(policy, *flags, "--start", "2026-01-31T12:00:00Z")
    first = policy.parent / "first.json"
    (policy.parent / "sigstore/client_trust_config.json").rename(first)
    assert 0 == configure(policy, *flags, "--merge", first, "--keep-logs")
    inner = written(policy).trusted_root._inner
    assert (1, 1, 1) == (
        len(inner.tlogs),
        len(inner.ctlogs),
        len(inner.certificate_authorities),
    )


def test_json_has_the_start_and_what_is_there(
    policy: Path, beside: Neighbours, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ("--start", "2026-01-31T12:00:00Z")
    assert 0 == configure(policy, *beside.flags(policy.parent), *start, "--json")
    told = json.loads(capsys.readouterr().out)
    assert start[1] == told["start"]
    assert [] == told["missing"]
    expected = {
        "logs": 0,
        "authorities": 1,
        "ctlogs": 1,
        "timestamp_authorities": 1,
        "ca_urls": 1,
        "oidc_urls": 1,
        "tsa_urls": 1,
    }
    assert expected == told["services"]


def test_a_start_in_the_future_is_told(
    policy: Path, beside: Neighbours, capsys: pytest.CaptureFixture[str]
) -> None:
    future = ("--start", "9000-01-01T00:00:00Z")
    assert 0 == configure(policy, *beside.flags(policy.parent), *future, "--json")
    told = json.loads(capsys.readouterr().out)
    (gap,) = told["missing"]
    assert "used from 9000-01-01T00:00:00Z on" in gap


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--base-url", "https://log.example/path"], "at the root of its host"),
        (["--base-url", "https://other.example"], "origin must be other.example"),
        (["--start", "today"], "is like 2026-01-31T12:00:00Z"),
        (["--start", ""], "is like 2026-01-31T12:00:00Z"),
        (["--operator", "a\tb"], "printable"),
        (["--operator", ""], "1 to 255 characters"),
        (["--base-url", ""], "http or https URL"),
        (["--base-url", "https://log.example:"], "a port after its colon"),
        (["--base-url", "https://other.example"], "a new log, in a new folder"),
        (["--log", "log.example", "--base-url", "https://log.example"], "--log is"),
        (["--fulcio", "https://fulcio.example="], "URL=FILE"),
        (["--fulcio", "a=b", "--fulcio", "a=c"], "--fulcio is given once"),
        (["--tsa", "a=b", "--tsa", "a=c"], "--tsa is given once"),
        (["--oidc", "https://a", "--oidc", "https://b"], "--oidc is given once"),
        (["--oidc", "oidc.example"], "http or https URL"),
        (["--fulcio", "https://fulcio.example"], "URL=FILE"),
        (["--fulcio", "https://fulcio.example=missing.pem"], "No such file"),
        (["--merge", "missing.json"], "No such file"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(
    policy: Path,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    reason: str,
) -> None:
    assert 2 == configure(policy, *flags)
    assert reason in capsys.readouterr().err
    assert not (policy.parent / "sigstore").exists()


@pytest.mark.parametrize("flag", ["--fulcio", "--ctlog", "--tsa", "--merge"])
def test_the_file_that_is_wrong_is_named(
    policy: Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    wrong = policy.parent / "wrong"
    wrong.write_text("{}")
    value = str(wrong) if flag == "--merge" else f"https://beside.example={wrong}"
    assert 2 == configure(policy, flag, value)
    assert str(wrong) in capsys.readouterr().err


def test_a_large_file_is_refused(
    policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = policy.parent / "large.json"
    large.write_bytes(b" " * ((4 << 20) + 1))
    assert 2 == configure(policy, "--merge", large)
    assert f"{large} has at most" in capsys.readouterr().err
