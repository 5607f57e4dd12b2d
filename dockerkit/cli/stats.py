"""``stats``: what containers use, once, or again and again."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click

from dockerkit.cli.completion import containers_argument
from dockerkit.cli.formats import Column, View, format_option
from dockerkit.cli.sizes import binary, human_size, short_id
from dockerkit.cli.word import Word, client, container
from dockerkit.errors import NotFound

_CLEAR = "\033[H\033[J"
_AT_ONCE = 16


def _percent(name: str) -> Any:
    return lambda row: f"{row[name]:.2f}%" if row[name] is not None else "--"


def _both(show: Any, left: str, right: str) -> Any:
    return lambda row: f"{show(row[left])} / {show(row[right])}" if row[left] is not None else "-- / --"


def stats_view(*, truncate: bool = True) -> View:
    """Return how measurements are listed."""
    columns = {
        "Container": Column("CONTAINER", lambda r: r["container"]),
        "ID": Column("CONTAINER ID", lambda r: short_id(r["id"]) if truncate else r["id"]),
        "Name": Column("NAME", lambda r: r["name"]),
        "CPUPerc": Column("CPU %", _percent("cpu_percent")),
        "MemUsage": Column("MEM USAGE / LIMIT", _both(binary, "memory", "memory_limit")),
        "MemPerc": Column("MEM %", _percent("memory_percent")),
        "NetIO": Column("NET I/O", _both(human_size, "received", "sent")),
        "BlockIO": Column("BLOCK I/O", _both(human_size, "read", "written")),
        "PIDs": Column("PIDS", lambda r: str(r["pids"]) if r["pids"] is not None else "--"),
    }
    fields = ("ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs")
    return View("*container.statsContext", columns, "\t".join(f"{{{{.{field}}}}}" for field in fields))


@click.command(cls=Word)
@click.option("-a", "--all", is_flag=True, help="Show all containers, not only those that run.")
@format_option
@click.option("--no-stream", is_flag=True, help="Measure once.")
@click.option("--no-trunc", is_flag=True, help="Do not shorten output.")
@containers_argument(running=True, required=False)
def stats(containers: tuple[str, ...], all: bool, format: str, no_stream: bool, no_trunc: bool) -> None:
    """Display a live stream of container(s) resource usage statistics."""
    view = stats_view(truncate=not no_trunc)
    clear = "" if no_stream or format == "json" else _CLEAR
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        while True:
            named = containers or [
                one["Id"][: None if no_trunc else 12] for one in client().engine.get("/containers/json", all=all)
            ]
            client()
            asked = [threads.submit(_measured, container(name), name, bool(containers)) for name in named]
            rows = [row for future in asked if (row := future.result()) is not None]
            click.echo(clear + view.render(rows, format), nl=False)
            if no_stream:
                return
            time.sleep(1)


def _measured(one: Any, name: str, must: bool) -> dict[str, Any] | None:
    """Measure one container; one that has gone since it was listed is no row."""
    try:
        usage = one.stats()[0]
    except NotFound:
        if must:
            raise
        return None
    return {**usage, "container": name, "id": usage.raw.get("id") or name}
