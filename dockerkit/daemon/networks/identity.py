"""How what we make in the kernel is known to be ours, and what it is called. Pure.

Every interface on the host's side carries the data root's id as its *group* (``ip link show group N``) from birth: nothing that
a crash leaves is ever orphaned. Bridges also carry it in their name. Interface names have 15 letters at most.
"""

from __future__ import annotations

import hashlib

_NAME_LIMIT = 15


def group(identity: str) -> int:
    """Return the interface group of a data root: its id as a number, never the default group 0 nor a negative one."""
    return int(hashlib.sha256(identity.encode()).hexdigest()[:8], 16) & 0x7FFFFFFF or 1


def bridge_name(identity: str, network: str = "") -> str:
    """Return the bridge of a network: ``dk``, the data root's id and five digits of the network's; without, the default bridge.

    Two networks of one data root can meet there (one in a million); :meth:`Links.make` says so, and another id helps.
    """
    return f"dk{identity[:8]}{network[:5]}"


def pair_name(endpoint: str) -> str:
    """Return the host's end of an endpoint's pair: ``veth`` and eleven digits of the endpoint's id."""
    return f"veth{endpoint}"[:_NAME_LIMIT]


def bridge_mac(network: str) -> str:
    """Return a network's own MAC, the same whenever its bridge is made again: ``02:42`` and four bytes of its id."""
    return ":".join(f"{byte:02x}" for byte in b"\x02\x42" + hashlib.sha256(network.encode()).digest()[:4])


def alias(identity: str, network: str) -> str:
    """Return what ``ip link`` shows as a bridge's alias: whose network it is."""
    return f"dockerkit {identity} {network}"
