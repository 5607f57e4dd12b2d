"""``network disconnect``: a container loses its interface on a network at once, and what it asked for there."""

from __future__ import annotations

from msgspec.structs import replace

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.networks import allocating, hostfiles, naming, publishing
from dockerkit.daemon.engine.networks.connecting import settle_ports, settle_routes
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.refusals import explained
from dockerkit.daemon.engine.networks.telling import told
from dockerkit.daemon.engine.networks.wishes import SHARED, user_defined
from dockerkit.daemon.engine.record import Record
from dockerkit.errors import Conflict, Failed, Invalid
from dockerkit.schema.network import PortBinding


def disconnect(core: Core, network: NetworkEntry, entry: Entry) -> None:
    """Disconnect a container from a network.

    :raises Failed: it is not connected; in Docker's words. :raises Invalid: it has the host's network, or another container's.
    """
    with entry.lock:
        record, name = entry.record, network.record.name
        if entry.removal is not None:
            raise Conflict(
                f"container {record.id} is marked for removal and cannot be connected or disconnected to the network"
            )
        if network.record.driver == "host" or record.host_config.network_mode.startswith(SHARED):
            raise Invalid("container cannot be disconnected from host network or connected to host network")
        if name not in record.wishes:
            raise Failed(f"container {record.id} is not connected to network {name}")
        without = {other: wish for other, wish in record.wishes.items() if other != name}
        places = {other: place for other, place in record.places.items() if other != name}
        after = replace(record, endpoints=without, places=places)
        if name in record.places and network.record.linked and entry.keeper is not None:
            with explained(f"container {record.id} cannot be disconnected from network {name}"):
                _live(core, network, entry, after)
        happened = told(network.record, "disconnect", container=record.id)
        core.commit(entry, replace(after, ports=_ports(core, after)), *([happened] if record.alive else []))
        allocating.free(core, network, record.id)


def _live(core: Core, network: NetworkEntry, entry: Entry, after: Record) -> None:
    """Names first, so that nobody is sent to an address that is going; then ports and routes move, then the interface goes."""
    record, name = entry.record, network.record.name
    assert entry.keeper is not None
    try:
        sandbox = core.fabric.enter(entry.keeper.pid)
    except ProcessLookupError:
        return  # it ended this moment, and its links with it
    try:
        _unname(core, record, after, name, sandbox.fd)
        settle_ports(core, entry, after)
        core.fabric.disconnect(sandbox, record.places[name].endpoint_of(record.id, default=False))
        settle_routes(core, sandbox, after)
    finally:
        sandbox.close()


def _unname(core: Core, record: Record, after: Record, name: str, namespace: int) -> None:
    """Take back what it is called there; without a network of somebody's own left, it asks outside by itself again."""
    directory = core.directory(record.id)
    naming.withdraw(core, record, name)
    hostfiles.remove(f"{directory}/hosts", hostfiles.own_lines(record, name))
    if not user_defined(name):
        return
    if any(map(user_defined, after.places)):
        naming.serve(core, after, namespace)
    else:
        core.fabric.forget_names(record.id)
        hostfiles.overwrite(f"{directory}/resolv.conf", hostfiles.resolving(after).text())


def _ports(core: Core, record: Record) -> dict[str, list[PortBinding] | None]:
    return publishing.shown(core, record) if record.alive and record.places else {}
