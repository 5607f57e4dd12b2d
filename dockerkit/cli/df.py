"""``system df``: what takes how much space, by kind."""

from __future__ import annotations

from typing import Any

import click

from dockerkit.cli.formats import Column, View, format_option
from dockerkit.cli.images import images_view, named
from dockerkit.cli.ps import containers_view
from dockerkit.cli.sizes import precise
from dockerkit.cli.word import Word, client


def _reclaimable(row: dict[str, Any]) -> str:
    size = precise(row["reclaimable"])
    return f"{size} ({row['reclaimable'] * 100 // row['size']}%)" if row["size"] else size


_KINDS = View(
    "*formatter.diskUsageContext",
    {
        "Type": Column("TYPE", lambda r: r["type"]),
        "TotalCount": Column("TOTAL", lambda r: str(r["total"])),
        "Active": Column("ACTIVE", lambda r: str(r["active"])),
        "Size": Column("SIZE", lambda r: precise(r["size"])),
        "Reclaimable": Column("RECLAIMABLE", _reclaimable),
    },
    "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
)
_VOLUMES = View(
    "*formatter.diskUsageVolumesContext",
    {
        "Name": Column("VOLUME NAME", lambda v: v["Name"]),
        "Links": Column("LINKS", lambda v: str((v.get("UsageData") or {}).get("RefCount", 0))),
        "Size": Column("SIZE", lambda v: precise((v.get("UsageData") or {}).get("Size") or 0)),
    },
    "{{.Name}}\t{{.Links}}\t{{.Size}}",
)
_IMAGES = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}"
_CONTAINERS = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}"


@click.command(cls=Word)
@format_option
@click.option("-v", "--verbose", is_flag=True, help="Every image and container.")
def df(format: str, verbose: bool) -> None:
    """Show disk usage."""
    if not verbose:
        click.echo(_KINDS.render(client().disk_usage(), format), nl=False)
        return
    said = client().engine.get("/system/df")
    click.echo("Images space usage:\n")
    click.echo(images_view().render(named(said.get("Images") or []), "", table=_IMAGES))
    click.echo("Containers space usage:\n")
    rows = [{**one, "SizeRootFs": 0} for one in said.get("Containers") or []]
    click.echo(containers_view().render(rows, "", table=_CONTAINERS))
    click.echo("Local Volumes space usage:\n")
    click.echo(_VOLUMES.render(said.get("Volumes") or [], ""))
    cache = sum(entry.get("Size") or 0 for entry in said.get("BuildCache") or [])
    click.echo(f"Build cache usage: {precise(cache)}\n")
    click.echo("CACHE ID   CACHE TYPE   SIZE      CREATED   LAST USED   USAGE     SHARED")
