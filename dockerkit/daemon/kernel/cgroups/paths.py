"""Where a data root's groups are, below the root of every hierarchy: ``<parent>/<policy>/<name>``. Pure."""

from __future__ import annotations

import errno

from dockerkit.daemon.kernel.cgroups.contract import CONFINED, OPEN


def policies(parent: str) -> tuple[str, str]:
    """Return the two groups below which containers' groups are made."""
    return f"{parent}/{CONFINED}", f"{parent}/{OPEN}"


def is_open(path: str) -> bool:
    """Return whether the group `path` is below the policy that admits every device."""
    return path.split("/")[1] == OPEN


def check(parent: str, path: str) -> None:
    """Refuse a path that is not one of this data root's.

    :raises OSError: EINVAL.
    """
    parts = path.split("/")
    if len(parts) != 3 or parts[0] != parent or parts[1] not in (CONFINED, OPEN) or parts[2] in ("", ".", ".."):
        raise OSError(errno.EINVAL, f"not a path {parent}/{CONFINED}|{OPEN}/NAME", path)
