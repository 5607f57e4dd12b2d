"""``network create``: judged, given subnets and a bridge, written down."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

import msgspec

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks import rules
from dockerkit.daemon.engine.networks.default import subnets
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.fabric import Subnet, check_overlap, with_gateway
from dockerkit.daemon.engine.networks.judging import check_families, check_free, judge, pools
from dockerkit.daemon.engine.networks.record import BRIDGE_NAME, NetworkRecord, config_of
from dockerkit.daemon.engine.networks.refusals import explained
from dockerkit.daemon.engine.networks.telling import told
from dockerkit.daemon.engine.steps import Step, run
from dockerkit.daemon.networks.model import Pool
from dockerkit.daemon.state import networks
from dockerkit.schema.network import IPAM, NetworkCreate, NetworkCreateResponse
from dockerkit.schema.wire import encode


@dataclass(slots=True)
class Creation:
    """What the steps of one create pass on."""

    core: Core
    request: NetworkCreate
    record: NetworkRecord
    entry: NetworkEntry = field(init=False)


def create(core: Core, request: NetworkCreate, *, session: str = "") -> NetworkCreateResponse:
    """Make a network; its bridge is there when this returns.

    :param session: owns it, from the first moment.
    :raises Invalid: malformed. :raises Conflict: the name is taken. :raises NotAllowed: the subnet is.
    :raises Exhausted: no subnet is left to choose. :raises Unsupported: the kernel has no such driver.
    """
    judge(request)
    check_free(request.name, [entry.record.name for entry in core.networks.all()])
    creation = Creation(core, request, _drafted(core, request, session))
    with explained(f"network {request.name} could not be made"):
        run(STEPS, creation)
    return NetworkCreateResponse(id=creation.record.id)


def _drafted(core: Core, request: NetworkCreate, session: str) -> NetworkRecord:
    id = secrets.token_hex(32)
    driver = "null" if request.config_only else request.driver or "bridge"
    return NetworkRecord(
        id=id,
        name=request.name,
        created=time.time_ns(),
        driver=driver,
        interface=_interface(core, request, driver, id),
        ipv4=request.enable_ipv4 is not False,
        ipv6=bool(request.enable_ipv6),
        ipam=IPAM(driver="default", options=request.ipam.options if request.ipam else None),
        internal=request.internal,
        attachable=request.attachable,
        config_only=request.config_only,
        options=request.options,
        labels=request.labels,
        session=session,
    )


def _interface(core: Core, request: NetworkCreate, driver: str, id: str) -> str:
    if driver == "bridge":
        return request.options.get(BRIDGE_NAME) or core.fabric.bridge_name(id)
    return request.options.get("parent") or (f"dm-{id[:12]}" if driver != "null" else "")


def _choose(creation: Creation) -> None:
    """Give the network its subnets and make it known, so that nobody else gets them; no other create is between."""
    core, request, record = creation.core, creation.request, creation.record
    given = [] if record.config_only else pools(request.ipam)
    check_families(given, ipv4=record.ipv4, ipv6=record.ipv6)
    unused = [pool for pool in given if pool.subnet.version == 6 and not record.ipv6]  # kept and shown, as dockerd
    given = [pool for pool in given if pool not in unused]
    versions = [] if record.config_only else [version for version, on in ((4, record.ipv4), (6, record.ipv6)) if on]
    lacking = [version for version in versions if all(pool.subnet.version != version for pool in given)]
    routes = core.fabric.host_routes() if lacking else []
    with core.networks.lock:
        given = _chosen(core, given, lacking, routes)
        config = [config_of(pool) for pool in (*given, *unused)]
        creation.record = msgspec.structs.replace(record, ipam=msgspec.structs.replace(record.ipam, config=config))
        creation.entry = NetworkEntry(creation.record)
        core.networks.add(creation.entry)


def _chosen(core: Core, given: list[Pool], lacking: list[int], routes: list[Subnet]) -> list[Pool]:
    """Return the subnets of a network, those of `lacking` IP versions chosen from Docker's, gateways filled in.

    :raises NotAllowed: a given one overlaps another network's. :raises Exhausted: none is left.
    """
    theirs = subnets(core)
    for pool in given:
        check_overlap(pool, theirs)
    chosen = [core.fabric.addresses.choose_pool(version == 6, [*theirs, *routes]) for version in lacking]
    return sorted([*map(with_gateway, given), *chosen], key=lambda pool: pool.subnet.version)


def _forget(creation: Creation) -> None:
    creation.core.networks.forget(creation.entry)
    creation.core.fabric.addresses.forget(creation.record.network())


def _make(creation: Creation) -> None:
    if creation.record.linked:
        make(creation.core, creation.entry)


def make(core: Core, entry: NetworkEntry) -> None:
    """Have a network's bridge be there, with the rules that go with it; once for each daemon."""
    with entry.work:
        if not entry.made:
            core.fabric.make(entry.record.network())
            entry.made = True
            rules.apply(core)


def _unmake(creation: Creation) -> None:
    if creation.entry.made:
        unmake(creation.core, creation.entry)


def unmake(core: Core, entry: NetworkEntry) -> None:
    """Take a network's bridge away, and the rules that went with it."""
    with entry.work:
        entry.made = False
        if entry.record.linked:
            core.fabric.remove(entry.record.network())
        rules.apply(core)


def _write(creation: Creation) -> None:
    record = creation.record
    document = encode(record)
    creation.core.tell(told(record, "create"), also=lambda tx: networks.put(tx, record.id, record.name, document))


STEPS = (
    Step("choose subnets", _choose, _forget),
    Step("make the bridge", _make, _unmake),
    Step("record", _write),
)
