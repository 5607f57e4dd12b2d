"""``network connect``: a container that runs gets one more interface at once; one that does not, with its next start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.networks import allocating, hostfiles, naming, publishing, wishes
from dockerkit.daemon.engine.networks.allocating import endpoints
from dockerkit.daemon.engine.networks.creating import make
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.place import Place
from dockerkit.daemon.engine.networks.refusals import explained
from dockerkit.daemon.engine.networks.telling import told
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.engine.steps import Step, run
from dockerkit.errors import Conflict, Invalid, NotAllowed
from dockerkit.schema.network import EndpointSettings

if TYPE_CHECKING:
    from dockerkit.daemon.networks.sandboxes import Sandbox


@dataclass(slots=True)
class Connection:
    """What the steps of one connect pass on."""

    core: Core
    entry: Entry
    network: NetworkEntry
    settings: EndpointSettings
    place: Place = field(init=False)
    sandbox: Sandbox = field(init=False)

    @property
    def name(self) -> str:
        """The network's name."""
        return self.network.record.name

    def after(self) -> Record:
        """Return the record of the connected container."""
        record = self.entry.record
        asked = record.wishes | {self.name: self.settings}
        places = record.places | ({self.name: self.place} if record.alive else {})
        return replace(record, endpoints=asked, places=places)


def connect(core: Core, network: NetworkEntry, entry: Entry, settings: EndpointSettings | None) -> None:
    """Connect a container to a network.

    :raises NotAllowed: it is connected already. :raises Invalid: the two do not go together; in Docker's words.
    :raises Conflict: it is being removed.
    """
    asked = wishes.asked_of(settings)
    with entry.lock:
        connection = Connection(core, entry, network, asked)
        check(entry, network)
        wishes.check(network, network.record.name, asked)
        if not entry.record.alive:
            core.commit(entry, connection.after())
        elif network.record.linked:
            _live(connection)
        else:
            _on_nothing(connection)


def check(entry: Entry, network: NetworkEntry) -> None:
    """Refuse networks that do not go together with a container's others; in Docker's words."""
    record, name = entry.record, network.record.name
    mode = record.host_config.network_mode
    if entry.removal is not None:
        raise Conflict(f"container {record.id} is marked for removal and cannot be connected or disconnected to the network")
    if mode.startswith(wishes.SHARED) or (mode == "host" and "host" in record.wishes):
        words = "container sharing network namespace with another container or host cannot be connected to any other network"
        raise Invalid(words)
    if network.record.driver == "host":
        raise Invalid("container cannot be disconnected from host network or connected to host network")
    if network.record.config_only:
        raise NotAllowed(f"network {name} is a configuration only: no container can be on it")
    if name in record.wishes:
        raise NotAllowed(f"endpoint with name {record.name} already exists in network {name}")
    if "none" in record.wishes or (name == "none" and record.wishes):
        raise Invalid("container cannot be connected to multiple networks with one of the networks in private (none) mode")


def _on_nothing(connection: Connection) -> None:
    core, record = connection.core, connection.entry.record
    connection.place = allocating.allocate(core, connection.network, record.id, connection.settings, "")
    core.commit(connection.entry, connection.after(), told(connection.network.record, "connect", container=record.id))


def _live(connection: Connection) -> None:
    keeper = connection.entry.keeper
    assert keeper is not None
    try:
        connection.sandbox = connection.core.fabric.enter(keeper.pid)
    except ProcessLookupError:
        raise Conflict(f"container {connection.entry.record.id} is not running") from None
    try:
        with explained(f"container {connection.entry.record.id} cannot be connected to network {connection.name}"):
            run(STEPS, connection)
    finally:
        connection.sandbox.close()


def _allocate(connection: Connection) -> None:
    record = connection.entry.record
    interface = allocating.next_interface(record.places.values())
    connection.place = allocating.allocate(connection.core, connection.network, record.id, connection.settings, interface)


def _free(connection: Connection) -> None:
    allocating.free(connection.core, connection.network, connection.entry.record.id)


def _link(connection: Connection) -> None:
    """Add the interface without a default route, then have the default route lead where it shall lead from now on."""
    core = connection.core
    make(core, connection.network)
    endpoint = connection.place.endpoint_of(connection.entry.record.id, default=False)
    core.fabric.connect(connection.sandbox, connection.network.record.network(), endpoint)
    settle_routes(core, connection.sandbox, connection.after())


def _unlink(connection: Connection) -> None:
    endpoint = connection.place.endpoint_of(connection.entry.record.id, default=False)
    connection.core.fabric.disconnect(connection.sandbox, endpoint)
    settle_routes(connection.core, connection.sandbox, connection.entry.record)


def settle_routes(core: Core, sandbox: Sandbox, record: Record) -> None:
    """Have a running container's default routes and ports lead as its places say."""
    found = endpoints(record.id, record.places, record.wishes)
    core.fabric.move_default(sandbox, [gateway for endpoint in found.values() for gateway in endpoint.gateways])


def settle_ports(core: Core, entry: Entry, record: Record) -> None:
    """Have a running container's published ports lead as its places say."""
    found = endpoints(record.id, record.places, record.wishes)
    networks = {name: core.networks.resolve(record.places[name].network) for name in found}
    publishing.move(core, entry, networks, found)


def _move_ports(connection: Connection) -> None:
    settle_ports(connection.core, connection.entry, connection.after())


def _move_ports_back(connection: Connection) -> None:
    settle_ports(connection.core, connection.entry, connection.entry.record)


def _name(connection: Connection) -> None:
    core, record = connection.core, connection.after()
    directory = core.directory(record.id)
    hostfiles.add(f"{directory}/hosts", hostfiles.own_lines(record, connection.name))
    first = wishes.user_defined(connection.name) and not any(map(wishes.user_defined, connection.entry.record.places))
    if first:
        hostfiles.overwrite(f"{directory}/resolv.conf", hostfiles.internal(record).text())
    naming.serve(core, record, connection.sandbox.fd)


def _unname(connection: Connection) -> None:
    core, record = connection.core, connection.after()
    naming.withdraw(core, record, connection.name)
    hostfiles.remove(f"{core.directory(record.id)}/hosts", hostfiles.own_lines(record, connection.name))


def _record(connection: Connection) -> None:
    record = connection.entry.record
    happened = told(connection.network.record, "connect", container=record.id)
    connection.core.commit(connection.entry, connection.after(), happened)


STEPS = (
    Step("lease addresses", _allocate, _free),
    Step("connect", _link, _unlink),
    Step("lead ports", _move_ports, _move_ports_back),
    Step("names", _name, _unname),
    Step("record", _record),
)
