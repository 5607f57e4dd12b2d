"""A place on the default bridge that is prepared while nobody waits, for the next container that asks for nothing special.

Its start then finds namespace, pair, address and routes as they shall be. One at a time, and not for long: a host that is
looked at when nothing happens has no interface that is no container's. Only the daemon's descriptors keep the namespace alive,
so that a crash takes all of it along; the address is held in memory. Never a member of the network, of its rules or names.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks import allocating
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.place import Place
from dockerkit.daemon.engine.timers import Timer
from dockerkit.errors import DockerkitError
from dockerkit.schema.network import EndpointSettings

if TYPE_CHECKING:
    from dockerkit.daemon.networks.sandboxes import Sandbox

log = logging.getLogger(__name__)
LASTS = 2.0
"""Seconds it waits for a container."""
INTERFACE = "eth0"
DELAY = 0.02
"""Seconds after a start: most of those that end soon have ended then, and nothing competes with them."""


@dataclass(frozen=True, slots=True, eq=False)
class Ahead:
    """A place, the namespace it is made in, and what takes both back when nobody comes."""

    entry: NetworkEntry
    place: Place
    sandbox: Sandbox
    expiry: Timer


def prepare(core: Core, networks: Iterable[NetworkEntry]) -> None:
    """A container starts on `networks`: have ready what the next of its kind needs, once the processor is not this one's."""
    with core.networks.lock:
        if core.networks.preparing:
            return
        core.networks.preparing = True
    default = next((entry for entry in networks if entry.record.default), None)
    core.timers.after(DELAY, lambda: core.pool.submit(_prepare, core, default))


def take(core: Core, entry: NetworkEntry, settings: EndpointSettings) -> Ahead | None:
    """Return the place that is ready, the caller's from now on; None when there is none that fits.

    One whose bridge or pair somebody deleted by hand fits nobody.
    """
    if not entry.record.default or settings.mac_address or settings.ipam_config:
        return None
    ready = _taken(core)
    if ready is None or core.fabric.intact(entry.record.network(), ready.place.host_interface):
        return ready
    _discard(core, ready)
    return None


def drop(core: Core) -> bool:
    """Take back what was prepared; return whether there was anything."""
    ready = _taken(core)
    if ready is not None:
        _discard(core, ready)
    return ready is not None


def _taken(core: Core, wanted: Ahead | None = None) -> Ahead | None:
    with core.networks.lock:
        ready = core.networks.ahead
        if ready is None or ready is not (wanted or ready):
            return None
        core.networks.ahead = None
    ready.expiry.cancel()
    return ready


def _discard(core: Core, ready: Ahead) -> None:
    ready.sandbox.close()  # its interfaces go with it
    allocating.abandon(core, ready.entry, ready.place)


def _expire(core: Core, place: Place) -> None:
    ready = core.networks.ahead
    if ready is not None and ready.place is place and _taken(core, ready):
        _discard(core, ready)


def _prepare(core: Core, default: NetworkEntry | None) -> None:
    try:
        if default is not None and core.networks.ahead is None:
            _make(core, default)
        core.fabric.warm()
    except (DockerkitError, OSError) as error:  # the next start meets it, and says so
        log.debug("no place could be prepared: %s", error)
    finally:
        core.networks.preparing = False


def _make(core: Core, entry: NetworkEntry) -> None:
    place = allocating.draft(core, entry, EndpointSettings(), INTERFACE)
    try:
        sandbox = _furnished(core, entry, place)
    except BaseException:
        allocating.abandon(core, entry, place)
        raise
    core.networks.ahead = Ahead(entry, place, sandbox, core.timers.after(LASTS, partial(_expire, core, place)))


def _furnished(core: Core, entry: NetworkEntry, place: Place) -> Sandbox:
    sandbox = core.fabric.sandbox()
    try:
        core.fabric.connect(sandbox, entry.record.network(), place.endpoint_of("", default=True))
    except BaseException:
        sandbox.close()
        raise
    return sandbox
