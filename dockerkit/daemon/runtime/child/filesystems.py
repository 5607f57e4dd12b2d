"""The spec's mounts, in its order, each put on a descriptor beneath the root.

A mount is made first and attached last, so nothing half configured is ever visible; the place it goes to is looked up beneath the
root with magic links refused, so no link in an image can lead it out (CVE-2019-19921, CVE-2021-30465 and their kind).
"""

from __future__ import annotations

import errno
import os
from typing import Any

from dockerkit.daemon.kernel import beneath, mounts
from dockerkit.daemon.runtime.child import cgroupfs, options
from dockerkit.daemon.runtime.child.birth import Birth, StepFailed

_OURS_ALONE = ("proc", "sysfs")


def mount_all(birth: Birth) -> None:
    """Make and attach every mount of the spec.

    :raises OSError: ``filename`` is the destination or the source, whichever was refused.
    """
    for entry in birth.spec.get("mounts") or ():
        _mount(birth, entry)


def _mount(birth: Birth, entry: dict[str, Any]) -> None:
    destination, kind = entry["destination"], entry.get("type") or ""
    wanted = options.parse(entry.get("options") or ())
    if kind == "cgroup":
        cgroupfs.mount(birth, destination, wanted)
        return
    mount = _bind(entry.get("source") or "", wanted) if wanted.bind or kind == "bind" else _new(kind, entry, wanted)
    target = _target(birth.root, destination, kind, mount)
    mounts.attach(mount, target, about=destination)
    os.close(target)
    _remember(birth, destination, kind, mount)


def _new(kind: str, entry: dict[str, Any], wanted: options.Options) -> int:
    mount = mounts.new(kind, wanted.data, attributes=wanted.attributes.on, source=entry.get("source") or kind)
    if wanted.propagation:
        mounts.set_attributes(mount, propagation=wanted.propagation)
    return mount


def _bind(source: str, wanted: options.Options) -> int:
    """Clone the host's mount at `source`; it is a slave of the host's, so what is mounted there later can arrive here."""
    mount = mounts.clone(source, recursive=wanted.recursive)
    mounts.set_attributes(mount, propagation=wanted.propagation or mounts.PRIVATE, recursive=True)
    if wanted.attributes.on or wanted.attributes.off:
        mounts.set_attributes(mount, wanted.attributes.on, wanted.attributes.off)
    if wanted.tree.on or wanted.tree.off:
        mounts.set_attributes(mount, wanted.tree.on, wanted.tree.off, recursive=True)
    return mount


def _target(root: int, destination: str, kind: str, mount: int) -> int:
    """Open where a mount goes, made if it is missing: a directory for a directory, a file for a file."""
    if kind in _OURS_ALONE:
        return _real_directory(root, destination, kind)
    if beneath.is_directory(mount):
        return beneath.make_directory(root, destination)
    return beneath.make_file(root, destination)


def _real_directory(root: int, destination: str, kind: str) -> int:
    """Open the place of /proc or /sys, which may not be a link: what is written there later is trusted to be the kernel's."""
    try:
        return beneath.open_in(root, destination, os.O_PATH | os.O_DIRECTORY, resolve=beneath.NO_SYMLINKS)
    except FileNotFoundError:
        return beneath.make_directory(root, destination)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        words = f'filesystem "{kind}" must be mounted on ordinary directory'
        raise StepFailed(words, subject=destination, errno=error.errno) from None


def _remember(birth: Birth, destination: str, kind: str, mount: int) -> None:
    """Keep the descriptors later steps need, so that they need not trust a path; close the others."""
    if kind == "proc" and os.path.normpath(destination) == "/proc":
        birth.proc = mount
    elif kind == "devpts" and os.path.normpath(destination) == "/dev/pts":
        birth.devpts = mount
    else:
        os.close(mount)
