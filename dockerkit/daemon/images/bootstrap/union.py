"""What a name means in a tree that grows on top of others: the tree's own files first, then those of the layers below.

A package says ``./bin/x``; where ``/bin`` is a link, perhaps in a layer below, the file belongs where the link leads. Links are
taken from the root of the tree, component by component, never by the kernel. Reads only.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Sequence

from dockerkit.daemon.images.initial import merged
from dockerkit.daemon.images.tree import Parts
from dockerkit.errors import Damaged

_LINKS = 40


class Union:
    """A directory and the layers below it.

    :param layers: paths, topmost first; the first may change while this is used, by making names, not by replacing links.
    """

    def __init__(self, layers: Sequence[str]) -> None:
        self._layers = tuple(layers)
        self._resolved: dict[Parts, Parts] = {(): ()}

    def resolve(self, parts: Parts) -> Parts:
        """Return where a directory's name leads, links followed; a name that is not there leads to itself.

        :raises Damaged: links go round in circles, or out of the tree.
        """
        known = self._resolved.get(parts)
        if known is None:
            known = self._resolved[parts] = self._walk(parts)
        return known

    def below(self, parts: Parts) -> str | None:
        """Return the path of a directory in the layers below the first, or None where it is none."""
        found = merged(self._layers[1:], parts)
        return found[0] if found else None

    def read(self, parts: Parts) -> bytes:
        """Return the bytes of a file, wherever it is; none when it is nowhere."""
        for layer in self._layers:
            try:
                file = os.open(os.path.join(layer, *parts), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO):
                    raise
                continue
            with open(file, "rb") as opened:
                return opened.read()
        return b""

    def _walk(self, parts: Parts) -> Parts:
        current: Parts = ()
        names, links = deque(parts), 0
        while names:
            name = names.popleft()
            if name in ("", "."):
                continue
            if name == "..":
                current = current[:-1]
                continue
            target = self._link((*current, name))
            if target is None:
                current = (*current, name)
                continue
            links += 1
            if links > _LINKS:
                raise Damaged(f"too many links in {'/'.join(parts)!r}")
            if target.startswith("/"):
                current = ()
            names.extendleft(reversed(target.split("/")))
        return current

    def _link(self, parts: Parts) -> str | None:
        """Return the target of a link, or None when the name is no link in the topmost layer that has it."""
        for layer in self._layers:
            try:
                return os.readlink(os.path.join(layer, *parts))
            except OSError as error:
                if error.errno == errno.EINVAL:
                    return None
                if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                    raise
        return None
