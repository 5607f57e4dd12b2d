"""Which image names can be made on this host, and the one way to make them. Nothing is made that has no honest name here."""

from __future__ import annotations

from collections.abc import Callable

from dockerkit.daemon.images.bootstrap import busybox, host
from dockerkit.daemon.images.bootstrap.request import Package, Progress, Request, Supply
from dockerkit.daemon.images.pack import Contents
from dockerkit.errors import Unsupported
from dockerkit.schema.names import DEFAULT_REGISTRY, Reference

_MAKERS: dict[str, Callable[[Request], Contents]] = {"busybox": busybox.make, "host": host.make}


def names() -> tuple[str, ...]:
    """Return the names that can be made."""
    return tuple(_MAKERS)


def can_make(reference: Reference) -> bool:
    """Tell whether a reference, as somebody would pull it, is one that can be made: the plain name, with no other tag."""
    return (
        reference.registry == DEFAULT_REGISTRY
        and reference.familiar_name in _MAKERS
        and reference.tag == "latest"
        and not reference.digest
    )


def make(reference: Reference, request: Request) -> Contents:
    """Return the contents of the image of that name.

    :raises Unsupported: nothing of this name can be made, or packages were asked for.
    """
    maker = _MAKERS.get(reference.familiar_name)
    known = ", ".join(_MAKERS)
    if maker is None or reference.digest:
        raise Unsupported(f"image {str(reference)!r} cannot be bootstrapped", hint=f"these can: {known}")
    if request.packages:
        raise Unsupported(
            "packages cannot be added to a bootstrapped image yet", hint=f"without packages these can be made: {known}"
        )
    return maker(request)


def host_supply() -> Supply:
    """Return what this host and its distribution offer."""
    return Supply(fetch_package=_fetch_package, busybox_paths=busybox.default_paths())


def _fetch_package(name: str, progress: Progress) -> Package:
    from dockerkit.daemon.images.bootstrap.mirror import Mirror  # noqa: PLC0415 (HTTP and its friends, needed once in a root's life)

    return Mirror().fetch_package(name, progress)
