"""Which image names can be made on this host, and the one way to make them. Nothing is made that has no honest name here."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Protocol

from dockerkit.daemon.images.bootstrap import busybox, host
from dockerkit.daemon.images.bootstrap.distribution import Distribution, this_distribution
from dockerkit.daemon.images.bootstrap.request import Package, Progress, Request, Supply
from dockerkit.daemon.images.layers import Layers
from dockerkit.daemon.images.pack import Contents, assemble
from dockerkit.daemon.images.store import Store
from dockerkit.errors import Invalid, Unsupported
from dockerkit.schema.image import Descriptor
from dockerkit.schema.names import DEFAULT_REGISTRY, Reference

if TYPE_CHECKING:
    from dockerkit.daemon.images.bootstrap.mirror import Mirror
    from dockerkit.daemon.images.bootstrap.packagecache import PackageCache

_MAKERS: dict[str, Callable[[Request], Contents]] = {"busybox": busybox.make, "host": host.make}
_RESERVED = "scratch"


class Made(Protocol):
    """What an image is to be: told in a line, and stored when it is time."""

    told: str

    def assemble(self, store: Store, layers: Layers) -> Descriptor:
        """Store it and return the manifest's descriptor; it has no name yet."""
        ...


class _Packed:
    """Entries that become the image's one layer."""

    def __init__(self, contents: Contents) -> None:
        self.told, self._contents = contents.told, contents

    def assemble(self, store: Store, _layers: Layers) -> Descriptor:
        return assemble(store, self._contents)


def names() -> tuple[str, ...]:
    """Return the names that can be made here."""
    return (*_MAKERS, *_catalogue_names(_distribution()))


def can_make(reference: Reference) -> bool:
    """Tell whether a reference, as somebody would pull it, is one that can be made: its name, and a tag that fits this host."""
    if reference.registry != DEFAULT_REGISTRY or reference.digest:
        return False
    if reference.familiar_name in _MAKERS:
        return reference.tag == "latest"
    from dockerkit.daemon.images.bootstrap import catalogue  # noqa: PLC0415 (recipes: needed when an image is missing)

    return catalogue.find(reference.familiar_name, reference.tag, _distribution()) is not None


def why_not(reference: Reference) -> str:
    """Return why a tag of a name that can be made cannot, and which can; ``""`` for any other name."""
    from dockerkit.daemon.images.bootstrap import catalogue  # noqa: PLC0415 (recipes: needed when an image is missing)

    if reference.registry != DEFAULT_REGISTRY or reference.familiar_name not in _catalogue_names(_distribution()):
        return ""
    error = catalogue.refusal(reference.familiar_name, reference.tag, _distribution())
    return f"{error.message}; {error.hint}"


def refuse_reserved(reference: Reference) -> None:
    """Refuse the name that means "nothing".

    :raises Invalid: in Docker's words.
    """
    if reference.registry == DEFAULT_REGISTRY and reference.familiar_name == _RESERVED:
        raise Invalid(
            f"'{_RESERVED}' is a reserved name", hint="it is the empty image: a Dockerfile's FROM may name it, nobody else"
        )


@contextlib.contextmanager
def make(reference: Reference, request: Request) -> Iterator[Made]:
    """Give the image of that name, to be assembled before the block ends.

    :raises Unsupported: nothing of this name can be made; the hint says what can.
    :raises Invalid: ``scratch``; or programs, or packages, were asked of what takes none.
    """
    refuse_reserved(reference)
    name = reference.familiar_name
    known = ", ".join((*_MAKERS, *_catalogue_names(request.supply.distribution)))
    if reference.digest:
        raise Unsupported(f"image {str(reference)!r} cannot be bootstrapped", hint=f"these can: {known}")
    if name in _MAKERS:
        if request.packages:
            raise Unsupported(f"packages cannot be added to {name}", hint=f"they can to a system: {known}")
        yield _Packed(_MAKERS[name](request))
        return
    from dockerkit.daemon.images.bootstrap import catalogue, system  # noqa: PLC0415 (HTTP and its friends)

    distribution = request.supply.distribution
    found = catalogue.find(name, reference.tag, distribution)
    if found is None:
        if name in _catalogue_names(distribution):
            raise catalogue.refusal(name, reference.tag, distribution)
        raise Unsupported(f"image {str(reference)!r} cannot be bootstrapped", hint=f"these can: {known}")
    if request.programs:
        raise Invalid(f"{name} takes packages, no programs", hint='bootstrap "host" to choose programs')
    if request.bench is None:
        raise Unsupported("systems cannot be put together here", hint="make the image through a daemon")
    with system.build(found.recipe, dataclasses.replace(request, version=found.version), request.bench) as built:
        yield built


def host_supply() -> Supply:
    """Return what this host and its distribution offer."""
    return Supply(
        fetch_package=_fetch_package,
        busybox_paths=busybox.default_paths(),
        mirror=_mirror,
        distribution=_distribution(),
    )


def _catalogue_names(distribution: Distribution) -> tuple[str, ...]:
    from dockerkit.daemon.images.bootstrap import catalogue  # noqa: PLC0415 (recipes: needed when an image is missing)

    return catalogue.names(distribution)


@cache
def _distribution() -> Distribution:
    return this_distribution()


def _mirror(cache: PackageCache) -> Mirror:
    from dockerkit.daemon.images.bootstrap.mirror import Mirror  # noqa: PLC0415 (HTTP and its friends)

    return Mirror(cache=cache, seconds=900.0)


def _fetch_package(name: str, progress: Progress) -> Package:
    from dockerkit.daemon.images.bootstrap.mirror import Mirror  # noqa: PLC0415 (HTTP and its friends, needed once in a root's life)

    return Mirror().fetch_package(name, progress)
