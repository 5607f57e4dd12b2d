"""One path of a container found beneath its root, as dockerd reads it, and described.

A path's last component is not followed, unless a ``/`` or ``/.`` behind it says so; everything before it is, inside the root.
Source: Engine API 1.51, ``/containers/{id}/archive``; what a real dockerd answers is in ``tests/parity``.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dockerkit.daemon.engine.archives.views import View
from dockerkit.daemon.kernel import beneath
from dockerkit.errors import DockerkitError, Failed, Invalid, NotAllowed, NotFound
from dockerkit.schema.archive import PathStat, go_mode
from dockerkit.schema.units import rfc3339

_MOST_LINKS = 255
"""As many as dockerd follows when it says where a link leads."""


@dataclass(slots=True)
class Found:
    """A path of a container, opened.

    :param entry: descriptor of what it names (``O_PATH``).
    :param parent: descriptor of the directory that holds it; of itself when `name` is ``.``.
    :param name: its name in `parent`.
    :param shown: the name Docker gives it in an archive and in its description.
    """

    path: str
    parent: int
    name: str
    shown: str
    entry: int
    status: os.stat_result

    def close(self) -> None:
        """Close both descriptors."""
        os.close(self.parent)
        os.close(self.entry)


def absolute(path: str) -> str:
    """Return a path from the container's root, ``..`` taken literally, a ``/`` or ``/.`` at its end kept.

    :raises Invalid: it is empty, or holds a NUL.
    """
    if not path or "\0" in path:
        raise Invalid("bad parameter: path cannot be empty" if not path else "bad parameter: path holds a NUL")
    clean = posixpath.normpath("/" + path.lstrip("/"))
    if posixpath.basename(path.rstrip("/")) == ".":
        clean = clean.rstrip("/") + "/."
    return clean + "/" if path.endswith("/") and not clean.endswith("/") else clean


def find(view: View, path: str) -> Found:
    """Open a path; its last component is not followed.

    :raises OSError: ENOENT also for what belongs to the kernel (``/proc/cpuinfo``), which Docker does not see.
    """
    wanted = absolute(path)
    folder, _, name = wanted.rstrip("/").rpartition("/") if wanted.endswith("/") and wanted != "/" else wanted.rpartition("/")
    shown = name or "/"
    if wanted.endswith(("/", "/.")):
        folder, name = wanted, "."
    parent = beneath.open_in(view.root, folder or "/", os.O_PATH | os.O_DIRECTORY)
    try:
        entry = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except BaseException:
        os.close(parent)
        raise
    found = Found(wanted, parent, name, shown, entry, os.fstat(entry))
    if _is_kernels(view, found):
        found.close()
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return found


def _is_kernels(view: View, found: Found) -> bool:
    """Whether it lies in a hidden file system; the directory on which such a one is mounted does not."""
    if found.status.st_dev not in view.hidden:
        return False
    return not stat.S_ISDIR(found.status.st_mode) or os.stat("..", dir_fd=found.entry).st_dev in view.hidden


def describe(view: View, found: Found) -> PathStat:
    """Return what Docker tells of a path."""
    link = destination(view.root, found.path) if stat.S_ISLNK(found.status.st_mode) else ""
    moment, _, fraction = rfc3339(found.status.st_mtime_ns).removesuffix("Z").partition(".")
    fraction = fraction.rstrip("0")
    return PathStat(
        name=found.shown,
        size=found.status.st_size,
        mode=go_mode(found.status.st_mode),
        mtime=f"{moment}.{fraction}Z" if fraction else f"{moment}Z",
        link_target=link,
    )


def destination(root: int, path: str) -> str:
    """Return where a path leads inside the root when every link is followed; what does not exist is taken as it is written.

    The answer is for people: nothing is opened by it later but beneath the root again.

    :raises OSError: ELOOP.
    """
    names, done, links = deque(path.split("/")), [""], 0
    while names:
        name = names.popleft()
        if name in ("", "."):
            continue
        if name == "..":
            done = done[:-1] or [""]
            continue
        target = _link(root, "/".join([*done, name]))
        if target is None:
            done.append(name)
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        if target.startswith("/"):
            done = [""]
        names.extendleft(reversed(target.split("/")))
    return "/".join(done) or "/"


def _link(root: int, path: str) -> str | None:
    try:
        entry = beneath.open_in(root, path, os.O_PATH | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return os.readlink("", dir_fd=entry) if stat.S_ISLNK(os.fstat(entry).st_mode) else None
    finally:
        os.close(entry)


@contextmanager
def in_words(path: str, container: str) -> Iterator[None]:
    """Turn what the kernel says of a path into Docker's words.

    :raises NotFound: no such path.
    :raises Invalid: a file is used as a directory, or links go round in circles.
    """
    try:
        yield
    except DockerkitError:
        raise  # NotAllowed is an OSError too
    except FileNotFoundError as error:
        raise NotFound(f"Could not find the file {path} in container {container}") from error
    except NotADirectoryError as error:
        raise Invalid(f"{path} in container {container}: not a directory") from error
    except PermissionError as error:
        raise NotAllowed(f"{path} in container {container} cannot be read: {error.strerror}") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Invalid(f"too many links in {path} in container {container}") from error
        if error.errno == errno.ENAMETOOLONG:
            raise Invalid(f"{path[:80]}… in container {container}: file name too long") from error
        raise Failed(f"{path} in container {container} cannot be read: {error.strerror}") from error
