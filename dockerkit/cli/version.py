"""``version``: ours, and the engine's when one answers. Never starts a daemon."""

from __future__ import annotations

import platform
from typing import Any

import click

from dockerkit import __version__
from dockerkit.cli.formats import read_template
from dockerkit.cli.refusals import Failure
from dockerkit.cli.template import TemplateError
from dockerkit.cli.word import Word
from dockerkit.errors import DockerkitError
from dockerkit.schema.endpoint import API_VERSION, MIN_API_VERSION

_WIDTH = 19


def client_version() -> dict[str, Any]:
    """Return the versions of this side, under Docker's names."""
    return {
        "Platform": {"Name": "dockerkit"},
        "Version": __version__,
        "ApiVersion": API_VERSION,
        "MinAPIVersion": MIN_API_VERSION,
        "PythonVersion": platform.python_version(),
        "Os": platform.system().lower(),
        "Arch": platform.machine().replace("x86_64", "amd64").replace("aarch64", "arm64"),
        "Context": "default",
    }


@click.command(cls=Word)
@click.option("-f", "--format", default="", metavar="FORMAT", help="'json', or a Go TEMPLATE.")
@click.pass_context
def version(ctx: click.Context, format: str) -> None:
    """Show the versions of client and engine."""
    template = read_template("{{json .}}" if format == "json" else format) if format else None
    both: dict[str, Any] = {"Client": client_version(), "Server": None}
    try:
        both["Server"] = _server(ctx)
    except DockerkitError as error:
        problem: DockerkitError | None = error
    else:
        problem = None
    if template is not None:
        try:
            click.echo(template.write(both))
        except TemplateError as error:
            raise Failure(f"template parsing error: {error.message}", code=64) from None
    else:
        click.echo("\n".join(_client_lines(both["Client"]) + ["", *_server_lines(both["Server"])] * bool(both["Server"])))
    if problem is not None and both["Server"] is None and template is None:
        click.echo(f"\nno engine answers: {problem.message}", err=True)


def _server(ctx: click.Context) -> dict[str, Any]:
    """Ask the engine that would be used, if it runs.

    :raises Unavailable: it does not.
    """
    from dockerkit.cli.completion import running_engine

    with running_engine(ctx.find_root().params.get("host")) as client:
        return client.version()


def _line(indent: int, name: str, value: Any) -> str:
    return f"{' ' * indent}{name + ':':<{_WIDTH - indent + 1}}{value}"


def _client_lines(said: dict[str, Any]) -> list[str]:
    rows = {
        "Version": said["Version"],
        "API version": f"{said['ApiVersion']} (minimum version {said['MinAPIVersion']})",
        "Python version": said["PythonVersion"],
        "OS/Arch": f"{said['Os']}/{said['Arch']}",
        "Context": said["Context"],
    }
    return ["Client: dockerkit", *(_line(1, name, value) for name, value in rows.items())]


def _server_lines(said: dict[str, Any] | None) -> list[str]:
    if said is None:
        return []
    lines = [f"Server: {(said.get('Platform') or {}).get('Name') or ''}".rstrip()]
    for component in said.get("Components") or []:
        lines.append(f" {component['Name']}:")
        lines.append(_line(2, "Version", component.get("Version", "")))
        lines += [_line(2, _spaced(name), value) for name, value in sorted((component.get("Details") or {}).items())]
    return lines


def _spaced(name: str) -> str:
    return {"ApiVersion": "API version", "MinAPIVersion": "Min API version"}.get(name, name)
