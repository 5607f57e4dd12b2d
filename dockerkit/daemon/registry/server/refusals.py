"""No, in the registry's words: an error document with a code of the specification. Knows no route.

Source: OCI distribution specification 1.1, "Error codes"; distribution 2.8 for what the former left open.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

CODES = {
    "BLOB_UNKNOWN": (404, "blob unknown to registry"),
    "BLOB_UPLOAD_INVALID": (400, "blob upload invalid"),
    "BLOB_UPLOAD_UNKNOWN": (404, "blob upload unknown to registry"),
    "DENIED": (403, "requested access to the resource is denied"),
    "DIGEST_INVALID": (400, "provided digest did not match uploaded content"),
    "MANIFEST_BLOB_UNKNOWN": (400, "blob unknown to registry"),
    "MANIFEST_INVALID": (400, "manifest invalid"),
    "MANIFEST_UNKNOWN": (404, "manifest unknown"),
    "NAME_INVALID": (400, "invalid repository name"),
    "NAME_UNKNOWN": (404, "repository name not known to registry"),
    "PAGINATION_NUMBER_INVALID": (400, "invalid number of results requested"),
    "SIZE_INVALID": (400, "provided length did not match content length"),
    "TAG_INVALID": (400, "manifest tag did not match URI"),
    "TOOMANYREQUESTS": (429, "too many requests"),
    "UNAUTHORIZED": (401, "authentication required"),
    "UNAVAILABLE": (503, "service unavailable"),
    "UNKNOWN": (500, "unknown error"),
    "UNSUPPORTED": (405, "the operation is unsupported"),
}
"""The status a code usually travels with, and what it says."""
Headers = Sequence[tuple[str, str]]


class Refusal(Exception):
    """An answer that says no.

    :param code: one of :data:`CODES`.
    :param message: instead of the code's own.
    :param status: instead of the code's own.
    :param headers: further ones of the answer.
    """

    def __init__(
        self, code: str, message: str = "", *, status: int = 0, detail: Any = None, headers: Headers = (), close: bool = False
    ) -> None:
        usual, words = CODES[code]
        super().__init__(f"{code}: {message or words}")
        self.code = code
        self.message = message or words
        self.status = status or usual
        self.detail = detail
        self.headers = headers
        self.close = close
        """Whether nothing more is wanted on the connection."""

    @property
    def document(self) -> bytes:
        """The body of the answer."""
        error = {"code": self.code, "message": self.message}
        if self.detail is not None:
            error["detail"] = self.detail
        return json.dumps({"errors": [error]}).encode() + b"\n"
