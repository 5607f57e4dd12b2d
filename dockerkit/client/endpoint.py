"""Which engine: from a URL, the environment or Docker's active context to a dialler.

Precedence: an explicit URL, ``DOCKERKIT_HOST``, ``DOCKER_HOST``, else our own daemon. Reads Docker's configuration files
itself; never runs the docker program, never opens a socket.
"""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from dockerkit.client import daemon
from dockerkit.client.transport import dial
from dockerkit.errors import Invalid, NotFound, Unsupported
from dockerkit.schema.endpoint import data_root, socket_path

if TYPE_CHECKING:
    import ssl

Tls = "ssl.SSLContext | str | os.PathLike[str] | bool | None"
DOCKER_SOCKET = "unix:///var/run/docker.sock"
_SCHEMES = "unix:///path, tcp://host:port, http://host:port, https://host:port, or docker for the active docker context"


@dataclass(frozen=True)
class Endpoint:
    """Where an engine listens, how to get there, and whether it is our own daemon at home."""

    url: str
    dial: dial.Dial
    host: str = "docker"
    own: bool = False
    local: bool = True
    """Its file system is ours: sources of binds can be checked."""


def resolve(url: str | None = None, *, tls: Any = None, environ: Mapping[str, str] = os.environ) -> Endpoint:
    """Return the endpoint for `url`, or the one that the environment names, or that of our own daemon.

    :raises Invalid: not a URL of a known scheme.
    :raises Unsupported: ssh:// and npipe://, for now.
    :raises NotFound: the docker context has no configuration.
    """
    if url is None:
        url = environ.get("DOCKERKIT_HOST") or None
    if url is None and environ.get("DOCKER_HOST"):
        return docker_context(environ)
    if url == "docker":
        return docker_context(environ)
    if url is not None:
        return parse(url, tls=tls, environ=environ)
    if not sys.platform.startswith("linux"):
        warnings.warn("no Linux kernel here: using Docker instead of dockerkit's own daemon", stacklevel=4)
        return docker_context(environ)
    root = data_root(environ)
    return Endpoint(f"unix://{socket_path(root)}", daemon.dialler(root), own=True)


def parse(url: str, *, tls: Any = None, environ: Mapping[str, str] = os.environ) -> Endpoint:
    """Return the endpoint of one URL; see :func:`resolve`."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        path = unquote(parts.netloc + parts.path)
        if not path:
            raise Invalid(f"{url!r} names no socket", hint="write unix:///run/docker.sock")
        return Endpoint(url, dial.unix(path), own=path == socket_path(data_root(environ)))
    if parts.scheme in ("ssh", "npipe"):
        raise Unsupported(
            f"{parts.scheme}:// is not offered yet ({url})",
            hint="forward the socket: ssh -L /tmp/docker.sock:/var/run/docker.sock HOST, then unix:///tmp/docker.sock",
        )
    if parts.scheme not in ("tcp", "http", "https"):
        raise Invalid(f"{url!r} is not the URL of an engine", hint=_SCHEMES)
    secure = parts.scheme == "https" or (tls is not None and tls is not False)
    return _network(url, parts.hostname or "localhost", _port(url, secure), _context(tls) if secure else None)


def _network(url: str, host: str, port: int, context: ssl.SSLContext | None) -> Endpoint:
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Endpoint(url, dial.tcp(host, port, context), host=shown, local=host in ("localhost", "127.0.0.1", "::1"))


def _port(url: str, secure: bool) -> int:
    try:
        return urlsplit(url).port or (2376 if secure else 2375)
    except ValueError as error:
        raise Invalid(f"{url!r}: {error}", hint=_SCHEMES) from None


def _context(tls: Any) -> ssl.SSLContext:
    """Return a TLS context: as given, from a folder with ca.pem, cert.pem and key.pem, or the system's trust."""
    import ssl  # noqa: PLC0415 (only TLS pays for it)

    if isinstance(tls, ssl.SSLContext):
        return tls
    if tls is None or isinstance(tls, bool):
        return ssl.create_default_context()
    folder = os.fspath(tls)
    ca, cert, key = (os.path.join(folder, name) for name in ("ca.pem", "cert.pem", "key.pem"))
    context = ssl.create_default_context(cafile=ca if os.path.exists(ca) else None)
    if os.path.exists(cert):
        context.load_cert_chain(cert, key)
    return context


def docker_context(environ: Mapping[str, str] = os.environ) -> Endpoint:
    """Return the endpoint that the docker command would use: ``DOCKER_HOST``, ``DOCKER_CONTEXT``, the active context.

    :raises NotFound: a context is named that has no configuration.
    """
    if host := environ.get("DOCKER_HOST"):
        verify = environ.get("DOCKER_TLS_VERIFY")
        tls = (environ.get("DOCKER_CERT_PATH") or _config_folder(environ)) if verify else None
        return parse(host, tls=tls, environ=environ)
    folder = _config_folder(environ)
    name = environ.get("DOCKER_CONTEXT") or _json(os.path.join(folder, "config.json")).get("currentContext") or "default"
    if name == "default":
        return parse(DOCKER_SOCKET, environ=environ)
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = _json(os.path.join(folder, "contexts", "meta", key, "meta.json"))
    host = (meta.get("Endpoints") or {}).get("docker", {}).get("Host")
    if not host:
        raise NotFound(
            f"docker context {name!r} has no configuration in {folder}", hint="docker context ls shows what there is"
        )
    keys = os.path.join(folder, "contexts", "tls", key, "docker")
    return parse(host, tls=keys if os.path.isdir(keys) else None, environ=environ)


def _config_folder(environ: Mapping[str, str]) -> str:
    return environ.get("DOCKER_CONFIG") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".docker")


def _json(path: str) -> dict[str, Any]:
    import json  # noqa: PLC0415 (only Docker's contexts need it)

    try:
        with open(path, "rb") as file:
            document = json.load(file)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise Invalid(f"{path} is not JSON: {error}") from None
    return document if isinstance(document, dict) else {}
