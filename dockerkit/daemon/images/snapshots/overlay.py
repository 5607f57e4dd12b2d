"""Snapshots by overlay: the layers lie beneath, nothing is copied. Only prepares; the runtime mounts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence

from dockerkit.daemon.images.snapshots.values import Snapshot
from dockerkit.daemon.images.store import PREFIX, room_for
from dockerkit.daemon.kernel import mounts, trees


class Overlay:
    """See :class:`~dockerkit.daemon.images.snapshots.Snapshotter`."""

    name = "overlay"

    def prepare(self, layers: Sequence[str], directory: str) -> Snapshot:
        """See :class:`~dockerkit.daemon.images.snapshots.Snapshotter`."""
        snapshot = Snapshot(tuple(layers), os.path.join(directory, "upper"), os.path.join(directory, "work"))
        try:
            with room_for("a snapshot"):
                os.mkdir(snapshot.upper, 0o755)
                os.mkdir(snapshot.work, 0o700)
        except BaseException:
            self.remove(directory)
            raise
        return snapshot

    def remove(self, directory: str) -> None:
        """See :class:`~dockerkit.daemon.images.snapshots.Snapshotter`."""
        for name in ("upper", "work"):
            trees.remove(os.path.join(directory, name))


def refusal(directory: str) -> str:
    """Try to make an overlay of directories beneath `directory`, mounted nowhere; return why it is refused, or ``""``."""
    place = tempfile.mkdtemp(prefix=PREFIX, dir=directory)
    try:
        for name in ("lower", "upper", "work"):
            os.mkdir(os.path.join(place, name))
        os.close(mounts.new("overlay", [(key, os.path.join(place, name)) for key, name in _OPTIONS]))
    except OSError as error:
        return error.strerror or str(error)
    finally:
        trees.remove(place)
    return ""


_OPTIONS = (("lowerdir", "lower"), ("upperdir", "upper"), ("workdir", "work"))
