"""Snapshots: how a container's files come to stand on its image's layers without changing them.

Vocabulary. A *layer* is an unpacked directory (:mod:`..layers`) with overlay's marks for what it removes. A *snapshot* is one
container's view of a stack of layers, and the place of its own changes: a directory of the container's that is empty when the
snapshot is made, and goes with the container.

Two worked examples. With :mod:`.overlay` a snapshot of three layers costs two ``mkdir``: the runtime mounts the three beneath
an empty ``upper``. With :mod:`.copying`, where no overlay can be mounted (a data root that is itself on an overlay, a kernel
without it), the three are written into ``upper`` one after the other, and ``upper`` alone is the root: slower and larger, and
the same for whoever looks from inside.

What must hold, whichever it is (``tests/system/images/snapshotcontract.py`` is this list as tests): what is seen is the layers'
union by the OCI's rules; a change is seen in its own snapshot and nowhere else; layers are never changed; making a snapshot
either succeeds or leaves the directory as it was; who is who is decided once for a data root, by trying (:func:`choose`).
``DOCKERKIT_SNAPSHOTTER`` says ``auto`` (this), ``overlay`` or ``copy``. A container keeps the one it was made by.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dockerkit.daemon.images.snapshots.copying import Copying
from dockerkit.daemon.images.snapshots.overlay import Overlay, refusal
from dockerkit.daemon.images.snapshots.values import Snapshot
from dockerkit.errors import Invalid

__all__ = ["Choice", "Copying", "Overlay", "Snapshot", "Snapshotter", "choose"]

VARIABLE = "DOCKERKIT_SNAPSHOTTER"
_WORDS = ("auto", "overlay", "copy")


class Snapshotter(Protocol):
    """One way to make snapshots."""

    name: str

    def prepare(self, layers: Sequence[str], directory: str) -> Snapshot:
        """Make a snapshot of layers, topmost first, in a container's directory, which has no ``upper`` and no ``work`` yet.

        :raises Exhausted: no room; nothing of it is left.
        """

    def remove(self, directory: str) -> None:
        """Remove what :meth:`prepare` made; harmless when it is not there."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which snapshotter a data root has, and why, for people."""

    snapshotter: Snapshotter
    why: str


def choose(directory: str, *, refused: Callable[[str], str] = refusal) -> Choice:
    """Return the snapshotter for layers beneath a directory: overlay, unless mounting one there is refused.

    :raises Invalid: ``DOCKERKIT_SNAPSHOTTER`` is another word.
    """
    word = os.environ.get(VARIABLE) or "auto"
    if word not in _WORDS:
        raise Invalid(f"{VARIABLE} is {word!r}", hint=f"one of {', '.join(_WORDS)}")
    if word != "auto":
        return Choice(Overlay() if word == "overlay" else Copying(), f"{VARIABLE}={word}")
    reason = refused(directory)
    if not reason:
        return Choice(Overlay(), f"an overlay can be mounted in {directory}")
    return Choice(Copying(), f"no overlay can be mounted in {directory}: {reason}")
