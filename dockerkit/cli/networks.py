"""``network create``, ``ls``, ``inspect``, ``connect``, ``disconnect``, ``rm``, ``prune``: who reaches whom, by what name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from dockerkit.cli.completion import container_names, network_names
from dockerkit.cli.formats import Column, View, format_option
from dockerkit.cli.inspect import show
from dockerkit.cli.pools import pools
from dockerkit.cli.prune import asked, post
from dockerkit.cli.ps import filter_flag, filter_option, filters_json
from dockerkit.cli.refusals import Failure
from dockerkit.cli.sizes import short_id
from dockerkit.cli.tables import natural
from dockerkit.cli.variables import label_option
from dockerkit.cli.word import Word, client, each
from dockerkit.errors import NotFound

if TYPE_CHECKING:
    from dockerkit.schema.network import EndpointSettings, NetworkCreate

_network = click.argument("network", shell_complete=network_names)
_networks = click.argument("names", nargs=-1, required=True, metavar="NETWORK [NETWORK...]", shell_complete=network_names)


def view(*, truncate: bool = True) -> View:
    """Return how networks are listed; `truncate` shortens ids."""
    return View(
        "*network.networkContext",
        {
            "ID": Column("NETWORK ID", lambda n: short_id(n["Id"]) if truncate else n["Id"]),
            "Name": Column("NAME", lambda n: n["Name"]),
            "Driver": Column("DRIVER", lambda n: n["Driver"]),
            "Scope": Column("SCOPE", lambda n: n["Scope"]),
            "IPv4": Column("IPV4", lambda n: _yes(n.get("EnableIPv4"))),
            "IPv6": Column("IPV6", lambda n: _yes(n.get("EnableIPv6"))),
            "Internal": Column("INTERNAL", lambda n: _yes(n.get("Internal"))),
            "Labels": Column("LABELS", lambda n: ",".join(f"{k}={v}" for k, v in sorted((n.get("Labels") or {}).items()))),
            "Label": Column("", lambda n: lambda name: (n.get("Labels") or {}).get(name, ""), hidden=True),
            "CreatedAt": Column("CREATED AT", lambda n: _moment(n["Created"])),
        },
        "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
    )


def _yes(value: object) -> str:
    return "true" if value else "false"


def _moment(text: str) -> str:
    """Return a moment of the engine's as Go prints it: with its fraction of a second, in the zone it was told in."""
    moment, _, fraction = text.removesuffix("Z").partition(".")
    part = fraction.rstrip("0")
    return f"{moment.replace('T', ' ')}{'.' if part else ''}{part} +0000 UTC"


@click.command("create", cls=Word)
@click.option("--attachable", is_flag=True, help="Let containers be connected by hand (for a swarm's).")
@click.option("--aux-address", "aux_address", multiple=True, metavar="NAME=ADDRESS", help="An address that nobody shall get.")
@click.option("--config-from", "config_from", default="", metavar="NETWORK", help="Take the configuration from this network.")
@click.option("--config-only", "config_only", is_flag=True, help="Make a configuration only.")
@click.option("-d", "--driver", default="bridge", metavar="NAME", help="Who makes it: bridge, macvlan, ipvlan.")
@click.option("--gateway", multiple=True, metavar="ADDRESS", help="The host's address on it.")
@click.option("--ingress", is_flag=True, hidden=True)
@click.option("--internal", is_flag=True, help="Let it lead nowhere but to who is on it.")
@click.option("--ip-range", "ip_range", multiple=True, metavar="SUBNET", help="Give containers addresses of this part only.")
@click.option("--ipam-driver", "ipam_driver", default="default", metavar="NAME", help="Who manages its addresses.")
@click.option("--ipam-opt", "ipam_opt", multiple=True, metavar="NAME=VALUE", help="An option of that driver's.")
@click.option("--ipv4/--no-ipv4", default=None, help="Let it have IPv4 addresses; it does.")
@click.option("--ipv6/--no-ipv6", default=None, help="Let it have IPv6 addresses, too.")
@label_option
@click.option("-o", "--opt", multiple=True, metavar="NAME=VALUE", help="An option of the driver's.")
@click.option("--scope", default="", metavar="SCOPE", hidden=True)
@click.option("--subnet", multiple=True, metavar="SUBNET", help="Its addresses: 10.5.0.0/24.")
@click.argument("network")
def create(network: str, **said: Any) -> None:
    """Create a network."""
    from dockerkit.client.networks import make

    click.echo(make(client(), wish(network, said)).id)


def wish(name: str, said: Mapping[str, Any]) -> NetworkCreate:
    """Return the request that the flags of ``create`` make.

    :raises Failure: parts of no subnet; in Docker's words.
    """
    from dockerkit.schema.network import IPAM, ConfigReference, NetworkCreate

    return NetworkCreate(
        name=name,
        check_duplicate=True,
        driver=said["driver"],
        scope=said["scope"],
        enable_ipv4=said["ipv4"],
        enable_ipv6=said["ipv6"],
        ipam=IPAM(driver=said["ipam_driver"], options=_pairs(said["ipam_opt"]), config=pools(said)),
        internal=said["internal"],
        attachable=said["attachable"],
        ingress=said["ingress"],
        config_only=said["config_only"],
        config_from=ConfigReference(said["config_from"]) if said["config_from"] else None,
        options=_pairs(said["opt"]),
        labels=said["label"],
    )


def _pairs(said: tuple[str, ...]) -> dict[str, str]:
    return dict(one.partition("=")[::2] for one in said)


@click.command("ls", cls=Word)
@filter_option
@format_option
@click.option("--no-trunc", is_flag=True, help="Do not shorten ids.")
@click.option("-q", "--quiet", is_flag=True, help="Only show ids.")
def ls(filters: tuple[str, ...], format: str, no_trunc: bool, quiet: bool) -> None:
    """List networks."""
    found = client().engine.get("/networks", filters=filters_json(filters))
    if quiet and not format:
        format = "{{.ID}}"
    click.echo(view(truncate=not no_trunc).render(sorted(found, key=lambda n: natural(n["Name"])), format), nl=False)


def find(name: str, size: bool = False) -> Any:
    """Return a network's record."""
    from dockerkit.client.engine import segment

    return client().engine.get(f"/networks/{segment(name)}")


@click.command("inspect", cls=Word)
@click.option("-f", "--format", default="", metavar="FORMAT", help="'json', or a Go TEMPLATE for each.")
@click.option("-v", "--verbose", is_flag=True, help="Tell what a swarm has of it, too.")
@_networks
def inspect(names: tuple[str, ...], format: str, verbose: bool) -> None:
    """Display detailed information on one or more networks."""
    show(names, find, format)


@click.command("connect", cls=Word)
@click.option("--alias", multiple=True, metavar="NAME", help="Call it so too, here.")
@click.option("--driver-opt", "driver_opt", multiple=True, metavar="NAME=VALUE", help="An option of the driver's.")
@click.option(
    "--gw-priority", "gw_priority", type=int, default=0, metavar="NUMBER", help="Whose way out is taken: the highest."
)
@click.option("--ip", default="", metavar="ADDRESS", help="Have this IPv4 address here.")
@click.option("--ip6", default="", metavar="ADDRESS", help="Have this IPv6 address here.")
@click.option("--link", multiple=True, metavar="CONTAINER[:ALIAS]", help="Know another container by this name, here.")
@click.option("--link-local-ip", "link_local_ip", multiple=True, metavar="ADDRESS", help="Have this address, too.")
@_network
@click.argument("container", shell_complete=container_names())
def connect(network: str, container: str, **said: Any) -> None:
    """Connect a container to a network."""
    from dockerkit.client.engine import segment
    from dockerkit.schema.network import NetworkConnect

    body = NetworkConnect(container=container, endpoint_config=place(said))
    client().engine.post(f"/networks/{segment(network)}/connect", json=body)


def place(said: Mapping[str, Any]) -> EndpointSettings:
    """Return what the flags of ``connect`` ask for.

    :raises Failure: an option that is none; in Docker's words.
    """
    from dockerkit.schema.network import EndpointIPAMConfig, EndpointSettings

    wanted = EndpointIPAMConfig(ipv4_address=said["ip"], ipv6_address=said["ip6"], link_local_ips=list(said["link_local_ip"]))
    return EndpointSettings(
        ipam_config=wanted if said["ip"] or said["ip6"] or said["link_local_ip"] else None,
        links=list(said["link"]) or None,
        aliases=list(said["alias"]) or None,
        driver_opts=dict(map(_option, said["driver_opt"])) or None,
        gw_priority=said["gw_priority"],
    )


def _option(said: str) -> tuple[str, str]:
    name, equals, value = said.partition("=")
    if not equals or not name:
        raise Failure("invalid key/value pair format in driver options")
    return name.strip(), value.strip()


@click.command("disconnect", cls=Word)
@click.option("-f", "--force", is_flag=True, help="Also one that the engine does not know any more.")
@_network
@click.argument("container", shell_complete=container_names())
def disconnect(network: str, container: str, force: bool) -> None:
    """Disconnect a container from a network."""
    from dockerkit.client.network import Network

    Network(client(), network).disconnect(container, force=force)


@click.command("rm", cls=Word)
@click.option("-f", "--force", is_flag=True, help="Do not complain about those that are not there.")
@_networks
def rm(names: tuple[str, ...], force: bool) -> None:
    """Remove one or more networks."""
    from dockerkit.client.network import Network

    def remove(name: str) -> str:
        try:
            Network(client(), name).remove()
        except NotFound:
            if not force:
                raise
            return ""
        return f"{name}\n"

    each(names, remove, end="")


@click.command("prune", cls=Word)
@filter_flag("--filter")
@click.option("-f", "--force", is_flag=True, help="Do not ask.")
def prune(filters: tuple[str, ...], force: bool) -> None:
    """Remove all networks that no container is on."""
    asked(force, "This will remove all custom networks not used by at least one container.")
    if lines := pruned(filters):
        click.echo("\n".join(lines))


def pruned(filters: tuple[str, ...]) -> list[str]:
    """Prune; return the lines that say what went."""
    gone = post("networks", filters_json(filters)).get("NetworksDeleted") or []
    return ["Deleted Networks:", *gone, ""] if gone else []
