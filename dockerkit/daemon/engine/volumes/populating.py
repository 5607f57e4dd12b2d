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
from dockerkit.daemon.kernel import beneath
from dockerkit.daemon.volumes.copying import copy_tree, is_empty
from dockerkit.errors import Failed, Invalid


def populate(core: Core, container: str, points: Iterable[Point], look: Callable[[], View]) -> None:
    """Fill a container's volumes that are empty.

    :param look: gives the image as a tree; called when there is something to fill, closed here.
    :raises Invalid: the image has a file where an anonymous volume shall be; in Docker's words.
    :raises Failed: a volume cannot be mounted, or is full.
    """
    wanting = [point for point in points if point.type == VOLUME and point.fill]
    if not wanting:
        return
    user = f"fill-{container}"
    view: View | None = None
    try:
        for point in wanting:
            record = core.volumes.get(point.name)
            volume = core.volumes.drivers.mount(record, user)
            try:
                if is_empty(volume):
                    view = view or look()
                    _fill(view, volume, point)
            finally:
                os.close(volume)
                core.volumes.drivers.unmount(record, user)
    finally:
        if view is not None:
            view.close()


def _fill(view: View, volume: int, point: Point) -> None:
    try:
        source = beneath.open_in(view.root, point.destination)
    except OSError:  # the image has nothing there, or a link that leads nowhere
        return
    try:
        if beneath.is_directory(source):
            copy_tree(source, volume)
        elif point.anonymous:
            raise Invalid(f"cannot mount volume over existing file, file exists {point.destination}")
    except OSError as error:
        words = f"volume {point.name} cannot be filled with what the image has in {point.destination}"
        raise Failed(f"{words}: {error.strerror or error}") from error
    finally:
        os.close(source)
