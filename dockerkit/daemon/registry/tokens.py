"""Bearer tokens: asked of the service a challenge names, kept until they expire. Never written anywhere but in memory.

Source: distribution ``docs/spec/auth/{token,oauth}.md``. A password goes to the service by GET with basic authentication, an
identity token by POST in a form.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from dockerkit.daemon.registry.answer import Answer
from dockerkit.daemon.registry.breaks import Garbled
from dockerkit.daemon.registry.challenges import Challenge
from dockerkit.daemon.registry.contract import Credentials
from dockerkit.daemon.registry.refusals import read_refusal
from dockerkit.daemon.registry.wire import Request

CLIENT = "dockerkit"
LIMIT = 1 << 20
_LEAST = 60.0
"""Seconds a token lasts when nobody says (the specification's value)."""
_MARGIN = 0.1
"""The last part of a token's life in which it is not used any more."""
_KEPT = 512
Send = Callable[[Request], Answer]


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token, and the identity token that may come with it; its text shows neither."""

    value: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    expires: float = 0.0


_Key = tuple[str, str, tuple[str, ...], Credentials]


class Tokens:
    """The tokens of one daemon. Thread-safe: several threads that want the same token ask for it once."""

    def __init__(self, within: float) -> None:
        self._within = within
        self._lock = threading.Lock()
        self._tokens: dict[_Key, Token] = {}
        self._turns: dict[_Key, threading.Lock] = {}

    def get(
        self, challenge: Challenge, scopes: tuple[str, ...], credentials: Credentials, send: Send, *, unless: str = ""
    ) -> Token:
        """Return a token for these scopes.

        :param send: sends a request to the token service.
        :param unless: a token that was refused: another is asked for.
        :raises Refused: the service says no.
        """
        key = (challenge["realm"], challenge["service"], scopes, credentials)
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            known = self._tokens.get(key)
            if known is None or known.expires <= time.monotonic() or known.value == unless:
                known = self.fetch(challenge, scopes, credentials, send)
                self._keep(key, known)
            return known

    def _keep(self, key: _Key, token: Token) -> None:
        with self._lock:
            while len(self._tokens) >= _KEPT:
                oldest = next(iter(self._tokens))
                del self._tokens[oldest]
                self._turns.pop(oldest, None)
            self._tokens[key] = token

    def fetch(
        self, challenge: Challenge, scopes: tuple[str, ...], credentials: Credentials, send: Send, *, offline: bool = False
    ) -> Token:
        """Ask the service for a new token.

        :param offline: ask for an identity token with it, as a login does.
        """
        make = _by_form if credentials.identity_token else _by_query
        asked = time.monotonic()
        with send(make(challenge, scopes, credentials, offline)) as answer:
            if answer.status != 200:
                raise read_refusal(answer, self._within)
            return _read(answer.document(LIMIT, self._within), asked)


def basic(credentials: Credentials) -> str:
    """Return the header value of basic authentication."""
    pair = f"{credentials.username}:{credentials.password}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def check_realm(challenge: Challenge) -> str:
    """Return the URL of the token service.

    :raises Garbled: it is none.
    """
    realm = challenge["realm"]
    try:
        parts = urlsplit(realm)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise Garbled(f"the token service {realm[:200]!r} is no URL")
    return realm


def _by_query(challenge: Challenge, scopes: tuple[str, ...], credentials: Credentials, offline: bool) -> Request:
    query = [("service", challenge["service"])] if challenge["service"] else []
    query += [("scope", scope) for scope in scopes]
    query += [("offline_token", "true"), ("client_id", CLIENT)] if offline else []
    headers = {}
    if credentials.username and credentials.password:
        query.append(("account", credentials.username))
        headers["Authorization"] = basic(credentials)
    realm = check_realm(challenge)
    return Request("GET", realm + ("&" if "?" in realm else "?") + urlencode(query), headers)


def _by_form(challenge: Challenge, scopes: tuple[str, ...], credentials: Credentials, _offline: bool) -> Request:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": credentials.identity_token,
        "service": challenge["service"],
        "client_id": CLIENT,
        "scope": " ".join(scopes),
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Request("POST", check_realm(challenge), headers, urlencode(form).encode())


def _read(document: bytes, asked: float) -> Token:
    try:
        found: dict[str, Any] = json.loads(document)
        value = found.get("token") or found.get("access_token")
        lasts = float(found.get("expires_in") or _LEAST)
        refresh = found.get("refresh_token") or ""
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Garbled("the token service's answer is no JSON object") from None
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise Garbled("authorization server did not include a token in the response")
    return Token(value, refresh if isinstance(refresh, str) else "", asked + max(lasts, 1.0) * (1 - _MARGIN))
