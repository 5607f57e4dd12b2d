"""What a registry's refusal says, in the words dockerd prints for it, and which of our errors it is for whom.

Reads at most 64 KiB of an error page. Source: distribution's error codes; docker's ``TranslatePullError``. Never repeats a
query string: those carry signatures and upload states.
"""

from __future__ import annotations

import contextlib
import email.utils
import http
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from dockerkit.daemon.registry import challenges
from dockerkit.daemon.registry.answer import Answer
from dockerkit.daemon.registry.breaks import Broken, Garbled, Refused
from dockerkit.daemon.registry.contract import Unauthorized
from dockerkit.errors import Damaged, DockerkitError, Invalid, NotFound, Unavailable, Unsupported
from dockerkit.schema.names import DEFAULT_REGISTRY, Reference

PAGE = 1 << 16
SHOWN = 200
_DEFAULTS = {
    401: ("UNAUTHORIZED", "authentication required"),
    403: ("DENIED", "requested access to the resource is denied"),
    429: ("TOOMANYREQUESTS", "too many requests"),
}


def read_refusal(answer: Answer, within: float) -> Refused:
    """Read an answer that is an error; a page that cannot be read says no less."""
    try:
        page = answer.beginning(PAGE, within)
    except Broken:
        page = b""
    code, words = _first_error(answer, page)
    return Refused(answer.status, code, words, retry_after=_retry_after(answer.header("Retry-After")))


def shown(method: str, url: str) -> str:
    """Return a request as Go's ``net/url`` writes it before an error: ``Get "https://host/v2/"``, without its query."""
    parts = urlsplit(url)
    return f'{method.capitalize()} "{parts.scheme}://{parts.netloc.rpartition("@")[2]}{parts.path}"'


@contextlib.contextmanager
def told(reference: Reference, *, pulling: bool = False) -> Iterator[None]:
    """Turn what goes wrong in the block into our errors, each with the reference and what to do.

    :param pulling: in the words of ``docker pull``.
    """
    try:
        yield
    except Refused as refused:
        raise translated(refused, reference, pulling=pulling) from None
    except Garbled as error:
        raise Damaged(str(error), hint=f"{reference}: {error.hint}") from None
    except Broken as error:
        raise Unavailable(str(error), hint=f"{reference}: {error.hint}") from None


def translated(refused: Refused, reference: Reference, *, pulling: bool = False) -> DockerkitError:
    """Return the error a refusal is, in dockerd's words for this reference."""
    words, code = refused.words, refused.code
    login = "dockerkit login" + ("" if reference.registry == DEFAULT_REGISTRY else f" {reference.registry}")
    if pulling and code == "DENIED":
        lead = f"pull access denied for {reference.familiar_name}, repository does not exist or may require 'docker login': "
        return NotFound(lead + words, hint=f"check the name, or log in: {login}")
    if code in ("DENIED", "UNAUTHORIZED") or refused.status in (401, 403):
        return Unauthorized(words, hint=f"{reference}: log in with an account that may do this: {login}")
    if code == "MANIFEST_UNKNOWN":
        lead = f"manifest for {reference} not found: " if pulling else ""
        return NotFound(lead + words, hint=f"{reference}: is the tag right?")
    if code == "NAME_UNKNOWN":
        lead = f"repository {reference.familiar_name} not found: " if pulling else ""
        return NotFound(lead + words, hint=f"{reference}: is the repository's name right?")
    return _by_status(refused, reference)


def _by_status(refused: Refused, reference: Reference) -> DockerkitError:
    words = refused.words
    if refused.status == 404:
        return NotFound(words, hint=f"{reference}: is the name right, and is {reference.registry} a registry?")
    if refused.status == 405 or refused.code == "UNSUPPORTED":
        return Unsupported(words, hint=f"{reference}: the registry {reference.registry} does not offer this")
    if refused.status == 429:
        return Unavailable(words, hint=f"{reference}: the registry limits how often it is asked; wait, or log in")
    if refused.status >= 500:
        return Unavailable(words, hint=f"{reference}: the registry {reference.registry} is in trouble; try again later")
    return Invalid(words, hint=f"{reference}: the registry {reference.registry} refused the request itself")


def _first_error(answer: Answer, page: bytes) -> tuple[str, str]:
    """Return code and words, as distribution's client derives them."""
    denied = _insufficient(answer)
    if denied:
        return denied, _worded(denied, "requested access to the resource is denied")
    if answer.status >= 500:
        return "", f"received unexpected HTTP status: {answer.status} {_phrase(answer.status)}"
    document = _json(page)
    errors = document.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        code, message = str(errors[0].get("code", ""))[:SHOWN], str(errors[0].get("message", ""))[:SHOWN]
        return code, _worded(code, message or _DEFAULTS.get(answer.status, ("", "unknown error"))[1])
    if answer.status in _DEFAULTS:
        code, message = _DEFAULTS[answer.status]
        details = document.get("details") or document.get("message")
        return code, _worded(code, str(details)[:SHOWN] if details else message)
    preview = json.dumps(page[:SHOWN].decode(errors="replace"))
    return "", f"error parsing HTTP {answer.status} response body: no JSON errors in it: {preview}"


def _insufficient(answer: Answer) -> str:
    asked = challenges.parse(answer.headers("WWW-Authenticate")) if answer.status == 401 else []
    return "DENIED" if any(challenge["error"] == "insufficient_scope" for challenge in asked) else ""


def _worded(code: str, message: str) -> str:
    return f"{code.lower().replace('_', ' ')}: {message}"


def _phrase(status: int) -> str:
    return http.HTTPStatus(status).phrase if status in set(http.HTTPStatus) else "unknown"


def _json(page: bytes) -> dict[str, Any]:
    try:
        document = json.loads(page)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _retry_after(text: str) -> float | None:
    """Read seconds or a date; None when there is neither."""
    if text.strip().isdecimal() and len(text.strip()) < 10:
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None
