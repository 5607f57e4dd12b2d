"""Debian's docker-registry on loopback, with or without login and TLS, and a token service for it. Nothing of it stays."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from dockerkit.daemon.registry.contract import Credentials

ALICE = Credentials("alice", "secret")
_LISTENING = re.compile(rb"listening on (127\.0\.0\.1:\d+)")


def why_not(*programs: str) -> str:
    """Say what is missing; empty when nothing is."""
    absent = [name for name in programs if not shutil.which(name)]
    return f"not installed: {', '.join(absent)} (apt-get install docker-registry skopeo)" if absent else ""


@contextlib.contextmanager
def real_registry(
    directory: pathlib.Path,
    http_part: dict[str, Any] | None = None,
    auth: dict[str, Any] | None = None,
    *,
    beside: int = 0,
) -> Iterator[str]:
    """Run docker-registry on a port the kernel chooses; yield ``127.0.0.1:port``.

    :param beside: the process in whose network it shall be; 0: in this one's.
    """
    directory.mkdir(parents=True, exist_ok=True)
    config = {
        "version": "0.1",
        "log": {"level": "info"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}, "delete": {"enabled": True}},
        "http": {"addr": "127.0.0.1:0", **(http_part or {})},
        **({"auth": auth} if auth else {}),
    }
    path = directory / "config.yml"
    path.write_text(json.dumps(config))  # JSON is YAML
    entry = ["nsenter", "--net", "--target", str(beside)] if beside else []
    process = subprocess.Popen(
        [*entry, "docker-registry", "serve", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    drain = None
    try:
        name = _await_listening(process)
        drain = threading.Thread(target=lambda: list(process.stderr or ()), daemon=True)
        drain.start()
        yield name
    finally:
        process.terminate()
        process.wait(20)
        if drain:
            drain.join(10)
        assert process.stderr
        process.stderr.close()


def _await_listening(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr
    said, deadline = b"", time.monotonic() + 20
    while time.monotonic() < deadline and select.select([process.stderr], [], [], 20)[0]:
        piece = os.read(process.stderr.fileno(), 65536)
        said += piece
        if found := _LISTENING.search(said):
            return found[1].decode()
        if not piece:
            break
    raise AssertionError(f"docker-registry did not start: {said.decode(errors='replace')}")


class TokenService:
    """Gives tokens: everybody may pull, alice may do everything. A context manager.

    :param directory: receives the certificate a registry checks tokens with.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._certificate = _self_signed(self._key)
        directory.mkdir(parents=True, exist_ok=True)
        self.bundle = directory / "token.crt"
        self.bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        self.asked: list[tuple[str, list[str]]] = []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.answer(self)

            def log_message(self, *_: object) -> None:
                """Silent."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def auth(self) -> dict[str, Any]:
        """The registry's configuration for it."""
        realm = f"http://127.0.0.1:{self._server.server_address[1]}/token"
        return {"token": {"realm": realm, "service": "svc", "issuer": "dockerkit-test", "rootcertbundle": str(self.bundle)}}

    def __enter__(self) -> TokenService:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(handler.path).query)
        user = base64.b64decode(handler.headers.get("Authorization", "")[6:]).decode()
        self.asked.append((user.partition(":")[0], query.get("scope", [])))
        trusted = user == "alice:secret"
        if user and not trusted:
            return _reply(handler, 401, {"details": "incorrect username or password"})
        access = []
        for scope in query.get("scope", []):
            kind, name, actions = scope.split(":")
            allowed = [one for one in actions.split(",") if trusted or one == "pull"]
            access.append({"type": kind, "name": name, "actions": allowed})
        token = self._sign({"aud": query["service"][0], "sub": user.partition(":")[0], "access": access})
        return _reply(handler, 200, {"token": token, "expires_in": 300})

    def _sign(self, claims: dict[str, Any]) -> str:
        now = int(time.time())
        der = base64.b64encode(self._certificate.public_bytes(serialization.Encoding.DER)).decode()
        head = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
        claims = {"iss": "dockerkit-test", "exp": now + 300, "nbf": now - 10, "iat": now, "jti": str(len(self.asked)), **claims}
        message = f"{_bare(json.dumps(head).encode())}.{_bare(json.dumps(claims).encode())}"
        return f"{message}.{_bare(self._key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _reply(handler: http.server.BaseHTTPRequestHandler, status: int, document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _bare(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _self_signed(key: rsa.RSAPrivateKey) -> x509.Certificate:
    import datetime

    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tokens")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
    return builder.not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
