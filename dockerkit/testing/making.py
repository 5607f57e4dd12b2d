"""Creating a container for tests: owned from birth, marked on foreign engines, answering to its fixture's name."""

from __future__ import annotations

from dockerkit.client.client import Client
from dockerkit.client.container import Container
from dockerkit.client.creation import create, request_for
from dockerkit.client.session import Session
from dockerkit.client.spec import ContainerSpec
from dockerkit.schema.container import CreateRequest
from dockerkit.testing.processes import MARK_LABEL

_WITHOUT_NAMES = ("", "default", "bridge", "host", "none")
"""Networks on which Docker resolves no names."""


def make(client: Client, spec: ContainerSpec, *, alias: str, session: Session | None, marked: str = "") -> Container:
    """Create what `spec` wishes, not started.

    :param alias: the name to which it answers on its networks.
    :param session: its owner; None: it stays.
    :param marked: the process that it belongs to, for engines that have no sessions; see ``processes``.
    :raises DockerkitError: see ``ContainerSpec.create``.
    """
    request = request_for(client.engine, spec)
    if marked and client.engine.foreign:
        request.labels = {**request.labels, MARK_LABEL: marked}
    _answer_to(request, alias)
    made = create(client.engine, spec, request, session=session)
    return Container(client, made.id, spec=spec, warnings=tuple(made.warnings))


def _answer_to(request: CreateRequest, alias: str) -> None:
    first = request.host_config.network_mode or ""
    if first in _WITHOUT_NAMES or first.startswith("container:"):
        return
    config = request.networking_config or {}
    endpoints = dict(config.get("EndpointsConfig") or {first: {}})
    for network, endpoint in endpoints.items():
        aliases = dict.fromkeys([*(endpoint.get("Aliases") or []), alias])
        endpoints[network] = {**endpoint, "Aliases": list(aliases)}
    request.networking_config = {**config, "EndpointsConfig": endpoints}
