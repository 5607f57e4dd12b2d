"""Published ports on the host's side: sockets that reserve them, and the process that holds and serves these.

A port is ours from the moment its socket is bound: no other container and no other program can come between. ``reserving``
binds, in Docker's words when it cannot; ``ports`` knows who has what; ``proxy`` is the process: it carries what rules cannot,
outlives the daemon and loads the standard library only (hence the names here are loaded when they are asked for); ``words``
is what the two say to each other. Never touches a rule: that is the firewall's.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dockerkit.daemon.networks.ports.ports import Ports
    from dockerkit.daemon.networks.ports.reserving import Reservation, Wanted

__all__ = ["Ports", "Reservation", "Wanted"]

_WHERE = {"Ports": "ports", "Reservation": "reserving", "Wanted": "reserving"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
