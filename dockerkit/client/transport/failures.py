"""From what went wrong on the wire to ``dockerkit.errors``: the client's only place that knows HTTP statuses.

Our own daemon names the class and the hint in the error's body; of a foreign engine the status decides.
"""

from __future__ import annotations

from typing import Any

import msgspec

from dockerkit import errors
from dockerkit.errors import DockerkitError

_BY_STATUS: dict[int, type[DockerkitError]] = {
    400: errors.Invalid,
    401: errors.NotAllowed,
    403: errors.NotAllowed,
    404: errors.NotFound,
    405: errors.Unsupported,
    408: errors.TimedOut,
    409: errors.Conflict,
    501: errors.Unsupported,
    502: errors.Unavailable,
    503: errors.Unavailable,
    504: errors.TimedOut,
    507: errors.Exhausted,
}
_SAID: dict[type[DockerkitError], tuple[str, ...]] = {
    errors.Unavailable: ("dial tcp", "dial udp", "no such host", "connection refused", "i/o timeout", "TLS handshake"),
    errors.Exhausted: ("no space left on device", "cannot allocate memory", "too many open files"),
    errors.NotFound: ("not found", "manifest unknown", "does not exist", "No such"),
    errors.NotAllowed: ("401 Unauthorized", "unauthorized:", "denied:", "no basic auth credentials"),
}
_NO_ROUTE = "page not found"


def refusal(status: int, body: bytes, *, asked: str, url: str) -> DockerkitError:
    """Return the error for an answer of status 400 or more.

    :param asked: method and path, to say what was refused when the engine does not.
    """
    document = _document(body)
    message = str(document.get("message") or body.decode("utf-8", "replace").strip() or f"{asked}: status {status}")
    if status == 404 and _NO_ROUTE in message:
        return errors.Unsupported(f"{asked} is not offered by the engine at {url}", hint="see its version: dk.version()")
    kind = _class(document, status)
    if kind is errors.Failed:
        kind = _by_words(message)
    error = kind(message, hint=str(document.get("hint") or ""))
    error.by_engine = True
    return error


def stream_failure(message: dict[str, Any]) -> DockerkitError:
    """Return the error that a progress stream (pull, bootstrap) ended with."""
    detail = message.get("errorDetail") or {}
    text = str(detail.get("message") or message.get("error") or "the engine gave no reason")
    kind = _class({**message, **detail}, 0)
    if kind is errors.Failed:
        kind = _by_words(text)
    return kind(text, hint=str(detail.get("hint") or message.get("hint") or ""))


def connection_failure(error: OSError, url: str) -> DockerkitError:
    """Return the error for a failed connect, send or receive; those that already have a name pass through."""
    if isinstance(error, DockerkitError):
        return error
    if isinstance(error, PermissionError):
        return errors.NotAllowed(
            f"{url}: permission denied", hint="run as root, or join the group that owns the socket (which equals root)"
        )
    if isinstance(error, TimeoutError):
        return errors.TimedOut(f"{url}: no answer in time", hint="the engine is busy or stuck; connect(timeout=…) waits longer")
    return errors.Unavailable(f"cannot reach the engine at {url}: {error.strerror or error}", hint=_next_step(error, url))


def _next_step(error: OSError, url: str) -> str:
    if isinstance(error, FileNotFoundError):
        return "nothing listens there; start the engine, or name another with DOCKERKIT_HOST or dk.connect(url)"
    if isinstance(error, ConnectionRefusedError):
        return "the engine is not running; start it, or name another with DOCKERKIT_HOST or dk.connect(url)"
    if url.startswith(("tcp://", "http")):
        return "check host, port and TLS: a daemon on 2376 wants https:// or connect(tls=…)"
    return "the engine ended or broke the connection; its log says why"


def _by_words(message: str) -> type[DockerkitError]:
    """Return the class of what Docker reports as status 500, or in a stream without any."""
    for kind, words in _SAID.items():
        if any(word in message for word in words):
            return kind
    return errors.Failed


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}  # a proxy's HTML page, or nothing: the text itself is the message
    return document if isinstance(document, dict) else {}


def _class(document: dict[str, Any], status: int) -> type[DockerkitError]:
    named = getattr(errors, str(document.get("class") or ""), None)
    if isinstance(named, type) and issubclass(named, DockerkitError):
        return named
    return _BY_STATUS.get(status, errors.Failed)
