"""What ``host-gateway`` stands for: the host as the default bridge's containers reach it."""

from __future__ import annotations

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks.default import settle
from dockerkit.daemon.engine.networks.wishes import DEFAULT


def host_gateway(core: Core) -> list[str]:
    """Return the default bridge's own addresses; its subnet is chosen now when it was not before."""
    entry = core.networks.resolve(DEFAULT)
    settle(core, entry)
    return [config.gateway.partition("/")[0] for config in entry.record.ipam.config if config.gateway]
