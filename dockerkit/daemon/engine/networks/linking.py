"""``--link`` on the default bridge: a neighbour's address in ``hosts``, and its ports in the environment.

On networks of somebody's own a link is a name that the DNS server knows, for the container that asked; see ``naming``.
Source: moby ``links/links.go``; words proven on a real dockerd.
"""

from __future__ import annotations

from collections.abc import Iterator

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks import portwords
from dockerkit.daemon.engine.networks.wishes import DEFAULT, user_defined
from dockerkit.daemon.engine.record import Record
from dockerkit.errors import Conflict, Invalid, NotFound
from dockerkit.schema.container import HostConfig

_NOT_SHOWN = ("HOME", "PATH")


def parse(link: str) -> tuple[str, str]:
    """Read ``name:alias``; the alias is the name when there is none.

    :raises Invalid: in Docker's words.
    """
    name, colon, alias = link.partition(":")
    if not name or (colon and not alias) or ":" in alias:
        raise Invalid(f"bad format for links: {link}", hint="write name:alias")
    return name.removeprefix("/"), (alias or name).rpartition("/")[2]


def check(core: Core, host: HostConfig) -> None:
    """Refuse links to containers that are not there.

    :raises Invalid: in Docker's words.
    """
    for link in () if user_defined(host.network_mode) else host.links or ():
        name, _ = parse(link)
        try:
            core.entries.resolve(name)
        except NotFound as error:
            raise Invalid(f"could not get container for {name}: {error.message}") from None


def shown(core: Core, record: Record) -> list[str] | None:
    """Return links as inspect shows them: ``/other:/this/alias``."""
    if not record.host_config.links or DEFAULT not in record.wishes:
        return None
    return [f"/{name}:/{record.name}/{alias}" for name, alias in map(parse, record.host_config.links)]


def _targets(core: Core, record: Record) -> Iterator[tuple[Record, str, str]]:
    """Give each linked container, the alias it has here, and its address.

    :raises Conflict: one does not run, or is elsewhere; in Docker's words.
    """
    if DEFAULT not in record.wishes:
        return
    for name, alias in map(parse, record.host_config.links or ()):
        other = core.entries.resolve(name).record
        if not other.alive:
            raise Conflict(f"Cannot link to a non running container: /{other.name} AS /{record.name}/{alias}")
        if DEFAULT not in other.places:
            raise Conflict(f"Cannot link to /{other.name}, as it does not belong to the default network")
        yield other, alias, other.places[DEFAULT].address(4)[0]


def lines(core: Core, record: Record) -> list[str]:
    """Return the lines of ``hosts``: address, alias, the other's hostname and its name where that is another."""
    found = []
    for other, alias, address in _targets(core, record):
        names = [alias, other.config.hostname, *([other.name] if other.name != alias else [])]
        found.append(f"{address}\t{' '.join(names)}")
    return found


def environment(core: Core, record: Record) -> list[str]:
    """Return the variables that links add to a container's environment."""
    found = []
    for other, alias, address in _targets(core, record) if record.host_config.links else ():
        prefix = alias.replace("-", "_").upper()
        ports = sorted(map(portwords.port, portwords.exposed(other.config)))
        if ports:
            found.append(f"{prefix}_PORT={ports[0][1]}://{address}:{ports[0][0]}")
        for number, protocol in ports:
            name = f"{prefix}_PORT_{number}_{protocol.upper()}"
            found.append(f"{name}={protocol}://{address}:{number}")
            found += [f"{name}_ADDR={address}", f"{name}_PORT={number}", f"{name}_PROTO={protocol}"]
        found.append(f"{prefix}_NAME=/{record.name}/{alias}")
        shown = (item for item in other.config.env if item.partition("=")[0] not in _NOT_SHOWN and "=" in item)
        found += [f"{prefix}_ENV_{item}" for item in shown]
    return found
