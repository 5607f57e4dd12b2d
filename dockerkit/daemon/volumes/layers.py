"""Layers: what volumes that were cloned have in common, so that cloning copies nothing.

::

    before     base/_data                                   what is in it
    clone      .layers/a1 <- base/_data (renamed, nothing is copied; nobody writes it any more)
    after      base = overlay(upper=base/upper, lower=a1)   copy = overlay(upper=copy/upper, lower=a1)

Both go on independently; each is mounted on its ``_data`` while somebody uses it. Cloning again freezes what has changed since
as one more layer, or adds none when nothing has. The engine writes down first which layers a volume is going to have; an act
that was cut short by a crash is finished by :meth:`Layers.settle`, from what is on the disk. A layer goes with the last volume
that has it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence

from dockerkit.daemon.volumes import mounting
from dockerkit.daemon.volumes.copying import copy_attributes, is_empty
from dockerkit.daemon.volumes.directories import DATA, LAYERS, Directories

DEEPEST = 60
"""Layers a volume may have, before a clone of it is a copy."""


class Layers:
    """The layers of one data root."""

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def possible(self) -> bool:
        """Tell whether an overlay can be made here, by making one that is seen nowhere."""
        names = [f"probe-{secrets.token_hex(4)}-{part}" for part in ("lower", "upper", "work")]
        top = self._directories.top()
        try:
            for name in names:
                os.mkdir(name, 0o700, dir_fd=top)
            lower, upper, work = (os.path.join(self._directories.path, name) for name in names)
            os.close(mounting.overlay([lower], upper, work))
        except OSError:
            return False
        finally:
            os.close(top)
            for name in names:
                self._directories.discard(name)
        return True

    def next(self, name: str, layers: Sequence[str]) -> list[str]:
        """Return the layers a volume has when what is in it now is frozen: one more, unless nothing has changed."""
        if layers:
            upper = self._directories.open(name, "upper")
            try:
                if is_empty(upper):
                    return list(layers)
            finally:
                os.close(upper)
        return [secrets.token_hex(16), *layers]

    def settle(self, name: str, layers: Sequence[str]) -> None:
        """Make the disk agree with the layers a volume is to have: freeze what is to be the topmost; repeating is harmless."""
        if not layers:
            return
        directories = self._directories
        top = directories.top()
        try:
            if not directories.exists(LAYERS):
                os.mkdir(LAYERS, 0o700, dir_fd=top)
            if not directories.exists(LAYERS, layers[0]):
                source = "upper" if directories.exists(name, "upper") else DATA
                os.rename(f"{name}/{source}", f"{LAYERS}/{layers[0]}", src_dir_fd=top, dst_dir_fd=top)
        finally:
            os.close(top)
        self.begin(name, layers)

    def begin(self, name: str, layers: Sequence[str]) -> None:
        """Make the directories of a volume that stands on layers; its root has the attributes of the topmost's."""
        fresh = not self._directories.exists(name, "upper")
        self._directories.make(name, DATA, "upper", "work")
        if fresh:
            above, below = self._directories.open(name, "upper"), self.open(layers[:1])[0]
            reading, writing = (os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=at) for at in (below, above))
            copy_attributes(reading, writing)
            for descriptor in (above, below, reading, writing):
                os.close(descriptor)

    def open(self, layers: Sequence[str]) -> list[int]:
        """Return descriptors of layers; the caller closes them.

        :raises NotFound: one is not there.
        """
        opened: list[int] = []
        try:
            for layer in layers:
                opened.append(self._directories.open(LAYERS, layer))
        except BaseException:
            for descriptor in opened:
                os.close(descriptor)
            raise
        return opened

    def mount(self, name: str, layers: Sequence[str]) -> None:
        """Mount a volume that stands on layers on its directory.

        :raises OSError: the kernel refused.
        """
        opened = self.open(layers)
        try:
            mounting.mount_layers(self._directories, name, opened)
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def sweep(self, used: Iterable[str]) -> list[str]:
        """Take layers that nobody has out of sight; return where they wait to be deleted."""
        unused = set(self._directories.names(LAYERS)) - set(used)
        return [place for layer in sorted(unused) if (place := self._directories.discard(LAYERS, layer))]
