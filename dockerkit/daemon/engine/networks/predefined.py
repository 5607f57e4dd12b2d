"""The three networks every engine has: ``bridge``, ``host`` and ``none``. Made once for a data root, never removed."""

from __future__ import annotations

import secrets
import time

from dockerkit.daemon.engine.networks.record import (
    BRIDGE_NAME,
    DEFAULT_BRIDGE,
    HOST_BINDING,
    ICC,
    MASQUERADE,
    MTU,
    NetworkRecord,
)

PREDEFINED = ("bridge", "host", "none")
RESERVED = (*PREDEFINED, "default")
"""Names no network of anybody's may have."""
_DRIVERS = {"bridge": "bridge", "host": "host", "none": "null"}


def predefined(name: str, bridge: str) -> NetworkRecord:
    """Return one of them, new.

    :param bridge: the interface name of the default bridge, whose subnet is chosen when it is needed first.
    """
    return NetworkRecord(
        id=secrets.token_hex(32),
        name=name,
        created=time.time_ns(),
        driver=_DRIVERS[name],
        ipv4=name == "bridge",
        interface=bridge if name == "bridge" else "",
        options=_options(bridge) if name == "bridge" else {},
    )


def _options(bridge: str) -> dict[str, str]:
    """Return the default bridge's options as dockerd shows them."""
    return {
        DEFAULT_BRIDGE: "true",
        ICC: "true",
        MASQUERADE: "true",
        HOST_BINDING: "0.0.0.0",
        BRIDGE_NAME: bridge,
        MTU: "1500",
    }
