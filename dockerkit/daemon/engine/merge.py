"""The wish and the image's own wishes made one, by Docker's rules.

Source: moby ``runconfig`` behaviour as documented for ``ENTRYPOINT`` and ``CMD``; proven in ``tests/parity``.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from dockerkit.daemon.engine import healthrules
from dockerkit.errors import Invalid
from dockerkit.schema.container import ContainerConfig
from dockerkit.schema.image import ImageConfig

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def merge(wish: ContainerConfig, image: ImageConfig) -> ContainerConfig:
    """Return `wish` with what it left open taken from `image`.

    :raises Invalid: neither says what to run; in Docker's words.
    """
    entrypoint, cmd = _command(wish, image)
    if not entrypoint and not cmd:
        raise Invalid("no command specified", hint="name a command, or use an image that has one")
    return replace(
        wish,
        entrypoint=entrypoint,
        cmd=cmd,
        env=_merged_env(image.env or [], wish.env),
        user=wish.user or image.user,
        working_dir=wish.working_dir or image.working_dir,
        labels=(image.labels or {}) | wish.labels,
        exposed_ports=_merged_ports(wish, image),
        volumes=(image.volumes or {}) | (wish.volumes or {}) or None,
        stop_signal=wish.stop_signal or image.stop_signal or UNSET,
        healthcheck=healthrules.merged(wish.healthcheck, image.healthcheck),
    )


def _command(wish: ContainerConfig, image: ImageConfig) -> tuple[list[str] | None, list[str] | None]:
    entrypoint, cmd = words(wish.entrypoint), words(wish.cmd)
    if not entrypoint:
        cmd = cmd or image.cmd
        if entrypoint is None:
            entrypoint = image.entrypoint
    if entrypoint == [""]:
        entrypoint = None
    return entrypoint or None, cmd


def words(command: list[str] | str | None) -> list[str] | None:
    """Return a command as a list; Docker takes a lone string for one word."""
    return [command] if isinstance(command, str) else command


def _merged_ports(wish: ContainerConfig, image: ImageConfig) -> dict[str, dict[str, object]] | UnsetType:
    asked = {} if isinstance(wish.exposed_ports, UnsetType) else wish.exposed_ports
    return ((image.exposed_ports or {}) | asked) or UNSET


def _merged_env(image: list[str], wish: list[str]) -> list[str]:
    """Return the wishes, then what the image says of other names; a bare name stays, to remove a default at the start."""
    named = {item.partition("=")[0] for item in wish}
    return [*wish, *(item for item in image if item.partition("=")[0] not in named)]


def merged_env(base: list[str], over: list[str]) -> list[str]:
    """Return `base` with `over` on top: same names are replaced in place, a name without ``=`` removes."""
    merged: dict[str, str] = {}
    for item in [*base, *over]:
        merged[item.partition("=")[0]] = item
    return [item for item in merged.values() if "=" in item]


def process_environment(config: ContainerConfig, hostname: str, links: Sequence[str] = ()) -> list[str]:
    """Return what the program finds in its environment: PATH, HOSTNAME and TERM as Docker sets them, links, then the wishes."""
    return merged_env([*_base(hostname, tty=config.tty), *links], config.env)


def exec_environment(config: ContainerConfig, over: list[str], links: Sequence[str] = (), *, tty: bool) -> list[str]:
    """Return what a further process finds: TERM if it has a terminal itself, links, the container's wishes, then its own."""
    return merged_env(merged_env([*_base(config.hostname, tty=tty), *links], config.env), over)


def _base(hostname: str, *, tty: bool) -> list[str]:
    return [PATH, f"HOSTNAME={hostname}", *(["TERM=xterm"] if tty else [])]
