"""An image's files as a mount: read-only, on a directory of the data root for the moment in which the runtime binds it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

from dockerkit.daemon.images.snapshots import Copying, Snapshotter
from dockerkit.daemon.kernel import mounts, trees
from dockerkit.daemon.volumes.mounting import mounted_beneath

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


def mount(lower: Sequence[str], place: str, snapshotter: Snapshotter) -> int:
    """Mount an image's layers (the topmost first; the first, which is made for containers, is left out) on `place`, made here.

    Where layers are copied, the copy lies in `place`, beneath the mount.

    :returns: a descriptor of its root.
    :raises OSError: the kernel refused.
    """
    os.makedirs(place, 0o700)
    layers = list(lower)[1:]
    try:
        if len(layers) > 1 and snapshotter.name == Copying.name:
            layers = [snapshotter.prepare(layers, place).upper]
        made = mounts.clone(layers[0]) if len(layers) == 1 else _overlay(layers, place)
        if made >= 0:
            _attach(made, place)
        return os.open(place, _DIRECTORY)
    except BaseException:
        unmount(place)
        raise


def _attach(made: int, place: str) -> None:
    try:
        mounts.set_attributes(made, mounts.READ_ONLY, propagation=mounts.PRIVATE)
        target = os.open(place, _DIRECTORY)
        try:
            mounts.attach(made, target, about=place)
        finally:
            os.close(target)
    finally:
        os.close(made)


def _overlay(layers: Sequence[str], place: str) -> int:
    opened = [os.open(layer, _DIRECTORY) for layer in layers]
    names = [f"/proc/self/fd/{layer}" for layer in opened]
    try:
        return mounts.new("overlay", [*(("lowerdir+", name) for name in names), ("index", "off")])
    except OSError:  # before Linux 6.8
        mounts.mount("overlay", place, "overlay", 1, f"lowerdir={':'.join(names)},index=off")
        return -1
    finally:
        for layer in opened:
            os.close(layer)


def unmount(place: str) -> None:
    """Take it off the host and remove the directory, a copy in it too; harmless when it was done."""
    while place in mounted_beneath(place):
        mounts.unmount(place, detach=True)
    trees.remove(place)


def sweep(folder: str) -> None:
    """Take off what a daemon that was killed has left in the folder of such places."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(folder):
            unmount(os.path.join(folder, name))
