"""The way to a log, and what is said where it does not lead to one."""

import datetime
import json
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.support.standing import say, standing_before, tlog
from tests.system.server import ServerProcess, run_tlog, serving
from tests.system.test_submit import proof_of, some_files
from tlogverify import Proof


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("network") / "log") as running:
        yield running


def make_certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return what serves 127.0.0.1, and its certificate, its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "ca.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    return context, certificate


@pytest.mark.parametrize("verb", ["submit", "search", "attest"])
async def test_an_authority_of_ones_own_is_trusted_when_it_is_named(
    server: ServerProcess, tmp_path: Path, verb: str
) -> None:
    context, certificate = make_certificate(tmp_path)
    files = some_files(tmp_path / "files", 1)
    assert 0 == run_tlog("submit", files[0], "--log", server.url).returncode
    server.wait_until_searchable(Proof.read(proof_of(files[0])).index + 1)
    proof_of(files[0]).unlink()
    key = tmp_path / "key"
    assert 0 == run_tlog("keygen", "us", "--type", "p256", "--out", key).returncode
    command = (verb, *files, *(("--key", key) if verb == "attest" else ()))
    async with standing_before(server.url, context) as proxy:
        refused = await tlog(*command, "--log", proxy.url)
        done = await tlog(*command, "--log", proxy.url, "--ca-file", certificate)
    assert 1 == refused.status
    assert "the certificate of 127.0.0.1 is not trusted (self-signed" in refused.err
    assert "--ca-file" in refused.err
    # `attest` may have something to tell of this checkout's remote, too.
    lines = [it for it in done.err.splitlines() if "left out" not in it]
    assert (0, 1) == (done.status, len(lines)), done.err
    assert "no --policy" in lines[0]


def test_a_file_that_is_no_authority_is_refused(
    server: ServerProcess, tmp_path: Path
) -> None:
    (file,) = some_files(tmp_path, 1)
    done = run_tlog("submit", file, "--log", server.url, "--ca-file", file)
    assert 2 == done.returncode
    assert f"{file} holds no certificates in PEM" in done.stderr


@pytest.mark.parametrize("has_policy", [True, False])
async def test_a_proxy_of_the_environment_is_asked(
    server: ServerProcess, tmp_path: Path, has_policy: bool
) -> None:
    (file,) = some_files(tmp_path, 1)
    policy = ("--policy", server.folder / "policy") if has_policy else ()
    async with standing_before(server.url) as proxy:
        done = await tlog(
            *("submit", file, "--log", "http://log.example", *policy),
            variables={"HTTP_PROXY": proxy.url, "NO_PROXY": "", "no_proxy": ""},
        )
        assert {"log.example"} == proxy.hosts
    assert 0 == done.status
    assert proof_of(file).exists()


async def test_a_socks_proxy_is_refused_in_words(tmp_path: Path) -> None:
    done = await tlog(
        *("submit", *some_files(tmp_path, 1), "--log", "http://log.example"),
        variables={"HTTP_PROXY": "socks5://me:s3cret@127.0.0.1:9", "NO_PROXY": ""},
    )
    assert 2 == done.status
    assert "a proxy of the environment is an http:// or https:// URL" in done.err
    assert "s3cret" not in done.err


@pytest.mark.parametrize("has_policy", [True, False])
@pytest.mark.parametrize("url", ["127.0.0.1:8080", "file:///srv/log", "http://a b"])
def test_what_is_no_url_is_told_as_one(
    server: ServerProcess, tmp_path: Path, url: str, has_policy: bool
) -> None:
    (file,) = some_files(tmp_path, 1)
    policy = ("--policy", server.folder / "policy") if has_policy else ()
    done = run_tlog("submit", file, "--log", url, *policy)
    assert 2 == done.returncode
    assert "--log: a URL " in done.stderr


@pytest.mark.parametrize("has_policy", [True, False])
def test_a_path_without_a_log_is_told_as_one(
    server: ServerProcess, tmp_path: Path, has_policy: bool
) -> None:
    (file,) = some_files(tmp_path, 1)
    policy = ("--policy", server.folder / "policy") if has_policy else ()
    done = run_tlog("submit", file, "--log", f"{server.url}/log/", *policy)
    assert 1 == done.returncode
    assert f"there is no log at {server.url}/log: " in done.stderr


@pytest.mark.parametrize("has_policy", [True, False])
async def test_a_page_is_no_log(
    server: ServerProcess, tmp_path: Path, has_policy: bool
) -> None:
    (file,) = some_files(tmp_path, 1)
    policy = ("--policy", server.folder / "policy") if has_policy else ()
    async with standing_before(server.url) as proxy:
        proxy.instead += [say(200)]
        done = await tlog("submit", file, "--log", proxy.url, *policy)
        assert 2 == done.status
        assert f"is there a log at {proxy.url}?" in done.err


def test_a_verifier_key_is_no_policy(server: ServerProcess, tmp_path: Path) -> None:
    (file,) = some_files(tmp_path, 1)
    vkey = server.folder / "log.vkey"
    told = {
        str(vkey): "a verifier key alone is no policy: write `log` before it",
        vkey.read_text().split("\n")[0]: "this is a verifier key: write a file of the "
        "lines `log KEY` and `quorum none`",
    }
    for given, why in told.items():
        done = run_tlog("submit", file, "--log", server.url, "--policy", given)
        assert 2 == done.returncode
        assert why in done.stderr


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"ssh-ed25519 AAAA me", "no public key or certificate in DER or PEM"),
        (
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "private key",
        ),
    ],
)
def test_a_file_that_is_no_public_key_finds_nothing_and_says_why(
    server: ServerProcess, tmp_path: Path, content: bytes, why: str
) -> None:
    (file,) = some_files(tmp_path, 1)
    key = tmp_path / "key"
    key.write_bytes(content)
    for command in (("search", "--key", key), ("submit", file, "--signer", key)):
        done = run_tlog(*command, "--log", server.url)
        assert 2 == done.returncode
        assert why in done.stderr


FAILURES = [
    pytest.param(("submit", "/nowhere/a.bin"), 2, "OSError", id="no-file"),
    pytest.param(("search", "sha256:00"), 2, "FormatError", id="no-digest"),
    pytest.param(("search", "/nowhere/a.bin"), 2, "OSError", id="no-file-to-seek"),
]


@pytest.mark.parametrize(("command", "status", "kind"), FAILURES)
def test_an_error_is_a_json_object_where_json_is_asked_for(
    server: ServerProcess, command: tuple[str, ...], status: int, kind: str
) -> None:
    done = run_tlog(*command, "--log", server.url, "--json")
    assert status == done.returncode
    told = json.loads(done.stdout)
    assert kind == told["kind"]
    assert told["error"] in done.stderr


async def test_a_refusal_is_a_json_object_too(
    server: ServerProcess, tmp_path: Path
) -> None:
    async with standing_before(server.url) as proxy:
        proxy.instead += [say(403)]
        done = await tlog(
            *("submit", *some_files(tmp_path, 1), "--log", proxy.url, "--json"),
            *("--policy", server.folder / "policy"),
        )
    assert 1 == done.status
    assert "RefusedError" == json.loads(done.out)["kind"]
