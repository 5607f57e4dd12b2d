"""The networks of an engine: list, find, create, prune."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from dockerkit.client.collection import filters_json
from dockerkit.client.creation import MARKS, OWNER_LABEL
from dockerkit.client.engine import segment
from dockerkit.client.network import SESSIONS_WORD, Network
from dockerkit.client.rows import Rows
from dockerkit.errors import NotFound
from dockerkit.schema.endpoint import SESSION_HEADER
from dockerkit.schema.network import IPAM, IPAMConfig, NetworkCreate, NetworkCreateResponse, NetworkInspect
from dockerkit.schema.wire import convert, decode

if TYPE_CHECKING:
    from dockerkit.client.client import Client
    from dockerkit.client.session import Session

_COLUMNS = ("id", "name", "driver", "subnet", "internal", "labels")


class Networks:
    """The networks of an engine."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(
        self,
        name: str | None = None,
        *,
        subnet: str | None = None,
        gateway: str | None = None,
        ip_range: str | None = None,
        internal: bool = False,
        ipv6: bool = False,
        driver: str = "bridge",
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Network:
        """Make a network; it outlives the program, unless ``with`` owns it.

        :param name: without, one of our choosing.
        :param subnet: ``"10.5.0.0/24"``; without, one that is free. A gateway and a range are within it.
        :param internal: it leads nowhere but to who is on it.
        :param options: the driver's: ``{"com.docker.network.driver.mtu": "1400"}``.
        :raises Conflict: there is one of this name.
        :raises NotAllowed: the subnet overlaps with another's.
        """
        request = wished(
            name,
            subnet=subnet,
            gateway=gateway,
            ip_range=ip_range,
            internal=internal,
            ipv6=ipv6,
            driver=driver,
            labels=labels,
            options=options,
        )
        if self._client.engine.foreign:
            return make(self._client, request)
        made = make(self._client, request, session=self._client.session)  # goes with us as long as nobody has it in hands
        self._client.session.disown(made.id, SESSIONS_WORD)
        return made

    def list(self, all: bool = False, **filters: Any) -> Rows[Network]:
        """Return the networks by name; filters as docker's: ``name="back"``, ``label=…``, ``driver=…``, ``type="custom"``.

        :param all: of no meaning here: every network is listed.
        """
        answer = self._client.engine.get("/networks", filters=filters_json(filters))
        found = sorted((convert(row, NetworkInspect) for row in answer), key=lambda row: row.name)
        cells = {row.id: _cells(row) for row in found}
        return Rows([Network(self._client, row.id, row.name) for row in found], columns=_COLUMNS, cells=lambda n: cells[n.id])

    def get(self, name: str) -> Network:
        """Return the network of this name or id.

        :raises NotFound: there is none.
        """
        found = convert(self._client.engine.get(f"/networks/{segment(str(name))}"), NetworkInspect)
        return Network(self._client, found.id, found.name)

    def __getitem__(self, name: str) -> Network:
        """Return :meth:`get`."""
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a network of this name or id."""
        try:
            self.get(str(name))
        except NotFound:
            return False
        return True

    def __iter__(self) -> Iterator[Network]:
        """Iterate over :meth:`list`."""
        return iter(self.list())

    def prune(self, **filters: Any) -> dict[str, Any]:
        """Remove those that no container is on; return what the engine says it did."""
        answer = self._client.engine.call("POST", "/networks/prune", query={"filters": filters_json(filters)}, timeout=None)
        told: dict[str, Any] = msgspec.json.decode(answer.read())
        return told


def wished(
    name: str | None = None,
    *,
    subnet: str | None = None,
    gateway: str | None = None,
    ip_range: str | None = None,
    internal: bool = False,
    ipv6: bool = False,
    driver: str = "bridge",
    labels: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> NetworkCreate:
    """Return the request for a network; parameters as of :meth:`Networks.create`. Contacts nothing."""
    pools = [IPAMConfig(subnet=subnet or "", gateway=gateway or "", ip_range=ip_range or "")]
    return NetworkCreate(
        name=name or f"dk-{secrets.token_hex(4)}",
        check_duplicate=True,
        driver=driver,
        internal=internal,
        enable_ipv6=ipv6,
        ipam=IPAM(config=pools) if subnet or gateway or ip_range else None,
        labels={**MARKS, **(labels or {})},
        options=dict(options or {}),
    )


def make(client: Client, request: NetworkCreate, *, session: Session | None = None) -> Network:
    """Make the network that a request wishes.

    :param session: owns it from birth; None: nobody. A foreign engine knows none: there it is labelled.
    :raises DockerkitError: see :meth:`Networks.create`.
    """
    if session is not None and client.engine.foreign:
        request.labels = {**request.labels, OWNER_LABEL: f"{socket.gethostname()}:{os.getpid()}"}
        session = None
    try:
        return _made(client, request, session)
    except NotFound as error:
        if session is None or not session.lost(error):
            raise
    return _made(client, request, session)


def _made(client: Client, request: NetworkCreate, session: Session | None) -> Network:
    headers = [] if session is None else [(SESSION_HEADER, session.id())]
    made = decode(client.engine.post("/networks/create", json=request, headers=headers), NetworkCreateResponse)
    return Network(client, made.id, request.name)


def _cells(row: NetworkInspect) -> dict[str, Any]:
    return {
        "id": row.id[:12],
        "name": row.name,
        "driver": row.driver,
        "subnet": ", ".join(pool.subnet for pool in row.ipam.config),
        "internal": row.internal,
        "labels": ", ".join(f"{name}={value}" for name, value in sorted(row.labels.items())),
    }
