"""docker-registry where an engine's network is, with and without a login, so that the engine reaches it on its own loopback."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import struct
from collections.abc import Iterator

import bcrypt

from tests.system.registry.realregistry import real_registry, why_not

USER, PASSWORD = "alice", "secret"
MISSING = why_not("docker-registry", "nsenter")


def process_of(path: str) -> int:
    """Return the process that listens on a unix socket."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        pid, _, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(pid)


@contextlib.contextmanager
def registry_beside(url: str, directory: pathlib.Path, *, guarded: bool = False) -> Iterator[str]:
    """Run a registry where the engine at `url` reaches it; yield its host and port.

    :param guarded: it wants alice's login.
    """
    directory.mkdir(parents=True, exist_ok=True)
    auth = None
    if guarded:
        users = directory / "htpasswd"
        users.write_bytes(USER.encode() + b":" + bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)))
        auth = {"htpasswd": {"realm": "test", "path": str(users)}}
    with real_registry(directory, auth=auth, beside=process_of(url.removeprefix("unix://"))) as name:
        yield name
