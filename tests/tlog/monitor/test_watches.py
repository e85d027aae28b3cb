"""The file of watches: read when it changes, and never worse than before."""

import os
from pathlib import Path

import pytest

from tests.support.records import digest
from tlog.monitor.matching import NameWatch
from tlog.monitor.watches import WatchList, parse_watch
from tlogverify.errors import FormatError

ONE, TWO = (f"sha256:{digest(it)}" for it in ("one", "two"))


def labels(watches: WatchList) -> set[str]:
    return {it.label for it in watches.read()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "watches"
    file.write_text(f"{ONE}\n")
    return file


def test_a_change_is_seen(file: Path) -> None:
    watches = WatchList((), file)
    assert {ONE} == labels(watches)
    with file.open("a") as more:
        more.write(f"{TWO}\n")
    assert {ONE, TWO} == labels(watches)


def test_a_file_of_the_same_size_and_time_that_took_its_place_is_seen(
    file: Path,
) -> None:
    watches = WatchList((), file)
    labels(watches)
    before = file.stat()
    other = file.with_name("other")
    other.write_text(f"{TWO}\n")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)
    assert {TWO} == labels(watches)


@pytest.mark.parametrize("lost", ["gone", "too large"])
def test_a_file_that_cannot_be_read_leaves_what_it_said(file: Path, lost: str) -> None:
    watches = WatchList((TWO,), file)
    labels(watches)
    if lost == "gone":
        file.unlink()
    else:
        file.write_bytes(b"\n" * ((16 << 20) + 1))
    assert {ONE, TWO} == labels(watches)
    file.write_text("")
    assert {TWO} == labels(watches)


@pytest.mark.parametrize("line", ["sha256:", "nowhere", "md5:00", "\x00", "\xff"])
def test_a_bad_line_is_named_and_the_rest_stays(
    file: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(f"# watches\n{line}\n  {ONE}  \n")
    assert {ONE} == labels(WatchList((), file))
    shown = capsys.readouterr()
    assert "watch line ignored" in shown.out + shown.err


def test_paths_are_relative_to_the_file(file: Path) -> None:
    file.with_name("artifact").write_bytes(b"one")
    file.write_text("artifact\n")
    assert {ONE} == labels(WatchList((), file))


def test_a_digest_in_capitals_is_the_same(file: Path) -> None:
    (watch,) = parse_watch("sha256:" + ONE[7:].upper(), file.parent)
    assert ONE == watch.label


def test_broken_pem_stands_for_the_file_alone(tmp_path: Path) -> None:
    pem = tmp_path / "broken.pem"
    pem.write_bytes(b"-----BEGIN A-----\nAAA\n-----END A-----\n")
    assert 1 == len(parse_watch(str(pem), tmp_path))


def test_a_private_key_is_not_watched(tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    pem.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    with pytest.raises(FormatError, match="private key"):
        parse_watch(str(pem), tmp_path)


@pytest.mark.parametrize("digits", [64, 96, 128])
def test_a_digest_without_its_kind_is_told_what_it_lacks(
    tmp_path: Path, digits: int
) -> None:
    with pytest.raises(FormatError, match="sha256:"):
        parse_watch("a" * digits, tmp_path)


def test_each_certificate_of_a_chain_is_watched(tmp_path: Path) -> None:
    pem = tmp_path / "chain.pem"
    block = b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n"
    pem.write_bytes(block % b"AAAA" + b"text\n" + block % b"BBBB\nBBBB")
    assert 3 == len(parse_watch(str(pem), tmp_path))


@pytest.mark.parametrize("name", ["a@example.org", "https://a.example/b", "a:b", "é"])
def test_a_name_is_watched_as_it_is_spelled(name: str, file: Path) -> None:
    file.write_text(f"identity:{name}\nissuer:{name}\n")
    watches = WatchList((f"identity:{name}",), file).read()
    expected = (NameWatch("identity", name), NameWatch("issuer", name))
    assert expected == watches
    assert {f"identity:{name}", f"issuer:{name}"} == {it.label for it in watches}


@pytest.mark.parametrize("name", ["", "a\n", "a\x1b[0m", "a" * 2_049])
def test_a_name_that_no_line_can_show_is_refused(name: str) -> None:
    for kind in ("identity", "issuer"):
        with pytest.raises(FormatError):
            parse_watch(f"{kind}:{name}", Path())
