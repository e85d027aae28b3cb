"""Which proxy a URL is asked through, and what a file of authorities must hold."""

from pathlib import Path

import pytest

from tlogclient.network import find_proxy, trust_authorities
from tlogverify import FormatError

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method")
LOG = "https://log.example/log"
PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_without_variables_there_is_no_proxy() -> None:
    assert find_proxy(LOG) is None


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_the_variable_of_the_scheme_or_of_all_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, PROXY)
    assert find_proxy(LOG) == PROXY


def test_another_schemes_variable_names_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    assert find_proxy(LOG) is None


def test_a_proxy_may_be_a_host_and_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    assert find_proxy(LOG) == PROXY


@pytest.mark.parametrize("names", ["log.example", ".example", "*"])
def test_no_proxy_names_hosts_that_are_asked_directly(
    monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", names)
    assert find_proxy(LOG) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost"])
def test_this_machine_is_asked_directly(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    assert find_proxy(f"http://{host}:8080") is None


@pytest.mark.parametrize("proxy", ["socks5://me:s3cret@a:1080", "http://", "ftp://a"])
def test_a_proxy_of_another_kind_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(FormatError, match="proxy") as raised:
        find_proxy(LOG)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"no certificate\n", b"\x30\x82"])
def test_a_file_without_authorities_is_refused_by_its_name(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(content)
    with pytest.raises(FormatError, match=r"ca\.pem holds no certificates"):
        trust_authorities(file)


def test_a_file_of_authorities_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"ca\.pem"):
        trust_authorities(tmp_path / "ca.pem")
