"""The one place where errors get an HTTP status and a JSON body.

Docker's clients read ``message``; ours also reads ``class`` and ``hint`` and raises the same error again. Never raises.
"""

from __future__ import annotations

import errno
import logging
from typing import Any

from dockerkit import errors
from dockerkit.daemon.api.answers import Response, json

log = logging.getLogger(__name__)

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN}
"""What the kernel says when the host ran out of something (errno(3))."""


class PageNotFound(errors.NotFound):
    """No route has this method and path; Docker's words, whether the path is known under another method or not."""

    def __init__(self) -> None:
        super().__init__("page not found")


class TooLarge(errors.Invalid):
    """A request body is longer than its route reads."""


class HeaderTooLarge(errors.Invalid):
    """The request line and headers are longer than any route needs."""


STATUS: dict[type[BaseException], int] = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Invalid: 400,
    errors.NotAllowed: 403,
    errors.Unsupported: 501,
    errors.Unavailable: 503,
    errors.Damaged: 500,
    errors.Exhausted: 500,
    errors.TimedOut: 500,
    errors.Cancelled: 500,
    errors.ContainerFailed: 400,
    errors.Failed: 500,
    TooLarge: 413,
    HeaderTooLarge: 431,
}
"""Which status each class travels as. Docker has no 507 and no 504: clients retry or give up on 500 alike."""


def status_of(error: BaseException) -> int:
    """Return the HTTP status of `error`: its own class's, else its nearest base's, else 500."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def document(error: BaseException) -> dict[str, Any]:
    """Return the JSON document of `error`: Docker's ``message``, our ``class`` and, when there is one, ``hint``."""
    if not isinstance(error, errors.DockerkitError):
        return _foreign(error)
    shown: dict[str, Any] = {"message": error.message, "class": _public_class(error)}
    if error.hint:
        shown["hint"] = error.hint
    return shown


def response(error: BaseException, request: str = "") -> Response:
    """Return the answer that reports `error`; an error nobody raised on purpose is logged with its traceback.

    :param request: the request's method and path, for the log.
    """
    if not isinstance(error, errors.DockerkitError):
        log.error("%s: unexpected error", request, exc_info=error)
    return json(document(error), status_of(error))


def stream_document(error: BaseException) -> dict[str, Any]:
    """Return `error` as the last line of a JSON stream whose head said 200 already (Engine API, ``/images/create``)."""
    shown = document(error)
    return {"errorDetail": shown, "error": shown["message"]}


def _public_class(error: errors.DockerkitError) -> str:
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in errors.__all__)


def _foreign(error: BaseException) -> dict[str, Any]:
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return {"message": f"the host has no room left: {error}", "class": "Exhausted"}
    return {"message": f"internal error: {type(error).__name__}: {error}", "hint": "the daemon's log has the traceback"}
