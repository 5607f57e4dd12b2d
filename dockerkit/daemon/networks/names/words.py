"""What daemon and name server say to one another, over ``ROOT/run/names.sock``.

::

    daemon → server   hold {container, namespace: inode, resolver} [UDP socket, TCP socket]    in the place of what there was
                      change {container, resolver}
                      publish {network, container, names, addresses, more}    `more`: names besides those of the message before
                      withdraw {network, container}
                      forget {container}
                      adopt {}      answered: holds {container, namespace} [UDP, TCP] for each, then end; a new daemon is there
                      settle {}     it has said everything: what it did not repeat since `adopt` goes
                      stop {}       answered by its end

Everything but ``adopt`` and ``stop`` is unanswered: the server hears the daemon before any container that asks at the same
time. Standard library only.
"""

from __future__ import annotations

from dockerkit.daemon.networks.companion.kind import Kind
from dockerkit.daemon.networks.companion.messages import Message, receive, send

__all__ = ["KIND", "MOST_NAMES", "Message", "receive", "send"]

KIND = Kind("names", "dockerkit.daemon.networks.names.server.main")
MOST_NAMES = 200
"""In one message; a name has at most 255 characters."""
