"""What an image has in a place is copied into an empty volume that is mounted there, owner and mode of the directory too.

Done when a container is created, as by dockerd, so that the volume is complete before anything runs. The image is read as a
container would see it: links in it lead where they lead inside. Read-only volumes are filled too; ``nocopy`` ones are not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from dockerkit.daemon.engine.archives.views import View
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.volumes.point import VOLUME, Point
from dockerkit.daemon.engine.volumes.record import VolumeRecord
from dockerkit.daemon.kernel import beneath
from dockerkit.daemon.volumes.copying import copy_tree, is_empty
from dockerkit.errors import Failed, Invalid


def populate(core: Core, container: str, points: Iterable[Point], look: Callable[[], View]) -> None:
    """Fill a container's volumes that are empty.

    :param look: gives the image as a tree; called when there is something to fill, closed here.
    :raises Invalid: the image has a file where an anonymous volume shall be; in Docker's words.
    :raises Failed: a volume cannot be mounted, or is full.
    """
    filling = _Filling(core, f"fill-{container}", look)
    try:
        for point in points:
            if point.type == VOLUME and point.fill:
                filling.fill(point)
    finally:
        filling.close()


class _Filling:
    """The filling of one container's volumes; the image is looked at when the first of them is empty."""

    def __init__(self, core: Core, user: str, look: Callable[[], View]) -> None:
        self._volumes = core.volumes
        self._user = user
        self._look = look
        self._view: View | None = None

    def close(self) -> None:
        """Let go of the image."""
        if self._view is not None:
            self._view.close()

    def fill(self, point: Point) -> None:
        """Copy what the image has in a volume's place into it, when it is empty."""
        record = self._volumes.get(point.name)
        # what need not be mounted is looked into first, which is quick; what has to be is not mounted for nothing
        if not record.mounted_when_used and not self._is_empty(record):
            return
        source = self._open(point)
        if source < 0:
            return
        try:
            self._copy(record, source, point)
        finally:
            os.close(source)

    def _open(self, point: Point) -> int:
        """Return a descriptor of what the image has in a place; -1 when it has nothing there."""
        self._view = self._view or self._look()
        try:
            source = beneath.open_in(self._view.root, point.destination)
        except OSError:  # nothing, or a link that leads nowhere
            return -1
        if beneath.is_directory(source):
            return source
        os.close(source)
        if point.anonymous:
            raise Invalid(f"cannot mount volume over existing file, file exists {point.destination}")
        return -1

    def _is_empty(self, record: VolumeRecord) -> bool:
        record, root = self._volumes.mount(record.name, self._user)
        try:
            return is_empty(root)
        finally:
            os.close(root)
            self._volumes.drivers.unmount(record, self._user)

    def _copy(self, record: VolumeRecord, source: int, point: Point) -> None:
        record, volume = self._volumes.mount(record.name, self._user)
        try:
            if is_empty(volume):
                copy_tree(source, volume)
        except OSError as error:
            words = f"volume {point.name} cannot be filled with what the image has in {point.destination}"
            raise Failed(f"{words}: {error.strerror or error}") from error
        finally:
            os.close(volume)
            self._volumes.drivers.unmount(record, self._user)
