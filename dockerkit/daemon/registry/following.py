"""Redirects, followed with care: a few, never from HTTPS to HTTP, and never with a credential to another place.

A registry sends its blobs' readers to a storage service; what it must not do is to send them, or their passwords, anywhere.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote, urljoin, urlsplit

from dockerkit.daemon.registry.answer import Answer
from dockerkit.daemon.registry.breaks import Garbled
from dockerkit.daemon.registry.endpoints import Endpoint
from dockerkit.daemon.registry.errand import Errand
from dockerkit.daemon.registry.wire import Request, Wire

LIMIT = 10
_STATUSES = (301, 302, 303, 307, 308)
_SECRETS = ("authorization", "cookie")
_LEGAL = "%/:=&?~#+!$,;'@()*[]"


def follow(wire: Wire, request: Request, errand: Errand, endpoint: Endpoint | None = None) -> Answer:
    """Send a request and, when it only reads, go where the answer points.

    :raises Garbled: too many redirects, or one that leads where it must not.
    """
    for _ in range(LIMIT + 1):
        answer = wire.send(request, errand, endpoint=endpoint)
        if answer.status not in _STATUSES or request.method not in ("GET", "HEAD"):
            return answer
        with answer:
            target = location(request.url, answer)
        if origin(target) != origin(request.url):
            endpoint = None
            kept = {name: value for name, value in request.headers.items() if name.lower() not in _SECRETS}
            request = replace(request, headers=kept)
        request = replace(request, url=target)
    raise Garbled(f"stopped after {LIMIT} redirects")


def location(url: str, answer: Answer) -> str:
    """Return where an answer's ``Location`` points.

    :raises Garbled: nowhere, or from HTTPS to something else.
    """
    text = answer.header("Location")
    try:
        target = quote(urljoin(url, text), safe=_LEGAL)
        scheme = urlsplit(target).scheme
    except ValueError:
        scheme = target = ""
    if not text or scheme not in ("http", "https"):
        raise Garbled(f"redirected to {text[:200]!r}")
    if scheme != "https" and urlsplit(url).scheme == "https":
        raise Garbled(f"redirected from https to {scheme}: refused, since what follows could be read and changed by anybody")
    return target


def origin(url: str) -> tuple[str, str]:
    """Return what must be the same for a credential to be shown: scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2].lower()
