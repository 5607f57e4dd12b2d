"""The start's step ``network``: a container gets its namespace, its places, its ports and its names; or nothing of it.

A list of steps with inverses of its own. What was done is written down before the program runs, so that a daemon that dies in
between leaves nothing that the next one does not know of.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.networks import ahead, allocating, hostfiles, leaving, linking, naming, publishing
from dockerkit.daemon.engine.networks.creating import make
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.fabric import Endpoint
from dockerkit.daemon.engine.networks.place import Place
from dockerkit.daemon.engine.networks.refusals import explained
from dockerkit.daemon.engine.networks.telling import told
from dockerkit.daemon.engine.networks.wishes import SHARED
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.engine.steps import Step, run
from dockerkit.daemon.kernel import failpoints
from dockerkit.errors import Conflict, DockerkitError, Exhausted, NotAllowed
from dockerkit.schema.events import EventMessage

if TYPE_CHECKING:
    from dockerkit.daemon.networks.sandboxes import Sandbox

PREFIX = "failed to set up container networking"


@dataclass(slots=True)
class Joining:
    """What the steps pass on. ``joined`` are namespaces for the runtime spec, by type, ``endpoints`` go by network."""

    core: Core
    entry: Entry
    directory: str
    before: Record = field(init=False)
    networks: dict[str, NetworkEntry] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    joined: dict[str, str] = field(default_factory=dict)
    sandbox: Sandbox | None = None
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    happened: list[EventMessage] = field(default_factory=list)

    def close(self) -> None:
        """Let go of the namespace: the container runs in it, or never will."""
        if self.sandbox is not None:
            self.sandbox.close()
            self.sandbox = None


def join(joining: Joining) -> None:
    """Do everything.

    :raises DockerkitError: it cannot be had, in Docker's words; nothing is left then.
    """
    joining.before = joining.entry.record
    try:
        with explained(PREFIX):
            if joining.entry.record.host_config.network_mode.startswith(SHARED):
                _share(joining)
            else:
                run(STEPS, joining)
                if joining.sandbox is not None:
                    ahead.prepare(joining.core, joining.networks.values())
    except DockerkitError as error:
        raise _prefixed(error) from error


def _prefixed(error: DockerkitError) -> DockerkitError:
    return error if error.message.startswith(PREFIX) else type(error)(f"{PREFIX}: {error.message}", hint=error.hint)


def part(joining: Joining) -> None:
    """Undo everything: the start failed later on."""
    joining.close()
    core, entry = joining.core, joining.entry
    leaving.release(core, entry.record)
    if joining.happened or not joining.places:  # nothing was written down yet
        entry.record = leaving.left(entry.record)
    else:
        core.commit(entry, leaving.left(entry.record), *leaving.events(core, entry.record))


def _share(joining: Joining) -> None:
    """Join another container's namespace, and have its names and files."""
    core, entry = joining.core, joining.entry
    other = core.entries.resolve(entry.record.host_config.network_mode.removeprefix(SHARED))
    theirs = other.record
    if other is entry:
        raise NotAllowed("cannot join own network namespace", hint="name another container")
    if not theirs.alive or other.keeper is None:
        raise Conflict(f"cannot join network namespace of a non running container: container {theirs.id} is {theirs.phase}")
    joining.joined["network"] = f"/proc/{other.keeper.pid}/ns/net"
    hostfiles.share(core.directory(theirs.id), joining.directory)
    config = replace(entry.record.config, hostname=theirs.config.hostname, domainname=theirs.config.domainname)
    entry.record = replace(entry.record, config=config)


def _resolve(joining: Joining) -> None:
    """Find every network that was asked for.

    :raises NotFound: one is not there.
    :raises NotAllowed: one is a configuration only.
    """
    core, wishes = joining.core, joining.entry.record.wishes
    for name in wishes:
        found = core.networks.resolve(name)
        if found.record.config_only:
            raise NotAllowed(f"network {found.record.name} is a configuration only: no container can be on it")
        joining.networks[found.record.name] = found
    if set(joining.networks) != set(wishes):  # some were asked for by id, or before they were there
        by_name = {found.record.name: wish for found, wish in zip(joining.networks.values(), wishes.values(), strict=True)}
        joining.entry.record = replace(joining.entry.record, endpoints=by_name)


def _allocate(joining: Joining) -> None:
    record = joining.entry.record
    try:
        for name, network in joining.networks.items():
            joining.places[name] = _ready(joining, network) or _made(joining, name, network)
            joining.happened.append(told(network.record, "connect", container=record.id))
    except (DockerkitError, OSError):
        _free(joining)
        raise
    joining.endpoints = allocating.endpoints(record.id, joining.places, record.wishes)


def _ready(joining: Joining, network: NetworkEntry) -> Place | None:
    """Move into the place that was prepared, where it is this container's only one and it wishes nothing special."""
    core, record = joining.core, joining.entry.record
    ready = ahead.take(core, network, record.wishes[network.record.name]) if len(joining.networks) == 1 else None
    if ready is None:
        return None
    joining.sandbox = ready.sandbox
    allocating.occupy(core, network, record.id, ready.place)
    return ready.place


def _made(joining: Joining, name: str, network: NetworkEntry) -> Place:
    """Have a place made; the last address of all may be held by one that waits for somebody else."""
    core, record = joining.core, joining.entry.record
    interface = allocating.next_interface(joining.places.values())
    try:
        return allocating.allocate(core, network, record.id, record.wishes[name], interface)
    except Exhausted:
        if not ahead.drop(core):
            raise
    return allocating.allocate(core, network, record.id, record.wishes[name], interface)


def _free(joining: Joining) -> None:
    joining.close()
    for name in list(joining.places):
        allocating.free(joining.core, joining.networks[name], joining.entry.record.id)
        del joining.places[name]


def _connect(joining: Joining) -> None:
    """Make the namespace and put an interface of each network into it."""
    linked = {name: network for name, network in joining.networks.items() if network.record.linked}
    if not linked:
        return
    core, ready = joining.core, joining.sandbox
    sandbox = joining.sandbox = ready or core.fabric.sandbox()
    joining.joined["network"] = sandbox.path
    if ready:
        return
    try:
        for name, endpoint in joining.endpoints.items():
            make(core, linked[name])
            failpoints.hit("engine.connecting")
            core.fabric.connect(sandbox, linked[name].record.network(), endpoint)
    except BaseException:
        joining.close()
        raise


def _publish(joining: Joining) -> None:
    if joining.sandbox is not None:
        publishing.publish(joining.core, joining.entry, joining.networks, joining.endpoints)


def _unpublish(joining: Joining) -> None:
    publishing.withdraw(joining.core, joining.entry.record.id)


def _name(joining: Joining) -> None:
    """Write what it is called into its own files, and tell the others."""
    if joining.sandbox is not None:
        record = replace(joining.entry.record, places=joining.places)
        hostfiles.add(f"{joining.directory}/hosts", [*linking.lines(joining.core, record), *hostfiles.own_lines(record)])
        naming.serve(joining.core, record, joining.sandbox.fd)


def _unname(joining: Joining) -> None:
    naming.forget(joining.core, replace(joining.entry.record, places=joining.places))


def _record(joining: Joining) -> None:
    """Write it down; what is made of nothing is written with the start."""
    entry = joining.entry
    ports = publishing.shown(joining.core, entry.record) if joining.sandbox is not None else {}
    record = replace(entry.record, places=joining.places, ports=ports, sandbox=os.urandom(32).hex() if joining.places else "")
    if joining.sandbox is None:
        entry.record = record
        return
    joining.core.commit(entry, record, *joining.happened)
    joining.happened = []
    failpoints.hit("engine.connected")


STEPS = (
    Step("find the networks", _resolve),
    Step("lease addresses", _allocate, _free),
    Step("connect", _connect, Joining.close),
    Step("publish ports", _publish, _unpublish),
    Step("names", _name, _unname),
    Step("write down the places", _record),
)
