"""Which certificates a registry must show and which are shown to it: the ``certs.d`` layout of dockerd.

``<directory>/<host:port>/``: every ``*.crt`` is an authority, every ``*.cert`` a client's certificate with its ``.key`` beside
it. Source: moby ``registry/registry.go`` ``ReadCertsDirectory``. Never weakens what a certificate of the operator's demands.
"""

from __future__ import annotations

import os
import ssl
import threading

from dockerkit.daemon.registry.breaks import Untrusted
from dockerkit.daemon.registry.endpoints import Endpoint

_Signature = tuple[str, bool, tuple[tuple[str, int], ...]]


class Certificates:
    """TLS contexts by endpoint, made anew when a file changes. Thread-safe.

    :param directories: the places that hold one directory a registry.
    """

    def __init__(self, directories: tuple[str, ...]) -> None:
        self._directories = directories
        self._lock = threading.Lock()
        self._made: dict[_Signature, ssl.SSLContext] = {}

    def context(self, endpoint: Endpoint) -> ssl.SSLContext:
        """Return how to speak TLS to an endpoint.

        :raises Untrusted: a certificate without its key, or a file that is none.
        """
        files = self._files(endpoint)
        signature = (endpoint.name, endpoint.insecure, tuple((path, os.stat(path).st_mtime_ns) for path in files))
        with self._lock:
            if signature not in self._made:
                self._made[signature] = _context(files, insecure=endpoint.insecure)
            return self._made[signature]

    def _files(self, endpoint: Endpoint) -> list[str]:
        names = dict.fromkeys((endpoint.name, f"{endpoint.host}:{endpoint.port}"))
        places = [os.path.join(directory, name) for directory in self._directories for name in names if os.sep not in name]
        return [os.path.join(place, file) for place in places if os.path.isdir(place) for file in sorted(os.listdir(place))]


def _context(files: list[str], *, insecure: bool) -> ssl.SSLContext:
    authorities = [path for path in files if path.endswith(".crt")]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if insecure and not authorities:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_default_certs()
    for path in authorities:
        _load(path, lambda path=path: context.load_verify_locations(path))
    for path in files:
        if path.endswith(".cert"):
            _load_pair(context, path, path.removesuffix(".cert") + ".key", files)
        elif path.endswith(".key") and path.removesuffix(".key") + ".cert" not in files:
            raise Untrusted(f"missing client certificate {os.path.basename(path)[:-4]}.cert for key {path}")
    return context


def _load_pair(context: ssl.SSLContext, certificate: str, key: str, files: list[str]) -> None:
    if key not in files:
        raise Untrusted(
            f"missing key {os.path.basename(key)} for client certificate {certificate}. "
            "CA certificates must use the extension .crt"
        )
    _load(certificate, lambda: context.load_cert_chain(certificate, key, password=_no_password))


def _no_password() -> bytes:
    """A key that wants a password must not make OpenSSL ask at the daemon's terminal."""
    return b""


def _load(path: str, load: object) -> None:
    try:
        load()  # type: ignore[operator]
    except (OSError, ValueError) as error:
        raise Untrusted(f"{path} cannot be used: {error}") from None
