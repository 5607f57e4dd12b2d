"""TLS: connections are kept and upgraded; what TLS sockets cannot do is refused."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import pathlib
import socket
import ssl
import threading
from typing import Any

import pytest

from dockerkit import errors
from dockerkit.client.client import Client
from dockerkit.client.exchange import can_half_close, exchange

x509 = pytest.importorskip("cryptography.x509", reason="makes the certificate; pip install cryptography")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder as Docker's clients have it: ca.pem, cert.pem, key.pem, for 127.0.0.1."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificates")
    pem = made.public_bytes(serialization.Encoding.PEM)
    for file in ("ca.pem", "cert.pem"):
        (folder / file).write_bytes(pem)
    kind, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(kind, form, serialization.NoEncryption()))
    return folder


def head(peer: ssl.SSLSocket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        got += peer.recv(65536)
    return got


@pytest.fixture
def server(certificates: pathlib.Path) -> Any:
    """An engine that requires a client certificate: answers a ping twice, then upgrades and talks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        raw, _ = listener.accept()
        with contextlib.suppress(ssl.SSLError), context.wrap_socket(raw, server_side=True) as peer:
            for _ in range(2):
                head(peer)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
            head(peer)
            peer.sendall(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
            peer.sendall(b"x" * 300_000)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    thread.join(10)


def test_kept_and_upgraded_over_tls(server: str, certificates: pathlib.Path) -> None:
    with Client(server, tls=certificates, api_version="1.40", timeout=10) as client:
        assert client.ping()
        assert client.ping(), "the connection is kept: session tickets are no reason to drop it"
        stream = client.engine.upgrade("/containers/x/attach")
        said = bytearray()
        assert exchange(stream, None, said.extend)
        assert not can_half_close(stream.socket)
        stream.close()
    assert bytes(said) == b"x" * 300_000


def test_certificate_of_nobody_we_trust(server: str) -> None:
    with pytest.raises(errors.Unavailable, match="certificate"):
        Client(server, timeout=10).ping()
