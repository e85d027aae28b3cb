"""TLS over real sockets: the certificate changes without a restart."""

import asyncio
import datetime
import json
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.cases import case
from tests.tlog.gate.workshop import (
    GOOD,
    no_judge,
    place,
    pod,
    review,
    running_gate,
)
from tlog.gate.opening import OpenGate
from tlogverify.errors import FormatError


def write_pair(folder: Path, name: str) -> tuple[bytes, bytes]:
    """Return a chain of one certificate for localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    chain = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "tls.crt").write_bytes(chain)
    (folder / "tls.key").write_bytes(secret)
    return chain, secret


async def answer(
    url: str, authority: bytes, *, named: bool = True
) -> tuple[int, bytes]:
    """Ask over TLS; return the status and the certificate that was shown."""
    context = ssl.create_default_context(cadata=authority.decode())
    context.check_hostname = named
    port = int(url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost" if named else ""
    )
    try:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        head = await reader.readuntil(b"\r\n")
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return int(head.split()[1]), shown
    finally:
        writer.transport.abort()


def der(chain: bytes) -> bytes:
    """Return the certificate of a chain of one."""
    return ssl.PEM_cert_to_DER_cert(chain.decode())


async def test_new_connections_get_the_new_certificate_and_old_ones_stay(
    tmp_path: Path,
) -> None:
    made = place(tmp_path)
    first, _ = write_pair(tmp_path, "first")
    pair = {
        "certificate": tmp_path / "tls.crt",
        "certificate_key": tmp_path / "tls.key",
    }
    async with running_gate(made, **pair) as served:
        assert served.url.startswith("https://")
        context = ssl.create_default_context(cadata=first.decode())
        port = int(served.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="localhost"
        )
        assert (200, der(first)) == await answer(served.url, first)
        second, _ = write_pair(tmp_path, "second")
        assert (200, der(second)) == await answer(served.url, second)
        # Who names no host is shown it too.
        assert (200, der(second)) == await answer(served.url, second, named=False)
        with pytest.raises(ssl.SSLCertVerificationError):
            await answer(served.url, first)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
        writer.transport.abort()
        # Half of a new pair changes nothing, until the other half is there.
        (tmp_path / "tls.crt").write_bytes(first)
        assert (200, der(second)) == await answer(served.url, second)
        failures = "tlog_gate_reload_failures_total"
        counted = served.gate.metrics.render().decode()
        assert f'{failures}{{file="certificate"}} 1.0' in counted
        fourth, _ = write_pair(tmp_path, "fourth")
        assert (200, der(fourth)) == await answer(served.url, fourth)


async def test_who_speaks_no_tls_gets_nothing_and_others_are_served(
    tmp_path: Path,
) -> None:
    made = place(tmp_path)
    chain, _ = write_pair(tmp_path, "first")
    pair = {
        "certificate": tmp_path / "tls.crt",
        "certificate_key": tmp_path / "tls.key",
    }
    async with running_gate(made, **pair) as served:
        port = int(served.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"HTTP" not in await reader.read()
        writer.transport.abort()
        # Many at once are accepted beside the loop's own way.
        asked = [answer(served.url, chain) for _ in range(20)]
        assert {200} == {status for status, _ in await asyncio.gather(*asked)}


def test_without_a_certificate_it_listens_on_loopback_alone(tmp_path: Path) -> None:
    made = place(tmp_path)
    for listen in ("0.0.0.0:0", "gate.example:443", "[::]:0"):
        with pytest.raises(FormatError, match="loopback alone"):
            made.settings(listen=listen).require_whole()
    for listen in ("127.0.0.1:0", "localhost:0", "[::1]:0"):
        made.settings(listen=listen).require_whole()
    half = made.settings(certificate=tmp_path / "tls.crt")
    with pytest.raises(FormatError, match="go together"):
        half.require_whole()


def test_a_pair_that_does_not_fit_is_refused_at_the_start(tmp_path: Path) -> None:
    made = place(tmp_path)
    write_pair(tmp_path, "first")
    chain = (tmp_path / "tls.crt").read_bytes()
    write_pair(tmp_path, "second")
    (tmp_path / "tls.crt").write_bytes(chain)
    pair = {
        "certificate": tmp_path / "tls.crt",
        "certificate_key": tmp_path / "tls.key",
    }
    with pytest.raises(FormatError, match="no certificate and its key"):
        OpenGate(made.settings(**pair), load_judge=no_judge)
    (tmp_path / "tls.key").unlink()
    with pytest.raises(FileNotFoundError, match=r"tls\.key"):
        OpenGate(made.settings(**pair), load_judge=no_judge)


async def status_of(url: str, target: str, context: ssl.SSLContext) -> int:
    """Post a review, or nothing, over TLS; return the status."""
    port = int(url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    body = b"" if target.startswith("GET") else json.dumps(review(pod(GOOD))).encode()
    head = f"{target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    try:
        writer.write(head.encode() + body)
        return int((await reader.readuntil(b"\r\n")).split()[1])
    finally:
        writer.transport.abort()


async def test_who_shows_no_certificate_of_a_known_authority_is_not_answered(
    tmp_path: Path,
) -> None:
    made = place(tmp_path)
    folders = {it: tmp_path / it for it in ("client", "stranger")}
    for name, folder in folders.items():
        folder.mkdir()
        write_pair(folder, name)
    chain, _ = write_pair(tmp_path, "gate")
    authorities = tmp_path / "clients.pem"
    authorities.write_bytes((folders["client"] / "tls.crt").read_bytes())
    settings = {
        "certificate": tmp_path / "tls.crt",
        "certificate_key": tmp_path / "tls.key",
        "client_authorities": authorities,
    }

    def showing(name: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=chain.decode())
        if name:
            folder = folders[name]
            context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
        return context

    async with running_gate(made, **settings) as served:
        for target in ("POST /admit/enforce", "POST /break-glass", "POST /v1/decide"):
            with case(target):
                assert 403 == await status_of(served.url, target, showing(""))
                known = await status_of(served.url, target, showing("client"))
                assert (400 if "decide" in target else 200) == known
        assert 200 == await status_of(served.url, "GET /healthz", showing(""))
        assert 200 == await status_of(served.url, "GET /metrics", showing(""))
        # A stranger's certificate ends the handshake, or the connection after it.
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await status_of(served.url, "POST /admit/enforce", showing("stranger"))
        # Authorities change as the certificate does.
        draft = tmp_path / "draft"
        draft.write_bytes((folders["stranger"] / "tls.crt").read_bytes())
        draft.replace(authorities)
        target = "POST /admit/enforce"
        assert 200 == await status_of(served.url, target, showing("stranger"))
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await status_of(served.url, target, showing("client"))
    without = made.settings(client_authorities=authorities)
    with pytest.raises(FormatError, match="needs --certificate"):
        without.require_whole()
