"""What a container's files lie on: its image's layers beneath its own, or a copy of them all, as its snapshotter made it.

Made by a create, asked for by whoever mounts, measures, compares or keeps them. Never mounts, never looks into a file.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator

from dockerkit.daemon.engine import changes
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.images.image import Image
from dockerkit.daemon.images.snapshots import Copying, Snapshot
from dockerkit.daemon.images.snapshots.gathering import gather
from dockerkit.daemon.images.store import room_for
from dockerkit.daemon.kernel import beneath, trees
from dockerkit.daemon.runtime.launch import Rootfs
from dockerkit.schema.archive import Change, ChangeKind

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DOCKERS = {"overlay": "overlay2", "copy": "vfs"}


def prepare(core: Core, image: Image, directory: str) -> Snapshot:
    """Make a container's root of an image, in its directory.

    :raises Damaged: a layer's blob is not what the image says it is.
    :raises Exhausted: no room; nothing of it is left.
    """
    return core.snapshots.snapshotter.prepare(core.images.lower(image), directory)


def is_copy(record: Record) -> bool:
    """Tell whether a container has a copy of its image's files."""
    return record.snapshotter == Copying.name


def driver(snapshotter: str) -> str:
    """Return Docker's name for a way to make snapshots."""
    return _DOCKERS[snapshotter]


def rootfs(core: Core, record: Record, *, volatile: bool) -> Rootfs:
    """Return what a container's root is made of.

    :param volatile: what is written need not survive a power cut.
    """
    directory = core.directory(record.id)
    lower = () if is_copy(record) else core.images.lower(core.images.of_container(record.image))
    return Rootfs(lower=lower, upper=f"{directory}/upper", work=f"{directory}/work", volatile=volatile)


def difference(core: Core, record: Record) -> list[Change]:
    """Return every path in which a container differs from its image, by path; a deleted directory is one line.

    :raises OSError: a layer cannot be read.
    """
    lower = core.images.lower(core.images.of_container(record.image))
    return changes.compare(f"{core.directory(record.id)}/upper", list(lower), whole=is_copy(record))


def own_size(core: Core, record: Record) -> int:
    """Return the bytes of the files that a container has of its own, links not followed; 0 when it went this moment."""
    if not is_copy(record):
        return tree_size(f"{core.directory(record.id)}/upper")
    with contextlib.suppress(FileNotFoundError), _upper(core, record) as directory:
        return sum(_size(directory, change) for change in difference(core, record) if change.kind != ChangeKind.DELETED)
    return 0


def tree_size(top: str) -> int:
    """Return the bytes of all files beneath a directory, links not followed; 0 when it went this moment."""
    try:
        directory = os.open(top, _DIRECTORY)
    except FileNotFoundError:
        return 0
    try:
        return sum(status.st_size for status in trees.files(directory))
    finally:
        os.close(directory)


def _size(directory: int, change: Change) -> int:
    try:
        file = beneath.open_in(directory, change.path, os.O_PATH | os.O_NOFOLLOW)
    except OSError:  # it went this moment
        return 0
    try:
        status = os.fstat(file)
        return 0 if stat.S_ISDIR(status.st_mode) else status.st_size
    finally:
        os.close(file)


@contextlib.contextmanager
def own_layer(core: Core, record: Record) -> Iterator[int]:
    """Lend a descriptor of a container's own layer, with overlay's marks; of a copy it is put together, of names alone.

    :raises Exhausted: no room.
    """
    with contextlib.ExitStack() as kept:
        layer = upper = kept.enter_context(_upper(core, record))
        if is_copy(record):
            place = tempfile.mkdtemp(prefix="layer-", dir=core.directory(record.id))
            kept.callback(trees.remove, place)
            layer = kept.enter_context(_opened(place))
            with room_for("a layer"):
                gather(difference(core, record), upper, layer)
        yield layer


def _upper(core: Core, record: Record) -> contextlib.AbstractContextManager[int]:
    return _opened(f"{core.directory(record.id)}/upper")


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    directory = os.open(path, _DIRECTORY)
    try:
        yield directory
    finally:
        os.close(directory)
