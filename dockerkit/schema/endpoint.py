"""Where a data root's daemon listens, and the API versions it speaks. Pure: no file is touched."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

API_VERSION = "1.51"
MIN_API_VERSION = "1.24"
EXEC_HEADER = "X-Dockerkit-Exec"
"""Which exec a connection belongs to that was made and started by one request of ours."""
EXTENSIONS = "/dockerkit/v1"
"""Prefix of everything Docker's API has no word for."""
LASTING_HEADER = "X-Dockerkit-Lasting"
"""On a start request, that a session owns the container only until the client has it in hands: its files are to be kept."""
SESSION_HEADER = "X-Dockerkit-Session"
"""Names, on a create request, the session that owns the container."""
SYSTEM_ROOT = "/var/lib/dockerkit"
_SUN_PATH = 100


def data_root(environ: Mapping[str, str] = os.environ) -> str:
    """Return the data root: ``DOCKERKIT_ROOT``, else ``/var/lib/dockerkit``."""
    return os.path.abspath(environ.get("DOCKERKIT_ROOT") or SYSTEM_ROOT)


def root_id(root: str) -> str:
    """Return eight hex digits that name a data root, in cgroups, links and tables."""
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:8]


def socket_path(root: str) -> str:
    """Return the path of a data root's API socket; short enough for ``sun_path`` (unix(7)) whatever the root."""
    path = os.path.join(root, "dockerkit.sock")
    return path if len(os.fsencode(path)) <= _SUN_PATH else f"/run/dockerkit-{root_id(root)}.sock"


def version_tuple(version: str) -> tuple[int, int]:
    """Return ``"1.41"`` as ``(1, 41)``, for comparison.

    :raises ValueError: not two numbers with a dot.
    """
    major, minor = version.split(".")
    return int(major), int(minor)
