"""A file of the web, opened for reading: what ``import`` is given a URL of. Loaded when first needed; most daemons never fetch.

Nothing says what the bytes must be, so a redirect may not take away what protects them on the way, nor lead to anything but the
web. Never reads the body.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from email.message import Message
from typing import IO, BinaryIO, cast

from dockerkit.errors import Invalid, Unavailable

SECONDS = 60.0
"""How long a server may be silent."""
_WEB = ("http://", "https://")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """urllib's, which would follow to FTP, and from HTTPS to HTTP."""

    def redirect_request(  # noqa: PLR0917 (urllib calls it so)
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.startswith(_WEB) or (req.full_url.startswith(_WEB[1]) and not newurl.startswith(_WEB[1])):
            raise urllib.error.URLError(f"redirected to {newurl[:200]!r}: refused")
        return super().redirect_request(req, fp, code, msg, cast(http.client.HTTPMessage, headers), newurl)


def opened(source: str) -> tuple[str, BinaryIO]:
    """Open a URL, ``http://`` where it has no scheme; return it and what answers, to be closed.

    :raises Invalid: it is none that can be fetched.
    :raises Unavailable: it cannot be had.
    """
    url = source if "://" in source else f"http://{source}"
    if not url.startswith(_WEB):
        raise Invalid(f"unsupported URL: {source}", hint="http:// and https:// can be fetched")
    try:
        answer = urllib.request.build_opener(_Redirects()).open(url, timeout=SECONDS)
    except (OSError, http.client.HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        raise Unavailable(f'Get "{url}": {cause}') from None
    return url, cast(BinaryIO, answer)
