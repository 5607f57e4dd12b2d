"""Whether a host is reached through an HTTP proxy: ``HTTPS_PROXY``, ``HTTP_PROXY``, ``NO_PROXY``, as dockerd reads them.

Loopback never is. Never shows a proxy's password.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from dockerkit.daemon.registry.endpoints import may_be_plain
from dockerkit.daemon.registry.settings import Settings

_NOTHING = Settings()


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy, and what it wants to see."""

    host: str
    port: int
    authorization: str = field(default="", repr=False)


def proxy_for(scheme: str, host: str, port: int) -> Proxy | None:
    """Return the proxy that leads to a host; None when it is reached directly."""
    if may_be_plain(host, port, _NOTHING):
        return None
    from urllib import request  # noqa: PLC0415 (slow to load, rarely needed)

    proxies = request.getproxies_environment()
    url = proxies.get(scheme) or proxies.get("all")
    if not url or request.proxy_bypass_environment(f"{host}:{port}", proxies):  # type: ignore[attr-defined]
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    secret = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    authorization = f"Basic {base64.b64encode(secret.encode()).decode()}" if parts.username else ""
    return Proxy(parts.hostname or "", parts.port or 80, authorization)
