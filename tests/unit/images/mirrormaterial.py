"""A distribution's archive made by hand, served on loopback: packages, indices, and a signature that is only a first line."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import tarfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dockerkit.daemon.images.platform import host_platform
from dockerkit.errors import Damaged
from tests.unit.images.imagematerial import Member, tar

SIGNED = b"signed by a friend\n"
ARCHITECTURE = {"amd64": "amd64", "arm64": "arm64"}.get(host_platform().architecture, "amd64")
DATE = "Sat, 11 Jul 2026 10:16:37 UTC"


def deb(*members: Member, compress: str = "xz") -> bytes:
    """A Debian package with these files in its data."""
    pack = {"xz": lzma.compress, "gz": gzip.compress}[compress]
    parts = [
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", lzma.compress(tar())),
        (f"data.tar.{compress}", pack(tar(*members, format=tarfile.GNU_FORMAT))),
    ]
    out = io.BytesIO()
    out.write(b"!<arch>\n")
    for name, body in parts:
        out.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(body):<10}`\n".encode() + body + b"\n" * (len(body) % 2))
    return out.getvalue()


def stanza(name: str, version: str, filename: str, data: bytes) -> str:
    """A package's entry in an index."""
    return (
        f"Package: {name}\nVersion: {version}\nArchitecture: {ARCHITECTURE}\nDescription: short\n more\n .\n and more\n"
        f"Filename: {filename}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n\n"
    )


class Archive:
    """The files of one archive, by path; anything in it can be changed before it is fetched."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []

    def add_suite(
        self, suite: str, packages: str, *, origin: str = "Debian", by_hash: bool = True, extra: str = "", called: str = ""
    ) -> None:
        """Publish an index of these package stanzas as `suite`."""
        index = lzma.compress(packages.encode())
        plain, digest = hashlib.sha256(packages.encode()).hexdigest(), hashlib.sha256(index).hexdigest()
        path = f"main/binary-{ARCHITECTURE}"
        self.files[f"dists/{suite}/{path}/Packages.xz"] = index
        if by_hash:
            self.files[f"dists/{suite}/{path}/by-hash/SHA256/{digest}"] = index
        self.files[f"dists/{suite}/InRelease"] = (
            SIGNED
            + (
                f"Origin: {origin}\nLabel: {origin}\nSuite: {called or suite}\n"
                f"Codename: {called or suite}\nDate: {DATE}\n{extra}"
                f"Acquire-By-Hash: {'yes' if by_hash else 'no'}\nMD5Sum:\n {'0' * 32} {len(index)} {path}/Packages.xz\n"
                f"SHA256:\n {plain} {len(packages)} {path}/Packages\n {digest} {len(index)} {path}/Packages.xz\n"
            ).encode()
        )

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve the files on loopback."""
        archive = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                archive.asked.append(self.path)
                body = archive.files.get(self.path.split("?")[0].removeprefix("/debian/"))
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/debian"
            finally:
                server.shutdown()
                thread.join()


def apt(directory: Path, url: str, suites: str = "stable", *, configuration: str = "", options: str = "") -> str:
    """apt's configuration for that archive."""
    directory.mkdir(exist_ok=True)
    (directory / "apt.conf").write_text(configuration)
    (directory / "sources.list").write_text("".join(f"deb {options} {url} {suite} main\n" for suite in suites.split()))
    return str(directory)


def friend(signed: bytes, _signed_by: Sequence[str], *, subject: str) -> bytes:
    """A check of signatures that knows one friend."""
    if not signed.startswith(SIGNED):
        raise Damaged(f"{subject} is not signed by a key this host trusts")
    return signed.removeprefix(SIGNED)
