"""Routes of networks: list, create, inspect, connect, disconnect, remove, prune; and ours: live ports, faults, topology."""

from __future__ import annotations

from dockerkit.daemon.api.answers import NO_CONTENT, Answer, Response, json
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.router import Route
from dockerkit.daemon.api.versions import LISTED_CONTAINERS, shaped
from dockerkit.errors import Invalid
from dockerkit.schema.endpoint import EXTENSIONS, SESSION_HEADER
from dockerkit.schema.network import FaultRequest, NetworkConnect, NetworkCreate, NetworkDisconnect, PortsRequest

_SESSION = SESSION_HEADER.lower().encode()


async def list_(call: Call) -> Answer:
    """``GET /networks``."""
    containers = call.version < LISTED_CONTAINERS
    rows = await call.run(call.engine.networks.list, call.query.filters(), containers=containers)
    return json([shaped("network", row, call.version) for row in rows])


async def inspect(call: Call) -> Answer:
    """``GET /networks/{id}``."""
    query = call.query
    found = await call.run(call.engine.networks.inspect, call.ref, verbose=query.flag("verbose"), scope=query.text("scope"))
    return json(shaped("network", found, call.version))


async def create(call: Call) -> Answer:
    """``POST /networks/create``; our header names the session that owns the network from birth."""
    request = await call.json(NetworkCreate)
    return json(await call.run(call.engine.networks.create, request, session=call.header(_SESSION)), 201)


async def remove(call: Call) -> Answer:
    """``DELETE /networks/{id}``."""
    await call.run(call.engine.networks.remove, call.ref)
    return NO_CONTENT


async def connect(call: Call) -> Answer:
    """``POST /networks/{id}/connect``."""
    request = await call.json(NetworkConnect)
    _named(request.container)
    await call.run(call.engine.networks.connect, call.ref, request.container, request.endpoint_config)
    return Response()


async def disconnect(call: Call) -> Answer:
    """``POST /networks/{id}/disconnect``."""
    request = await call.json(NetworkDisconnect)
    _named(request.container)
    await call.run(call.engine.networks.disconnect, call.ref, request.container, force=request.force)
    return Response()


def _named(container: str) -> None:
    if not container:
        raise Invalid("Container is missing: which container is meant?")


async def prune(call: Call) -> Answer:
    """``POST /networks/prune``."""
    return json(await call.run(call.engine.networks.prune, call.query.filters()))


async def publish(call: Call) -> Answer:
    """``POST /dockerkit/v1/containers/{id}/ports``: more ports of a running container; the answer has all of them."""
    request = await call.json(PortsRequest)
    return json({"Ports": await call.run(call.engine.networks.publish, call.ref, request.ports)})


async def fault(call: Call) -> Answer:
    """``POST /dockerkit/v1/networks/{id}/faults``: slow or lossy for one container, parted, or healed."""
    await call.run(call.engine.networks.fault, call.ref, await call.json(FaultRequest))
    return NO_CONTENT


async def topology(call: Call) -> Answer:
    """``GET /dockerkit/v1/networks/{id}/topology``: who is on it, who reaches whom, under which rules."""
    return json(await call.run(call.engine.networks.topology, call.ref))


async def own(call: Call) -> Answer:
    """``POST /dockerkit/v1/sessions/{session}/networks/{id}``: the network goes with the session."""
    await call.run(call.engine.sessions.own_network, *call.parameters)
    return NO_CONTENT


async def disown(call: Call) -> Answer:
    """``DELETE /dockerkit/v1/sessions/{session}/networks/{id}``: the network outlives the session."""
    await call.run(call.engine.sessions.disown_network, *call.parameters)
    return NO_CONTENT


ROUTES = (
    Route("GET", "/networks", list_),
    Route("GET", "/networks/", list_),
    Route("POST", "/networks/create", create),
    Route("POST", "/networks/prune", prune),
    Route("GET", "/networks/{id}", inspect),
    Route("DELETE", "/networks/{id}", remove),
    Route("POST", "/networks/{id}/connect", connect),
    Route("POST", "/networks/{id}/disconnect", disconnect),
    Route("POST", f"{EXTENSIONS}/containers/{{id}}/ports", publish),
    Route("POST", f"{EXTENSIONS}/networks/{{id}}/faults", fault),
    Route("GET", f"{EXTENSIONS}/networks/{{id}}/topology", topology),
    Route("POST", f"{EXTENSIONS}/sessions/{{session}}/networks/{{id}}", own),
    Route("DELETE", f"{EXTENSIONS}/sessions/{{session}}/networks/{{id}}", disown),
)
