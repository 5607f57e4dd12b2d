"""A certificate of one's own, for tests and closed networks: signed by itself, so that it is its own authority. A year long."""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
import ssl
from typing import TYPE_CHECKING

from dockerkit.errors import Invalid

if TYPE_CHECKING:
    from cryptography import x509

LIFE = datetime.timedelta(days=365)


def context(certificate: str, key: str) -> ssl.SSLContext:
    """Return how to speak TLS with a certificate.

    :raises Invalid: one of the files cannot be used.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_alpn_protocols(["http/1.1"])
    try:
        made.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError) as error:
        raise Invalid(f"the certificate {certificate} with the key {key} cannot be used: {error}") from None
    return made


def make(directory: str, host: str) -> tuple[str, str]:
    """Make a certificate and its key in a directory, and return their paths.

    :param host: where the registry listens; names of this host and loopback are in it, too.
    """
    from cryptography import x509  # noqa: PLC0415 - heavy, and only here
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "dockerkit registry")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    names = [_name(one) for one in dict.fromkeys(("127.0.0.1", "::1", "localhost", socket.gethostname(), host)) if one]
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    signed = builder.sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paths = os.path.join(directory, "registry.crt"), os.path.join(directory, "registry.key")
    for path, content, mode in (
        (paths[0], signed.public_bytes(serialization.Encoding.PEM), 0o644),
        (paths[1], key.private_bytes(*form), 0o600),
    ):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode), "wb") as file:
            file.write(content)
    return paths


def _name(host: str) -> x509.GeneralName:
    from cryptography import x509  # noqa: PLC0415

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
