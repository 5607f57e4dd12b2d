"""``ps``: the containers as a table, JSON, ids or a template of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from dockerkit.cli.formats import Column, View, format_option
from dockerkit.cli.portlist import displayable
from dockerkit.cli.sizes import ago, created_at, human_size, quoted, short_id
from dockerkit.cli.tables import ellipsis
from dockerkit.cli.word import Word, client

_COMMAND, _MOUNT = 20, 15


def filters_json(said: tuple[str, ...]) -> str | None:
    """Return the engine's ``filters`` of ``--filter name=value``, which may be said often.

    :raises BadParameter: no ``=``, in Docker's words.
    """
    import json

    filters: dict[str, list[str]] = {}
    for each in said:
        name, equals, value = each.partition("=")
        if not equals:
            flag = 'invalid argument {} for "-f, --filter" flag: bad format of filter (expected name=value)'
            raise click.UsageError(flag.format(quoted(each)))
        filters.setdefault(name.strip().lower(), []).append(value.strip())
    return json.dumps(filters) if filters else None


def _checked(ctx: click.Context, parameter: click.Parameter, said: tuple[str, ...]) -> tuple[str, ...]:
    filters_json(said)  # before any engine is asked
    return said


def filter_flag(*names: str) -> Callable[[Any], Any]:
    """Return the option ``--filter``, under these names."""
    help = "Only what matches."
    return click.option(*names, "filters", multiple=True, metavar="NAME=VALUE", help=help, callback=_checked)


filter_option = filter_flag("-f", "--filter")


def containers_view(*, truncate: bool = True) -> View:
    """Return how containers are listed; `truncate` shortens ids and commands."""
    cut = ellipsis if truncate else (lambda text, _: text)
    columns = {
        "ID": Column("CONTAINER ID", lambda c: short_id(c["Id"]) if truncate else c["Id"]),
        "Names": Column("NAMES", lambda c: ",".join(n.removeprefix("/") for n in _names(c, truncate))),
        "Image": Column("IMAGE", lambda c: _image(c, truncate)),
        "Command": Column("COMMAND", lambda c: quoted(cut(c.get("Command") or "", _COMMAND))),
        "CreatedAt": Column("CREATED AT", lambda c: created_at(c["Created"])),
        "RunningFor": Column("CREATED", lambda c: ago(c["Created"])),
        "Ports": Column("PORTS", lambda c: displayable(c.get("Ports") or [])),
        "State": Column("STATE", lambda c: c.get("State", "")),
        "Status": Column("STATUS", lambda c: c.get("Status", "")),
        "Size": Column("SIZE", _size),
        "Labels": Column("LABELS", lambda c: ",".join(f"{k}={v}" for k, v in sorted((c.get("Labels") or {}).items()))),
        "Label": Column("", lambda c: lambda name: (c.get("Labels") or {}).get(name, ""), hidden=True),
        "Mounts": Column(
            "MOUNTS", lambda c: ",".join(cut(m.get("Name") or m["Source"], _MOUNT) for m in c.get("Mounts") or [])
        ),
        "LocalVolumes": Column("LOCAL VOLUMES", lambda c: str(sum(m.get("Driver") == "local" for m in c.get("Mounts") or []))),
        "Networks": Column("NETWORKS", lambda c: ",".join((c.get("NetworkSettings") or {}).get("Networks") or {})),
        "Platform": Column("PLATFORM", lambda c: None),
    }
    table = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"
    return View("*formatter.ContainerContext", columns, table)


def _names(one: dict[str, Any], truncate: bool) -> list[str]:
    names = one.get("Names") or []
    return [name for name in names if name.count("/") == 1] if truncate else names


def _image(one: dict[str, Any], truncate: bool) -> str:
    image = one.get("Image") or "<no image>"
    if not truncate:
        return image
    if short_id(image) == short_id(one.get("ImageID") or "-"):
        return short_id(image)
    return image.partition("@")[0]


def _size(one: dict[str, Any]) -> str:
    size = human_size(one.get("SizeRw") or 0)
    return f"{size} (virtual {human_size(one['SizeRootFs'])})" if one.get("SizeRootFs") else size


@click.command("ps", cls=Word)
@click.option("-a", "--all", is_flag=True, help="Show all containers, not only those that run.")
@filter_option
@format_option
@click.option("-n", "--last", type=int, default=-1, metavar="INT", help="Show so many last created containers.")
@click.option("-l", "--latest", is_flag=True, help="Show the latest created container.")
@click.option("--no-trunc", is_flag=True, help="Do not shorten output.")
@click.option("-q", "--quiet", is_flag=True, help="Only show ids.")
@click.option("-s", "--size", is_flag=True, help="Show file sizes.")
def ps(filters: tuple[str, ...], format: str, quiet: bool, no_trunc: bool, **wanted: Any) -> None:
    """List containers."""
    view = containers_view(truncate=not no_trunc)
    last = 1 if wanted["latest"] else wanted["last"]
    size = wanted["size"] or ".Size" in format
    limit = last if last > 0 else None
    found = client().engine.get(
        "/containers/json", all=wanted["all"] or limit is not None, limit=limit, size=size, filters=filters_json(filters)
    )
    if quiet and not format:
        format = "{{.ID}}"
    table = view.table + ("\t{{.Size}}" if wanted["size"] else "")
    click.echo(view.render(found, format, table="{{.ID}}" if quiet and format == "table" else table), nl=False)
