"""Where systems are put together: room on the layers' file system, a container to configure in, and what was made before.

The container comes from outside (the engine hands it in, see :attr:`Bench.configure`): images never know containers.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from dockerkit.daemon.images.bootstrap import packagecache
from dockerkit.daemon.images.image import Image
from dockerkit.daemon.images.store import write_file
from dockerkit.errors import Unsupported

PREFIX = ".tmp-"
"""The layers' own word for "half made": what a crash leaves is removed at the next start."""


@dataclass(frozen=True, slots=True)
class Job:
    """A program to run in a half-made system, without a network.

    :param upper: the tree it changes.
    :param lower: what is below it, topmost first.
    :param work: an empty directory on the same file system.
    """

    upper: str
    lower: tuple[str, ...]
    work: str
    arguments: tuple[str, ...]
    environment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Completed:
    """How it ended, and what it said last."""

    exit_code: int
    output: str


Configure = Callable[[Job], Completed]


class Bench:
    """The workshop of one data root.

    :param root: the data root.
    :param images: lists the images that are here.
    :param lower: an image → its lower directories, topmost first.
    """

    def __init__(
        self,
        root: str,
        images: Callable[[], Sequence[Image]],
        lower: Callable[[Image], tuple[str, ...]],
        configure: Configure | None,
    ) -> None:
        self._layers = os.path.join(root, "layers")
        self._made = os.path.join(root, "cache", "made")
        self._images, self.lower, self._configure = images, lower, configure
        self.cache = packagecache.PackageCache(packagecache.directory(root))

    def remember(self, key: str, digest: str) -> None:
        """Write down what inputs of this fingerprint have given: an image's manifest, or a base layer.

        Labels will not do: whoever makes an image writes them, and one that is pulled could claim to be of these inputs.
        """
        os.makedirs(self._made, mode=0o700, exist_ok=True)
        write_file(os.path.join(self._made, key), digest.encode())

    def made(self, key: str) -> Image | None:
        """Return the image that was made of these inputs, if it is still here."""
        digest = self._recall(key)
        return next((image for image in self._images() if image.manifest.digest == digest), None) if digest else None

    def based(self, key: str) -> Image | None:
        """Return an image whose lowest layer is the base that was made of these inputs, if there is one."""
        digest = self._recall(key)
        return next((i for i in self._images() if digest in i.document.rootfs.diff_ids[:1]), None) if digest else None

    def _recall(self, key: str) -> str:
        try:
            with open(os.path.join(self._made, key), encoding="ascii") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def configure(self, job: Job) -> Completed:
        """Run a job.

        :raises Unsupported: there is nothing to run it in.
        """
        if self._configure is None:
            raise Unsupported(
                "packages cannot be configured here: no engine is at hand", hint="make the image through a daemon"
            )
        return self._configure(job)

    @contextlib.contextmanager
    def room(self) -> Iterator[str]:
        """Give an empty directory on the layers' file system, locked while it is used; what is left in it goes with it."""
        path = tempfile.mkdtemp(prefix=f"{PREFIX}system-", dir=self._layers)
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield path
        finally:
            os.close(lock)
            shutil.rmtree(path)
