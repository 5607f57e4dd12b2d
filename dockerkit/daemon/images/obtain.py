"""How an image that is not here is got: the registry is asked first, and what cannot be reached may be made here instead.

Only a failure to *connect* leads to bootstrap, within three seconds; a registry that answers is the authority on its names.
``DOCKERKIT_BOOTSTRAP`` says ``auto`` (this), ``always`` (never ask a registry) or ``never``. Pulling itself is not offered
yet, and says so. Never looks into the local store.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from dockerkit.daemon.images.bootstrap import makers
from dockerkit.daemon.images.reach import Endpoint, unreachable
from dockerkit.errors import Invalid, Unavailable, Unsupported
from dockerkit.schema.names import Reference

MODES = ("auto", "always", "never")


def mode() -> str:
    """Return ``DOCKERKIT_BOOTSTRAP``, ``auto`` when unset.

    :raises Invalid: another word.
    """
    found = os.environ.get("DOCKERKIT_BOOTSTRAP") or "auto"
    if found not in MODES:
        raise Invalid(f"DOCKERKIT_BOOTSTRAP is {found!r}", hint=f"one of {', '.join(MODES)}")
    return found


def reason_to_make(reference: Reference, *, endpoint: Endpoint, attempt: Callable[..., str] = unreachable) -> str:
    """Return why an image is to be made here rather than pulled, for people.

    :raises Unavailable: the registry cannot be reached, and nothing of this name can be made here.
    :raises Unsupported: the registry can be reached; pulling is not offered yet.
    """
    chosen = mode()
    if chosen == "always":
        if not makers.can_make(reference):
            raise Unavailable(
                f"cannot get {reference}: no registry is asked (DOCKERKIT_BOOTSTRAP=always), and it cannot be made here",
                hint=_hint(reference),
            )
        return "DOCKERKIT_BOOTSTRAP=always"
    host, port = endpoint(reference.registry)
    cause = attempt(host, port)
    if not cause:
        raise Unsupported(
            f"pulling from registries is not offered yet: {reference} is on {reference.registry}", hint=_hint(reference)
        )
    if chosen == "never" or not makers.can_make(reference):
        raise Unavailable(f"cannot get {reference}: registry {host}:{port} cannot be reached: {cause}", hint=_hint(reference))
    return f"registry {host}:{port} cannot be reached: {cause}"


def _hint(reference: Reference) -> str:
    name = reference.familiar_name if reference.familiar_name in makers.names() else makers.names()[0]
    others = ", ".join(makers.names())
    return f'dk.images.bootstrap("{name}") makes an image from this host; these names can be made: {others}'
