"""The root: put in place in the child's own mount namespace, made read-only, entered; the host's tree is let go."""

from __future__ import annotations

import os

from dockerkit.daemon.kernel import mounts
from dockerkit.daemon.runtime.child.birth import Birth


def attach_root(birth: Birth) -> None:
    """Cut this mount namespace off from the host's and put the root on the mount point; the host is still visible around it."""
    # before anything is mounted: it would appear on the host
    mounts.set_propagation("/", mounts.SLAVE)
    if birth.root < 0:
        _receive_root(birth)
    target = os.open(birth.place.mountpoint, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    mounts.attach(birth.root, target, about=birth.place.mountpoint)
    os.close(target)


def _receive_root(birth: Birth) -> None:
    message, (birth.root, *rest) = birth.hear("go")
    cut = message["stdio"]
    birth.stdio, birth.binds = rest[:cut], dict(zip(message["binds"], rest[cut:], strict=True))


def make_read_only(birth: Birth) -> None:
    """Make the root read-only when the spec says so; mounts below it stay as they are."""
    if birth.spec["root"].get("readonly"):
        mounts.set_attributes(birth.root, mounts.READ_ONLY)


def enter_root(birth: Birth) -> None:
    """Make it the root directory and let the host's tree go, then set the root's propagation."""
    mounts.change_root(birth.root)
    if birth.linux.get("rootfsPropagation") in ("shared", "rshared"):
        mounts.set_propagation("/", mounts.SHARED)
