"""Proving credentials to a registry, once, so that they may be kept. Never keeps them. Source: moby ``registry/auth.go``."""

from __future__ import annotations

from urllib.parse import urlsplit

from dockerkit.daemon.registry.breaks import Refused
from dockerkit.daemon.registry.contract import AuthResponse, Credentials, Unauthorized
from dockerkit.daemon.registry.endpoints import HUB, HUB_SEARCH
from dockerkit.daemon.registry.following import follow
from dockerkit.daemon.registry.greeting import Greeter
from dockerkit.daemon.registry.refusals import read_refusal, shown
from dockerkit.daemon.registry.session import Session
from dockerkit.daemon.registry.tokens import basic
from dockerkit.daemon.registry.wire import Request
from dockerkit.schema.names import DEFAULT_REGISTRY

_HINT = "is the user's name right, and is the password (or token) of this registry?"


def server(address: str) -> str:
    """Return the registry a server address means: ``https://index.docker.io/v1/`` and ``""`` are Docker Hub."""
    host = (urlsplit(address).netloc if "://" in address else address.partition("/")[0]).rpartition("@")[2]
    return DEFAULT_REGISTRY if host in ("", HUB, HUB_SEARCH, DEFAULT_REGISTRY) else host


def login(greeter: Greeter, registry: str, credentials: Credentials) -> AuthResponse:
    """Log in.

    :raises Unauthorized: the registry or its token service refuses; in dockerd's words.
    """
    session = greeter.open(registry, credentials, greeter.begin())
    url = session.url("")
    for challenge in session.challenges:
        if challenge.scheme == "bearer":
            try:
                shown_to = session.credentials_for(challenge)
                token = greeter.tokens.fetch(challenge, (), shown_to, session.send_outside, offline=True)
            except Refused as refused:
                raise Unauthorized(f"{shown('Get', url)}: {refused.words}", hint=_HINT) from None
            _check(session, url, f"Bearer {token.value}")
            return AuthResponse(status="Login Succeeded", identity_token=token.refresh)
        if challenge.scheme == "basic":
            if not credentials.username:
                raise Unauthorized(f"{shown('Get', url)}: no basic auth credentials", hint=_HINT)
            _check(session, url, basic(credentials))
            break
    return AuthResponse(status="Login Succeeded")


def _check(session: Session, url: str, authorization: str) -> None:
    request = Request("GET", url, {"Authorization": authorization})
    with follow(session.wire, request, session.errand, session.endpoint) as answer:
        if answer.status == 200:
            return
        refused = read_refusal(answer, session.settings.document_within)
    if refused.status not in (401, 403):
        raise refused
    phrase = "401 Unauthorized" if refused.status == 401 else "403 Forbidden"
    raise Unauthorized(f"login attempt to {url} failed with status: {phrase}", hint=_HINT)
