"""How an image that is not here is got: the registry is asked first, and what cannot be reached may be made here instead.

Only a failure to *connect* leads to bootstrap, within three seconds; a registry that answers is the authority on its names.
``DOCKERKIT_BOOTSTRAP`` says ``auto`` (this), ``always`` (never ask a registry) or ``never``. The registry's client is handed
in. Never looks into the local store.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

from dockerkit.daemon.images.arriving import Intake
from dockerkit.daemon.images.bootstrap import makers
from dockerkit.errors import Invalid, Unavailable
from dockerkit.schema.image import Descriptor
from dockerkit.schema.names import Reference

MODES = ("auto", "always", "never")
Say = Callable[[dict[str, Any]], None]


class OutOfReach(Unavailable):
    """No connection to a registry could be made at all."""


class Pull(Protocol):
    """Brings what a reference means into the store, from its registry; the engine gives it the credentials."""

    def __call__(
        self, reference: Reference, *, platform: str, blobs: Intake, progress: Say, arrived: Callable[[Descriptor, int], None]
    ) -> tuple[Descriptor, Descriptor | None]:
        """Return the manifest, and the index it was chosen from; `arrived` hears of each layer and its position.

        :raises OutOfReach: nobody there could be spoken to.
        """


def unconnected(reference: Reference, **_: object) -> tuple[Descriptor, Descriptor | None]:
    """Be the :class:`Pull` of a store that no registry client was given to."""
    raise OutOfReach(f"registry {reference.registry} cannot be reached: there is no client for it here")


def mode() -> str:
    """Return ``DOCKERKIT_BOOTSTRAP``, ``auto`` when unset.

    :raises Invalid: another word.
    """
    found = os.environ.get("DOCKERKIT_BOOTSTRAP") or "auto"
    if found not in MODES:
        raise Invalid(f"DOCKERKIT_BOOTSTRAP is {found!r}", hint=f"one of {', '.join(MODES)}")
    return found


def unasked(reference: Reference) -> str:
    """Return why an image is made here without asking any registry, for people.

    :raises Unavailable: nothing of this name can be made here.
    """
    if not makers.can_make(reference):
        raise Unavailable(
            f"cannot get {reference}: no registry is asked (DOCKERKIT_BOOTSTRAP=always), and "
            f"{makers.why_not(reference) or 'it cannot be made here'}",
            hint=_hint(reference),
        )
    return "DOCKERKIT_BOOTSTRAP=always"


def instead(reference: Reference, failure: OutOfReach) -> str:
    """Return why an image is made here rather than pulled, for people.

    :raises Unavailable: nothing of this name can be made here, or it must not be.
    """
    if mode() == "never" or not makers.can_make(reference):
        raise Unavailable(f"cannot get {reference}: {failure.message}", hint=_hint(reference)) from failure
    return failure.message


def _hint(reference: Reference) -> str:
    if not makers.can_make(reference) and (why := makers.why_not(reference)):
        return why
    name = reference.familiar_name if reference.familiar_name in makers.names() else makers.names()[0]
    others = ", ".join(makers.names())
    return f'dk.images.bootstrap("{name}") makes an image from this host; these names can be made: {others}'
