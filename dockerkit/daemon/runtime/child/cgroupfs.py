"""``/sys/fs/cgroup`` inside a container: of every hierarchy its own group, and nothing above it.

The group's directory is bound, not the hierarchy mounted anew: that is right with a cgroup namespace and without, shows only
the hierarchies the container has a group in, and costs a third. On version 2 it is the directory itself; and a container in the
host's cgroup namespace sees the whole tree, as it does with Docker, for its ``/proc/self/cgroup`` counts from there. (Mounting
anew from that namespace would also change the options of the host's own mount.)
"""

from __future__ import annotations

import contextlib
import os
from functools import cache

from dockerkit.daemon.kernel import beneath, mounts
from dockerkit.daemon.kernel.cgroups import hierarchies
from dockerkit.daemon.runtime.child.birth import Birth
from dockerkit.daemon.runtime.child.options import Options


@cache
def host_trees() -> tuple[hierarchies.Hierarchy, ...]:
    """Return the host's version 1 hierarchies; asked once, in the shim."""
    return hierarchies.read_mounts().version1


def mount(birth: Birth, destination: str, wanted: Options) -> None:
    """Show the container's groups at `destination`: version 1's on a small tmpfs, which without a group stays empty.

    :raises OSError: ``filename`` is the group or the destination.
    """
    groups, path = birth.place.cgroups, birth.linux.get("cgroupsPath")
    if path and groups is not None and groups.version > 1:
        private = "cgroup" in birth.namespaces()
        _bind(birth, destination, os.path.join(groups.hierarchies[0].directory, path if private else ""), wanted)
        return
    place = beneath.make_directory(birth.root, destination)
    holder = mounts.new("tmpfs", [("mode", "755"), ("size", "64k")], source="tmpfs")
    mounts.attach(holder, place, about=destination)
    for tree in host_trees() if path else ():
        with contextlib.suppress(FileNotFoundError):  # a hierarchy this data root does not use
            _show(holder, tree, str(path))
    # one call for all: binds of the host's mounts would be in its peer groups, and writable
    mounts.set_attributes(holder, wanted.attributes.on, propagation=mounts.PRIVATE, recursive=True)
    os.close(holder)
    os.close(place)


def _bind(birth: Birth, destination: str, directory: str, wanted: Options) -> None:
    place = beneath.make_directory(birth.root, destination)
    mount = mounts.clone(directory)
    mounts.set_attributes(mount, wanted.attributes.on, propagation=mounts.PRIVATE)
    mounts.attach(mount, place, about=destination)
    os.close(mount)
    os.close(place)


def _show(holder: int, tree: hierarchies.Hierarchy, path: str) -> None:
    mount = mounts.clone(os.path.join(tree.directory, path))
    name = os.path.basename(tree.directory)
    os.mkdir(name, 0o755, dir_fd=holder)
    mounts.attach(mount, holder, name)
    os.close(mount)
    for alias in tree.controllers:
        if alias != name:
            os.symlink(name, alias, dir_fd=holder)
