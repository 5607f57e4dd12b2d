"""Creating a container: encode the wish, post it, and obtain the image first when the engine does not have it."""

from __future__ import annotations

import os
import socket

from dockerkit.client.encoding import check_offered, encode
from dockerkit.client.engine import Engine, segment
from dockerkit.client.images import is_missing, pull
from dockerkit.client.session import Session
from dockerkit.client.spec import ContainerSpec
from dockerkit.errors import NotFound
from dockerkit.schema.container import CreateRequest, CreateResponse
from dockerkit.schema.endpoint import SESSION_HEADER, version_tuple
from dockerkit.schema.network import EndpointSettings, NetworkConnect
from dockerkit.schema.wire import convert, decode

SEVERAL_NETWORKS = (1, 44)
"""The version of the API from which a container can be created on several networks."""
OWNER_LABEL = "dockerkit.owner"
"""On a foreign engine: host and process that own a container, for whoever sweeps up after a killed one."""


MARKS: dict[str, str] = {}
"""Labels for everything that this process creates, besides those it was wished with: a notebook says here which one it is."""


def request_for(engine: Engine, spec: ContainerSpec) -> CreateRequest:
    """Return the body that creates what `spec` wishes on this engine; see :func:`dockerkit.client.encoding.encode`."""
    check_offered(spec.said, foreign=True)  # what no engine offers is refused before any is asked who it is
    return encode(spec, foreign=engine.foreign, local=engine.local)


def create(engine: Engine, spec: ContainerSpec, request: CreateRequest, *, session: Session | None = None) -> CreateResponse:
    """Create the container; obtain its image when missing.

    :param session: what shall own it; None: it outlives the program.
    :raises NotFound: no such image anywhere.
    :raises Conflict: the name is taken.
    """
    request.labels = {**MARKS, **request.labels}
    if session is not None and engine.foreign:
        request.labels = {**request.labels, OWNER_LABEL: f"{socket.gethostname()}:{os.getpid()}"}
        session = None
    later = _networks_for_later(engine, request)
    made = _made(engine, spec, request, session)
    try:
        for network, settings in later.items():
            body = NetworkConnect(container=made.id, endpoint_config=settings)
            engine.post(f"/networks/{segment(network)}/connect", json=body)
    except BaseException:
        engine.delete(f"/containers/{segment(made.id)}", force=True, v=True)
        raise
    return made


def _networks_for_later(engine: Engine, request: CreateRequest) -> dict[str, EndpointSettings]:
    """Take all networks but the first out of the request, for an engine that takes one at a container's creation."""
    wanted = request.networking_config.get("EndpointsConfig") or {}
    if len(wanted) < 2 or version_tuple(engine.identity.api_version) >= SEVERAL_NETWORKS:
        return {}
    first, *further = wanted.items()
    request.networking_config = {"EndpointsConfig": dict([first])}
    return {name: convert(settings, EndpointSettings) for name, settings in further}


def _made(engine: Engine, spec: ContainerSpec, request: CreateRequest, session: Session | None) -> CreateResponse:
    try:
        return _post(engine, spec, request, session)
    except NotFound as error:
        if session is not None and session.lost(error):
            return _post(engine, spec, request, session)
        if not is_missing(error) or spec.image.startswith("sha256:"):
            raise
    pull(engine, spec.image, platform=spec.said.get("platform"))
    return _post(engine, spec, request, session)


def _post(engine: Engine, spec: ContainerSpec, request: CreateRequest, session: Session | None) -> CreateResponse:
    said = spec.said
    query = {"name": said.get("name"), "platform": said.get("platform")}
    headers = [] if session is None else [(SESSION_HEADER, session.id())]
    return decode(engine.post("/containers/create", json=request, headers=headers, **query), CreateResponse)
