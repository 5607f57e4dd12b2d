"""``update``: a container's limits and restart policy, while it runs."""

from __future__ import annotations

from typing import Any

import click

from dockerkit.cli.completion import containers_argument
from dockerkit.cli.flags import later_options
from dockerkit.cli.refusals import Failure
from dockerkit.cli.word import Word, container, each

_LATER = dict.fromkeys(
    (
        "--blkio-weight", "--cpu-period", "--cpu-quota", "--cpu-rt-period", "--cpu-rt-runtime", "-c/--cpu-shares",
        "--cpuset-cpus", "--cpuset-mems", "--memory-reservation", "--memory-swap",
    ),
    "update changes -m, --cpus, --pids-limit and --restart",
)  # fmt: skip


@click.command(cls=Word)
@click.option("-m", "--memory", metavar="SIZE", help="Allow so much memory, and as much swap again.")
@click.option("--cpus", metavar="NUMBER", help="Allow so many processors' time.")
@click.option("--pids-limit", type=int, metavar="NUMBER", help="Allow so many processes; -1 is unlimited.")
@click.option("--restart", metavar="POLICY", help="Restart it: no, always, unless-stopped, on-failure[:N].")
@later_options(_LATER)
@containers_argument()
def update(containers: tuple[str, ...], **limits: Any) -> None:
    """Update configuration of one or more containers."""
    said = {word: value for word, value in limits.items() if value is not None}
    if not said:
        raise Failure("you must provide one or more flags when using this command")
    each(containers, lambda name: _update(name, said))


def _update(name: str, limits: dict[str, Any]) -> None:
    for warning in container(name).update(**limits).warnings:
        click.echo(warning)
