"""What a maker of images is given: the wishes, and the outside world behind a few names, so that tests can hand in theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from dockerkit.daemon.images.bootstrap.distribution import NONE, Distribution
from dockerkit.errors import Unavailable

if TYPE_CHECKING:
    from dockerkit.daemon.images.bootstrap.bench import Bench
    from dockerkit.daemon.images.bootstrap.mirror import Mirror
    from dockerkit.daemon.images.bootstrap.packagecache import PackageCache

Progress = Callable[[dict[str, Any]], None]
"""Gets the messages of Docker's JSON stream, one at a time."""


def silent(_message: dict[str, Any]) -> None:
    """A progress nobody looks at."""


class Package(Protocol):
    """A distribution's package whose bytes were verified."""

    @property
    def origin(self) -> str:
        """Name, version and archive, for people: ``busybox-static 1:1.35.0-4 (Debian bookworm)``."""
        ...

    def file(self, names: Sequence[str]) -> bytes:
        """Return the content of the first of these files that the package holds.

        :raises Damaged: it holds none, or is malformed.
        """
        ...


def _no_mirror(_cache: PackageCache) -> Mirror:
    raise Unavailable("no package mirror is at hand")


@dataclass(frozen=True, slots=True)
class Supply:
    """Where makers get their material.

    :param fetch_package: fetches and verifies one package of the host's distribution, by name.
    :param busybox_paths: where a static busybox may be.
    :param mirror: the archive of the host's distribution, with what was fetched from it before.
    :param distribution: which one that is.
    """

    fetch_package: Callable[[str, Progress], Package]
    busybox_paths: tuple[str, ...]
    mirror: Callable[[PackageCache], Mirror] = _no_mirror
    distribution: Distribution = NONE


@dataclass(frozen=True, slots=True)
class Request:
    """One wish for an image.

    :param programs: names or paths of host programs, for ``host``.
    :param packages: names of the distribution's packages that are added.
    :param version: of the program that the image is named after, or its beginning; ``""``: whichever there is.
    :param bench: where systems are put together; None: nowhere, so none can be made.
    """

    supply: Supply
    programs: Sequence[str] = ()
    packages: Sequence[str] = ()
    progress: Progress = silent
    version: str = ""
    bench: Bench | None = None
