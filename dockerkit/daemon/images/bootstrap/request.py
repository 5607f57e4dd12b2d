"""What a maker of images is given: the wishes, and the outside world behind two names, so that tests can hand in their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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


@dataclass(frozen=True, slots=True)
class Supply:
    """Where makers get their material.

    :param fetch_package: fetches and verifies one package of the host's distribution, by name.
    :param busybox_paths: where a static busybox may be.
    """

    fetch_package: Callable[[str, Progress], Package]
    busybox_paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One wish for an image.

    :param programs: names or paths of host programs, for ``host``.
    :param packages: names of the distribution's packages; none is honoured yet.
    """

    supply: Supply
    programs: Sequence[str] = ()
    packages: Sequence[str] = ()
    progress: Progress = silent
