"""``login`` and ``logout``: prove a login to a registry by way of an engine, and keep it where docker keeps its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from dockerkit.client.credentials import Login, key_of
from dockerkit.errors import Invalid

if TYPE_CHECKING:
    from dockerkit.client.engine import Engine


def login(engine: Engine, registry: str, user: str, password: str) -> str:
    """Prove a login and keep it; return the file that now has its secret in plain sight, "" when a helper has it.

    :raises Invalid: no user or no password.
    :raises NotAllowed: the registry wants another one; nothing is kept.
    :raises Unavailable: it does not answer.
    """
    from dockerkit.client.credentials_store import Store  # noqa: PLC0415 (most programs never log in)

    if not user or not password:
        raise Invalid("login: a registry wants a user and a password")
    proven, _ = prove(engine, Login(key_of(registry), user, password))
    return Store.of().keep(proven)


def prove(engine: Engine, login: Login) -> tuple[Login, str]:
    """Prove a login; return what to keep of it, and what the registry said."""
    answer: dict[str, Any] = msgspec.json.decode(engine.call("POST", "/auth", json=login.body(), timeout=None).read() or b"{}")
    token = str(answer.get("IdentityToken") or "")
    said = str(answer.get("Status") or "Login Succeeded")
    return (Login(login.server, login.username, identity_token=token) if token else login), said


def logout(registry: str) -> bool:
    """Forget the login to a registry, and tell whether there was one; asks no engine."""
    from dockerkit.client.credentials_store import Store  # noqa: PLC0415 (most programs never log in)

    return Store.of().forget(key_of(registry))
