"""``inspect``: the engine's whole record of containers, images, networks and volumes, or what a template takes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from dockerkit.cli.completion import container_names, image_names
from dockerkit.cli.formats import read_template
from dockerkit.cli.refusals import Failure, said
from dockerkit.cli.template import TemplateError
from dockerkit.cli.word import Word, client
from dockerkit.errors import DockerkitError, NotFound, Unsupported

Find = Callable[[str, bool], Any]
_LATER = ("node", "plugin", "secret", "service", "task", "config")


def _container(name: str, size: bool) -> Any:
    from dockerkit.client.engine import segment

    return client().engine.get(f"/containers/{segment(name)}/json", size=size)


def _image(name: str, size: bool) -> Any:
    from dockerkit.client.engine import image_segment

    return client().engine.get(f"/images/{image_segment(name)}/json")


def _network(name: str, size: bool) -> Any:
    from dockerkit.client.engine import segment

    return client().engine.get(f"/networks/{segment(name)}")


def _volume(name: str, size: bool) -> Any:
    return client().volumes.get(name).inspect()


def _either(name: str, size: bool) -> Any:
    for find in (_container, _image, _network, _volume):
        try:
            return find(name, size)
        except NotFound:
            continue
    raise Failure(f"Error: No such object: {name}")


_FINDERS: dict[str, Find] = {"": _either, "container": _container, "image": _image, "network": _network, "volume": _volume}


class _Record(dict[str, Any]):
    """A record for a template: its id is found under Go's name for it too."""

    def column(self, name: str) -> tuple[Any] | None:
        """Return ``ID`` in a tuple; None for whatever a mapping finds itself."""
        return (self["Id"],) if name == "ID" and "Id" in self else None


def show(names: tuple[str, ...], find: Find, format: str, size: bool = False) -> None:
    """Print the records of all names, as one JSON list or each by the template; then what was not found; exit 1 if any."""
    if format == "json":
        format = "{{json .}}"
    template = read_template(format) if format else None
    records, errors = [], []
    for name in names:
        try:
            record = find(name, size)
            records.append(record if template is None else template.write(_Record(record)))
        except TemplateError as error:
            click.echo("")
            raise Failure(f"template parsing error: {error.message}") from None
        except DockerkitError as error:
            errors.append(said(error))
    if template is None:
        click.echo(json.dumps(records, indent=4, ensure_ascii=False))
    else:
        click.echo("".join(f"{record}\n" for record in records) or "\n", nl=False)
    if errors:
        click.echo("\n".join(errors), err=True)
        click.get_current_context().exit(1)


def _names(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return container_names()(ctx, parameter, incomplete) + image_names(ctx, parameter, incomplete)


_format = click.option("-f", "--format", default="", metavar="FORMAT", help="'json', or a Go TEMPLATE for each.")
_size = click.option("-s", "--size", is_flag=True, help="Tell file sizes of containers too.")


@click.command(cls=Word)
@_format
@_size
@click.option("--type", "kind", default="", metavar="TYPE", help="Only: container, image, network, volume.")
@click.argument("names", nargs=-1, required=True, metavar="NAME|ID [NAME|ID...]", shell_complete=_names)
def inspect(names: tuple[str, ...], format: str, size: bool, kind: str) -> None:
    """Return low-level information on containers, images, networks and volumes."""
    if kind in _LATER:
        raise Unsupported(f"inspect --type {kind} is not offered yet", hint="container, image, network and volume are")
    if kind not in _FINDERS:
        raise Failure(f'"{kind}" is not a valid value for --type')
    show(names, _FINDERS[kind], format, size)


@click.command("inspect", cls=Word)
@_format
@_size
@click.argument("names", nargs=-1, required=True, metavar="CONTAINER [CONTAINER...]", shell_complete=container_names())
def container(names: tuple[str, ...], format: str, size: bool) -> None:
    """Display detailed information on one or more containers."""
    show(names, _container, format, size)


@click.command("inspect", cls=Word)
@_format
@click.argument("names", nargs=-1, required=True, metavar="IMAGE [IMAGE...]", shell_complete=image_names)
def image(names: tuple[str, ...], format: str) -> None:
    """Display detailed information on one or more images."""
    show(names, _image, format)
