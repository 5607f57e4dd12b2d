"""Routes of what this engine has none of, answered as by a dockerd that is in no swarm and has no plugin.

Clients clean up with them (``swarm leave``), and show what they answer (``node ls``, ``plugin ls``). Never changes anything.
"""

from __future__ import annotations

from dockerkit.daemon.api.answers import Answer, json
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.router import Route
from dockerkit.errors import NotFound, Unavailable, Unsupported

_NO_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm '
    "and try again."
)
_MANAGED = ("nodes", "services", "tasks", "secrets", "configs")


def swarm(_: Call) -> Answer:
    """Anything about a swarm: 503, in Docker's words."""
    raise Unavailable(_NO_MANAGER)


def leave(_: Call) -> Answer:
    """``POST /swarm/leave``: 503, in Docker's words."""
    raise Unavailable("This node is not part of a swarm")


def found(_: Call) -> Answer:
    """``POST /swarm/init`` and ``/swarm/join``: 501, there is no swarm mode."""
    raise Unsupported("swarm mode cannot be had from this engine", hint="run containers on a network of their own")


def plugins(_: Call) -> Answer:
    """``GET /plugins``: none."""
    return json([])


def plugin(call: Call) -> Answer:
    """``GET /plugins/{name}/json``: 404, in Docker's words."""
    raise NotFound(f'plugin "{call.ref}" not found')


ROUTES = (
    Route("GET", "/swarm", swarm),
    Route("GET", "/swarm/unlockkey", swarm),
    Route("POST", "/swarm/init", found),
    Route("POST", "/swarm/join", found),
    Route("POST", "/swarm/leave", leave),
    Route("POST", "/swarm/update", swarm),
    Route("POST", "/swarm/unlock", swarm),
    *(Route("GET", f"/{noun}", swarm) for noun in _MANAGED),
    *(Route(method, f"/{noun}/{{rest:path}}", swarm) for noun in _MANAGED for method in ("GET", "POST", "DELETE")),
    Route("GET", "/plugins", plugins),
    Route("GET", "/plugins/{name:path}/json", plugin),
)
