"""The sysctls a bridge network needs: forwarding, and routes for 127.0.0.0/8. Switched on when needed, said, never off again.

They are those of the network namespace the calling thread is in. Nobody else's setting is overwritten: one that is on stays.
Source: ``Documentation/networking/ip-sysctl.rst``.
"""

from __future__ import annotations

import os

_ROOT = "/proc/sys/net"
FORWARDING = {4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding"}


def forward(version: int) -> list[str]:
    """Have the host forward packets of a family; return what was switched on, in words (nothing when it was on).

    :raises OSError: EROFS, EACCES: not ours to switch; ENOENT: the host has no such family.
    """
    return [f"net.{FORWARDING[version].replace('/', '.')}=1"] if switch_on(FORWARDING[version]) else []


def route_loopback(bridge: str) -> bool:
    """Let packets to and from 127.0.0.0/8 pass a bridge; the guard rule must be in force before. Return whether it was off.

    :raises OSError: ENOENT: there is no such bridge; EROFS.
    """
    return switch_on(f"ipv4/conf/{bridge}/route_localnet")


def switch_on(name: str) -> bool:
    """Write 1 where 0 is; return whether it was 0.

    :raises OSError: as open(2).
    """
    path = os.path.join(_ROOT, name)
    with open(path, "rb") as file:
        if file.read().strip() != b"0":
            return False
    with open(path, "wb") as file:
        file.write(b"1\n")
    return True
