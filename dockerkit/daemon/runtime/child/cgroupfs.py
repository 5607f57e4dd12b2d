"""``/sys/fs/cgroup`` inside a container: every hierarchy, seen from the container's own group (its cgroup namespace)."""

from __future__ import annotations

import contextlib
import os

from dockerkit.daemon.kernel import beneath, mounts
from dockerkit.daemon.runtime.child.birth import Birth
from dockerkit.daemon.runtime.child.options import Options

_SELF = "/proc/self/cgroup"


def mount(birth: Birth, destination: str, wanted: Options) -> None:
    """Mount the version 1 hierarchies on a small tmpfs at `destination`, or the version 2 tree where it is the only one."""
    place = beneath.make_directory(birth.root, destination)
    lists = [line.split(":", 2)[1] for line in _lines() if ":" in line]
    hierarchies = [controllers for controllers in lists if controllers]
    attributes = wanted.attributes.on
    if not hierarchies:
        _attach(mounts.new("cgroup2", attributes=attributes, source="cgroup"), place, destination)
        return
    holder = mounts.new("tmpfs", [("mode", "755"), ("size", "64k")], attributes=attributes & ~mounts.READ_ONLY, source="tmpfs")
    mounts.attach(holder, place, about=destination)
    for controllers in hierarchies:
        _hierarchy(holder, controllers, destination, attributes)
    mounts.set_attributes(holder, attributes)
    os.close(holder)
    os.close(place)


def _lines() -> list[str]:
    with open(_SELF, encoding="utf-8") as file:
        return file.read().splitlines()


def _hierarchy(holder: int, controllers: str, destination: str, attributes: int) -> None:
    name = controllers.removeprefix("name=")
    os.mkdir(name, 0o755, dir_fd=holder)
    choices: list[mounts.Option] = [("none", None), ("name", name)] if controllers != name else []
    choices = choices or [(controller, None) for controller in controllers.split(",")]
    place = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=holder)
    _attach(mounts.new("cgroup", choices, attributes=attributes), place, f"{destination}/{name}")
    for alias in controllers.split(",") if "," in controllers else ():
        with contextlib.suppress(FileExistsError):
            os.symlink(name, alias, dir_fd=holder)


def _attach(mount: int, place: int, about: str) -> None:
    mounts.attach(mount, place, about=about)
    os.close(mount)
    os.close(place)
