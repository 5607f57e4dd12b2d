"""Where a distribution's mirror may send us, and where not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dockerkit.daemon.images.bootstrap.aptconf import AptConfiguration
from dockerkit.daemon.images.bootstrap.download import Downloader
from dockerkit.errors import Unavailable


@contextmanager
def mirror(location: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there = self.path == "/there"
            self.send_response(200 if there else 302)
            self.send_header("Location", location or "/there")
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"file")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/here"
        finally:
            server.shutdown()
            thread.join()


def test_redirect_to_the_web_is_followed_and_to_ftp_is_not(tmp_path: Path) -> None:
    downloads = Downloader(AptConfiguration.read(str(tmp_path)))
    with mirror("") as url:
        assert downloads.fetch(url, limit=10) == b"file"
    with socket.create_server(("127.0.0.1", 0)) as ftp:
        ftp.setblocking(False)
        with mirror(f"ftp://127.0.0.1:{ftp.getsockname()[1]}/x") as url, pytest.raises(Unavailable, match="refused"):
            downloads.fetch(url, limit=10)
        with pytest.raises(BlockingIOError):
            ftp.accept()
