"""The firewall between networks, host and world: masquerade, isolation, published ports, partitions. In tables of our own.

The engine says the whole wish (:class:`Rules`) each time; the rules themselves never change, only the sets they look into:
so a further port or network is a few elements in one transaction, and many ports cost a packet one look-up. ``contents`` says
what the sets hold, ``skeleton`` the rules, ``firewall`` brings both into the kernel, ``switches`` the sysctls they need, and
``foreign`` finds what others' tables do to our packets. Nothing outside our tables is ever changed.
"""

from dockerkit.daemon.networks.firewall.contents import Rules
from dockerkit.daemon.networks.firewall.firewall import Firewall

__all__ = ["Firewall", "Rules"]
