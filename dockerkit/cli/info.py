"""``info``: what the engine says of itself and its host, in Docker's layout: a table of lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from dockerkit import __version__
from dockerkit.cli.formats import read_template
from dockerkit.cli.refusals import Failure
from dockerkit.cli.sizes import binary
from dockerkit.cli.template import TemplateError
from dockerkit.cli.word import Word, client

Info = dict[str, Any]
Shown = Callable[[Info], Any]


def _of(name: str) -> Shown:
    return lambda info: info.get(name, "")


def _plugins(kind: str) -> Shown:
    return lambda info: " ".join((info.get("Plugins") or {}).get(kind) or [])


_LINES: tuple[tuple[int, str, Shown | None], ...] = (
    (1, "Containers", _of("Containers")),
    (2, "Running", _of("ContainersRunning")),
    (2, "Paused", _of("ContainersPaused")),
    (2, "Stopped", _of("ContainersStopped")),
    (1, "Images", _of("Images")),
    (1, "Server Version", _of("ServerVersion")),
    (1, "Storage Driver", _of("Driver")),
    (1, "Logging Driver", _of("LoggingDriver")),
    (1, "Cgroup Driver", _of("CgroupDriver")),
    (1, "Cgroup Version", _of("CgroupVersion")),
    (2, "Reason", _of("CgroupReason")),
    (1, "Plugins", None),
    (2, "Volume", _plugins("Volume")),
    (2, "Network", _plugins("Network")),
    (2, "Log", _plugins("Log")),
    (1, "Swarm", lambda info: (info.get("Swarm") or {}).get("LocalNodeState", "inactive")),
    (1, "Runtimes", lambda info: " ".join(info.get("Runtimes") or {})),
    (1, "Default Runtime", _of("DefaultRuntime")),
    (1, "Security Options", None),
    (2, "", lambda info: " ".join(_option(each) for each in info.get("SecurityOptions") or [])),
    (1, "Kernel Version", _of("KernelVersion")),
    (1, "Operating System", _of("OperatingSystem")),
    (1, "OSType", _of("OSType")),
    (1, "Architecture", _of("Architecture")),
    (1, "CPUs", _of("NCPU")),
    (1, "Total Memory", lambda info: binary(info.get("MemTotal") or 0)),
    (1, "Name", _of("Name")),
    (1, "ID", _of("ID")),
    (1, "Docker Root Dir", _of("DockerRootDir")),
    (1, "Debug Mode", lambda info: str(bool(info.get("Debug"))).lower()),
    (1, "Experimental", lambda info: str(bool(info.get("ExperimentalBuild"))).lower()),
    (1, "Live Restore Enabled", lambda info: str(bool(info.get("LiveRestoreEnabled"))).lower()),
)


def _option(text: str) -> str:
    """Return a security option as it is shown: ``name=seccomp,profile=builtin`` is ``seccomp (profile: builtin)``."""
    first, *rest = text.split(",")
    further = ", ".join(each.replace("=", ": ") for each in rest)
    return first.removeprefix("name=") + (f" ({further})" if further else "")


@click.command(cls=Word)
@click.option("-f", "--format", default="", metavar="FORMAT", help="'json', or a Go TEMPLATE.")
def info(format: str) -> None:
    """Display system-wide information."""
    said = client().info()
    said["ClientInfo"] = {"Version": __version__, "Context": "default", "Debug": False}
    if format:
        try:
            click.echo(read_template("{{json .}}" if format == "json" else format).write(said))
        except TemplateError as error:
            raise Failure(f"template parsing error: {error.message}", code=64) from None
        return
    click.echo(f"Client: dockerkit\n Version:    {__version__}\n Context:    default\n Debug Mode: false\n\nServer:")
    for depth, name, shown in _LINES:
        if name == "Reason" and "CgroupReason" not in said:  # only our engine gives one
            continue
        value = "" if shown is None else shown(said)
        click.echo(f"{' ' * depth}{name}{':' if name else ''} {value}".rstrip())
    for warning in said.get("Warnings") or []:
        click.echo(warning, err=True)
