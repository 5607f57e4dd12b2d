"""One file over HTTP, into memory, with limits of size and time, through the proxy apt would use. Checks nothing itself."""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPMessage
from typing import IO

from dockerkit.daemon.images.bootstrap.aptconf import AptConfiguration
from dockerkit.errors import Damaged, TimedOut, Unavailable

_QUIET = 10.0
"""Seconds a server may say nothing."""
_PIECE = 1 << 16
_AGENT = "dockerkit"


class Unconnected(Unavailable):
    """No connection could be made: whoever vouches for what was fetched before may be believed instead."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """urllib's, which would follow to FTP: a mirror could have the daemon speak that to anybody."""

    def redirect_request(  # noqa: PLR0917 (urllib calls it so)
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.startswith(("http://", "https://")):
            raise urllib.error.URLError(f"redirected to {newurl[:200]!r}: refused")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Downloader:
    """Fetches files until a deadline that they share.

    :param seconds: time for everything fetched through this object.
    """

    def __init__(self, configuration: AptConfiguration, *, seconds: float = 120.0, quiet: float = _QUIET) -> None:
        self._configuration = configuration
        self._seconds, self._quiet = seconds, quiet
        self._deadline = time.monotonic() + seconds

    def fetch(self, url: str, *, limit: int, heard: Callable[[int], None] = lambda _: None) -> bytes:
        """Return a file's bytes.

        :param limit: most bytes it may have.
        :param heard: called with the number of bytes so far.
        :raises Unavailable: it cannot be had; names the URL and the cause.
        :raises Unconnected: because nobody could be spoken to.
        :raises Damaged: it is longer than the limit.
        :raises TimedOut: the deadline is over.
        """
        try:
            with self._open(url) as response:
                return self._read(response, url, limit, heard)
        except TimedOut:
            raise
        except urllib.error.HTTPError as error:
            with error:
                raise Unavailable(f"{url} cannot be fetched: {error.code} {error.reason}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            cause = getattr(error, "reason", None) or error
            unconnected = cause is not error and isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError)
            raise (Unconnected if unconnected else Unavailable)(
                f"{url} cannot be fetched: {str(cause) or type(cause).__name__}"
            ) from None

    def _open(self, url: str) -> http.client.HTTPResponse:
        proxy = self._configuration.proxy(url)
        chosen = None if proxy is None else ({"http": proxy, "https": proxy} if proxy else {})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler(chosen), _Redirects())
        request = urllib.request.Request(url, headers={"User-Agent": _AGENT})  # noqa: S310 (http and https only: sources.py)
        opened = opener.open(request, timeout=self._left(url))
        assert isinstance(opened, http.client.HTTPResponse)
        return opened

    def _read(self, response: http.client.HTTPResponse, url: str, limit: int, heard: Callable[[int], None]) -> bytes:
        content = bytearray()
        while piece := response.read1(_PIECE):
            content += piece
            if len(content) > limit:
                raise Damaged(f"{url} is longer than the {limit} bytes it may have")
            heard(len(content))
            self._left(url)
        if response.length:
            raise Unavailable(f"{url} was cut short: {response.length} bytes are missing")
        return bytes(content)

    def _left(self, url: str) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimedOut(f"{url} was not fetched within {self._seconds:g} s")
        return min(left, self._quiet)
