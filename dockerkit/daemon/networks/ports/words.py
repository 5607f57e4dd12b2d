"""What daemon and proxy say to one another, over ``ROOT/run/ports.sock``.

::

    daemon → proxy    hold {container, ports: [{protocol, container_port, host_address, host_port, targets, held}]} [sockets]
                      release {container, port: [protocol, host address, host port] | null}   answered: released
                      list {}                                       answered: holds {container, ports} for each, then end
                      stop {}                                       answered by its end

A port that is not ``held`` has no socket (SCTP where the kernel has none): a rule alone carries it. Standard library only.
"""

from __future__ import annotations

from dockerkit.daemon.networks.companion.kind import Kind
from dockerkit.daemon.networks.companion.messages import Message, receive, send

__all__ = ["KIND", "MOST_PORTS", "Message", "receive", "send"]

KIND = Kind("ports", "dockerkit.daemon.networks.ports.proxy.main")
MOST_PORTS = 100
"""In one message, each with its socket."""
