"""What ``import`` fetches from a URL, and where a redirect may not lead it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dockerkit.daemon.engine.images.fetching import opened
from dockerkit.errors import Invalid, Unavailable


@contextlib.contextmanager
def server(location: str = "") -> Iterator[str]:
    """A server that says where to go; without, it says ``tar``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302 if location else 200)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"tar")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"127.0.0.1:{serving.server_port}/x"
        finally:
            serving.shutdown()
            thread.join()


def test_url_is_fetched_with_or_without_its_scheme_and_through_redirects() -> None:
    with server() as there, server(f"http://{there}") as here:
        for source in (there, f"http://{there}", here):
            with opened(source)[1] as answer:
                assert answer.read() == b"tar"


@pytest.mark.parametrize("source", ["file:///etc/shadow", "ftp://127.0.0.1/x", "data://x", "unix:///run/x"])
def test_only_the_web_is_fetched(source: str) -> None:
    with pytest.raises(Invalid, match="unsupported URL"):
        opened(source)


@pytest.mark.parametrize("scheme", ["file", "gopher"])
def test_redirect_leads_to_the_web_only(scheme: str) -> None:
    with server(f"{scheme}:///etc/passwd") as there, pytest.raises(Unavailable):
        opened(there)


def test_redirect_to_ftp_is_not_followed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as ftp:
        ftp.setblocking(False)
        with server(f"ftp://127.0.0.1:{ftp.getsockname()[1]}/x") as there, pytest.raises(Unavailable, match="refused"):
            opened(there)
        with pytest.raises(BlockingIOError):
            ftp.accept()


def test_server_that_speaks_nonsense_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def speak() -> None:
            connected, _ = listening.accept()
            with connected:
                connected.recv(1000)
                connected.sendall(b"nonsense\r\n\r\n")

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(Unavailable):
            opened(f"127.0.0.1:{listening.getsockname()[1]}")
        thread.join()
