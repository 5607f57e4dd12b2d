"""Who may: user names and bcrypt hashes of a file as ``htpasswd -B`` writes it, read anew when it changes. Basic login only.

A right password is remembered (as a keyed hash) for as long as the file stays the same, since bcrypt is slow on purpose. Never
says whether it was the name or the password that is wrong, nor takes less time for it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import threading

from dockerkit.daemon.registry.server.refusals import Refusal
from dockerkit.errors import Invalid

REALM = "dockerkit registry"
_BCRYPT = ("$2a$", "$2b$", "$2y$")
_LONGEST = 72
"""Bytes of a password that bcrypt looks at."""
_MOST_KNOWN = 1000
_NOBODY = b"$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
Signature = tuple[int, int, int]


class Passwords:
    """A password file. Thread-safe.

    :param path: of the file.
    :raises Invalid: it cannot be read, or a line is not ``name:bcrypt hash``.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._key = secrets.token_bytes(32)
        self._known: set[bytes] = set()
        self._signature: Signature | None = None
        self._hashes: dict[str, bytes] = {}
        self._refresh()

    def check(self, authorization: str) -> str:
        """Return the user that a header's value proves.

        :raises Refusal: UNAUTHORIZED, with the challenge.
        """
        user, password = _basic(authorization)
        with self._lock:
            self._refresh()
            hashed, mark = self._hashes.get(user), self._mark(user, password)
            if mark in self._known:
                return user
            another = next(iter(self._hashes.values()), _NOBODY)  # as slow as those of this file: its cost is somebody's choice
        if not _fits(password, hashed or another) or hashed is None:
            raise _unauthorized()
        with self._lock:
            if self._hashes.get(user) == hashed:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known.add(mark)
        return user

    def _mark(self, user: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{user}\0{password}".encode("utf-8", "surrogatepass"), hashlib.sha256)

    def _refresh(self) -> None:
        """Read the file when it is another one than last time."""
        try:
            found = os.stat(self._path)
            signature = (found.st_mtime_ns, found.st_size, found.st_ino)
            if signature == self._signature:
                return
            with open(self._path, "rb") as file:
                hashes = _read(self._path, file.read())
        except OSError as error:
            raise Invalid(f"the password file {self._path} cannot be read: {error.strerror}") from None
        self._hashes, self._signature = hashes, signature
        self._known.clear()


def _read(path: str, content: bytes) -> dict[str, bytes]:
    hashes = {}
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        user, colon, hashed = line.strip().partition(":")
        if not user or not colon or not hashed.startswith(_BCRYPT):
            raise Invalid(f"{path}, line {number}, is not NAME:BCRYPT-HASH", hint="htpasswd -B makes such lines")
        hashes[user] = hashed.encode()
    return hashes


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, value = authorization.partition(" ")
    try:
        user, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise _unauthorized() from None
    if scheme.lower() != "basic" or not colon:
        raise _unauthorized()
    return user, password


def _fits(password: str, hashed: bytes) -> bool:
    import bcrypt  # noqa: PLC0415 - only where there are passwords

    try:
        return bcrypt.checkpw(password.encode()[:_LONGEST], hashed)
    except ValueError:  # a hash that is none; a NUL in a password
        return False


def _unauthorized() -> Refusal:
    return Refusal("UNAUTHORIZED", headers=[("WWW-Authenticate", f'Basic realm="{REALM}"')])
