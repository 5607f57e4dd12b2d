"""``volume create``, ``ls``, ``inspect``, ``rm``, ``prune``: data that stays; and ours: ``clone``, ``backup``, ``restore``."""

from __future__ import annotations

from typing import Any

import click

from dockerkit.cli.completion import volume_names
from dockerkit.cli.formats import Column, View, format_option
from dockerkit.cli.inspect import show
from dockerkit.cli.prune import asked, post, told
from dockerkit.cli.ps import filter_flag, filter_option, filters_json
from dockerkit.cli.refusals import Failure
from dockerkit.cli.sizes import precise
from dockerkit.cli.tables import natural
from dockerkit.cli.variables import label_option
from dockerkit.cli.word import Word, client, each

VIEW = View(
    "*formatter.volumeContext",
    {
        "Name": Column("VOLUME NAME", lambda v: v["Name"]),
        "Driver": Column("DRIVER", lambda v: v["Driver"]),
        "Scope": Column("SCOPE", lambda v: v.get("Scope") or ""),
        "Mountpoint": Column("MOUNTPOINT", lambda v: v.get("Mountpoint") or ""),
        "Labels": Column("LABELS", lambda v: ",".join(f"{k}={w}" for k, w in sorted((v.get("Labels") or {}).items()))),
        "Label": Column("", lambda v: lambda name: (v.get("Labels") or {}).get(name, ""), hidden=True),
        "Links": Column("LINKS", lambda v: str(v["UsageData"]["RefCount"]) if v.get("UsageData") else "N/A"),
        "Size": Column("SIZE", lambda v: precise(v["UsageData"]["Size"]) if v.get("UsageData") else "N/A"),
        "Availability": Column("AVAILABILITY", lambda v: "N/A"),
        "Group": Column("GROUP", lambda v: "N/A"),
        "Status": Column("STATUS", lambda v: "N/A"),
    },
    "{{.Driver}}\t{{.Name}}",
)
"""How volumes are listed."""


@click.command("create", cls=Word)
@click.option("-d", "--driver", default="local", metavar="NAME", help="Who keeps it: local, or a plugin.")
@label_option
@click.option("--name", "named", default="", hidden=True)
@click.option("-o", "--opt", multiple=True, metavar="NAME=VALUE", help="An option of the driver's.")
@click.argument("name", required=False, default="", metavar="[VOLUME]")
def create(name: str, named: str, driver: str, label: dict[str, str], opt: tuple[str, ...]) -> None:
    """Create a volume."""
    if name and named:
        raise Failure("conflicting options: cannot specify a volume name through both --name and as a positional arg")
    options = dict(each_.partition("=")[::2] for each_ in opt)
    click.echo(client().volumes.create(name or named or None, driver=driver, labels=label, options=options).name)


@click.command("ls", cls=Word)
@filter_option
@format_option
@click.option("-q", "--quiet", is_flag=True, help="Only show names.")
def ls(filters: tuple[str, ...], format: str, quiet: bool) -> None:
    """List volumes."""
    found = client().engine.get("/volumes", filters=filters_json(filters)).get("Volumes") or []
    if quiet and not format:
        format = "{{.Name}}"
    click.echo(VIEW.render(sorted(found, key=lambda v: natural(v["Name"])), format), nl=False)


def find(name: str, size: bool = False) -> Any:
    """Return a volume's record."""
    return client().volumes.get(name).inspect()


@click.command("inspect", cls=Word)
@click.option("-f", "--format", default="", metavar="FORMAT", help="'json', or a Go TEMPLATE for each.")
@click.argument("names", nargs=-1, required=True, metavar="VOLUME [VOLUME...]", shell_complete=volume_names)
def inspect(names: tuple[str, ...], format: str) -> None:
    """Display detailed information on one or more volumes."""
    show(names, find, format)


@click.command("rm", cls=Word)
@click.option("-f", "--force", is_flag=True, help="Do not complain about those that are not there.")
@click.argument("names", nargs=-1, required=True, metavar="VOLUME [VOLUME...]", shell_complete=volume_names)
def rm(names: tuple[str, ...], force: bool) -> None:
    """Remove one or more volumes, with all that is in them."""
    from dockerkit.client.volume import Volume

    each(names, lambda name: Volume(client(), name).remove(force=force))


@click.command("prune", cls=Word)
@click.option("-a", "--all", "all", is_flag=True, help="Remove named volumes that no container has, too.")
@filter_flag("--filter")
@click.option("-f", "--force", is_flag=True, help="Do not ask.")
def prune(all: bool, filters: tuple[str, ...], force: bool) -> None:
    """Remove volumes that no container has: those that nobody named, with --all named ones too."""
    which = "all" if all else "anonymous"
    asked(force, f"This will remove {which} local volumes not used by at least one container.")
    told(pruned((*filters, "all=true") if all else filters))


def pruned(filters: tuple[str, ...]) -> tuple[list[str], int]:
    """Prune; return the lines that say what went, and the bytes."""
    said = post("volumes", filters_json(filters))
    gone = said.get("VolumesDeleted") or []
    return (["Deleted Volumes:", *gone, ""] if gone else []), int(said.get("SpaceReclaimed") or 0)


# ours


@click.command("clone", cls=Word)
@click.argument("source", metavar="VOLUME", shell_complete=volume_names)
@click.argument("target", required=False, default="", metavar="[NAME]")
def clone(source: str, target: str) -> None:
    """Make a volume that has the same content."""
    from dockerkit.client.volume import Volume

    click.echo(Volume(client(), source).clone(target or None).name)


@click.command("backup", cls=Word)
@click.argument("name", metavar="VOLUME", shell_complete=volume_names)
@click.argument("path", type=click.Path(), metavar="FILE")
def backup(name: str, path: str) -> None:
    """Write all that is in a volume to a tar archive."""
    from dockerkit.client.volume import Volume

    Volume(client(), name).backup(path)


@click.command("restore", cls=Word)
@click.argument("name", metavar="VOLUME", shell_complete=volume_names)
@click.argument("path", type=click.Path(exists=True), metavar="FILE")
def restore(name: str, path: str) -> None:
    """Unpack a tar archive into a volume."""
    from dockerkit.client.volume import Volume

    Volume(client(), name).restore(path)
