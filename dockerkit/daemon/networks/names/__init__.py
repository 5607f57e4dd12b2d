"""Who is where: the name server that every container on a network of somebody's own asks at 127.0.0.11, by UDP and TCP.

Its sockets are made inside the container's network namespace, at random ports, so that port 53 stays the container's own; rules
in that namespace lead there (``sockets``). One small process for all containers of a data root answers (``server``): it holds
the sockets, knows who is called what on which network, and asks others for the rest. It outlives the daemon, which keeps copies
of the sockets: should the process die, another takes its place, and what was asked meanwhile waits in them. ``names`` is what
the engine speaks to, ``resolver`` how one container's questions are to be answered, ``words`` what daemon and process say.

A question's way: the container's libc → 127.0.0.11:53 → (rule) → our socket → ``answering``, from memory when the exact words
were asked before → back; or, when nobody is called so, ``forwarding`` → a server outside, asked from the container's own
namespace (from the host's when it is the host's loopback) → back, as it came.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dockerkit.daemon.networks.names.names import Names
    from dockerkit.daemon.networks.names.resolver import Resolver

__all__ = ["Names", "Resolver"]

_WHERE = {"Names": "names", "Resolver": "resolver"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
