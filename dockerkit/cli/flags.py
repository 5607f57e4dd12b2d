"""The flags of ``run`` and ``create``: one table a kind. What they mean is in ``create``.

A flag's name is the client's word where there is one; what the client has no word for goes into the request under Docker's own
name; what is not offered is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from dockerkit.cli.networking import network_flags
from dockerkit.cli.refusals import WRONG_FLAG, Failure
from dockerkit.cli.word import options

ONCE = {
    "--name": ("name", "NAME", "Call it so."),
    "-h/--hostname": ("hostname", "NAME", "Let it think that its host is called so."),
    "-u/--user": ("user", "USER[:GROUP]", "Run as this user."),
    "-w/--workdir": ("workdir", "PATH", "Run in this folder."),
    "-m/--memory": ("memory", "SIZE", "Allow so much memory."),
    "--cpus": ("cpus", "NUMBER", "Allow so many processors' time."),
    "--pids-limit": ("pids_limit", "NUMBER", "Allow so many processes; -1 is unlimited."),
    "--shm-size": ("shm_size", "SIZE", "Make /dev/shm so big."),
    "--entrypoint": ("entrypoint", "PROGRAM", "Put this before the command, instead of the image's."),
    "--stop-signal": ("stop_signal", "SIGNAL", "Ask it to stop with this signal."),
    "--stop-timeout": ("stop_timeout", "SECONDS", "Wait so long before the kill."),
    "--restart": ("restart", "POLICY", "Start it again: no, always, unless-stopped, on-failure[:N]."),
    "--platform": ("platform", "OS/ARCH", "Insist on this platform."),
    "--health-cmd": ("health_cmd", "COMMAND", "Probe its health with this command of the shell."),
    "--health-interval": ("health_interval", "DURATION", "So often."),
    "--health-timeout": ("health_timeout", "DURATION", "So long at most."),
    "--health-start-period": ("health_start_period", "DURATION", "Failures do not count so long after a start."),
    "--health-start-interval": ("health_start_interval", "DURATION", "So often meanwhile."),
    "--health-retries": ("health_retries", "NUMBER", "So many failures in a row are unhealthy."),
    "--cidfile": ("cidfile", "FILE", "Write the container's id to this file."),
}
"""Said once: flag → (word, metavar, help)."""
OFTEN = {
    "-e/--env": ("env", "NAME=VALUE", "Set an environment variable; NAME alone takes it from here."),
    "--env-file": ("env_file", "FILE", "Read environment variables from a file."),
    "-l/--label": ("label", "NAME=VALUE", "Attach a label."),
    "--label-file": ("label_file", "FILE", "Read labels from a file."),
    "-v/--volume": ("volume", "SOURCE:PATH[:ro]", "Show a file or folder of the host, or a volume, inside."),
    "--mount": ("mount", "type=TYPE,src=…,dst=…", "Mount a volume, bind, tmpfs or image."),
    "--tmpfs": ("tmpfs", "PATH[:OPTIONS]", "Mount an empty file system in memory."),
    "--cap-add": ("cap_add", "NAME", "Give it a capability."),
    "--cap-drop": ("cap_drop", "NAME", "Take a capability away."),
    "--security-opt": ("security_opt", "OPTION", "Change its confinement."),
    "--ulimit": ("ulimit", "NAME=SOFT[:HARD]", "Limit a resource of each process."),
    "--sysctl": ("sysctl", "NAME=VALUE", "Set a kernel parameter of its namespaces."),
    "--device": ("device", "PATH[:PATH[:rwm]]", "Show a device of the host inside."),
    "-a/--attach": ("attach", "STREAM", "Attach to stdin, stdout or stderr only."),
}
"""Said as often as one likes."""
SWITCHES = {
    "-i/--interactive": ("interactive", "Keep standard input open."),
    "-t/--tty": ("tty", "Give it a terminal."),
    "--privileged": ("privileged", "Lift all confinement."),
    "--read-only": ("read_only", "Mount its root file system read-only."),
    "--init": ("init", "Run a small init as process 1."),
    "--no-healthcheck": ("no_healthcheck", "Do not probe its health, whatever the image says."),
    "--rm": ("rm", "Remove the container when it has ended."),
    "-q/--quiet": ("quiet", "Say nothing of a pull."),
}
_HINT = "see `dockerkit run --help` for the flags that are"
LATER = {
    **dict.fromkeys(("--gpus",), _HINT),
    **dict.fromkeys(("--isolation", "--use-api-socket"), _HINT),
    **dict.fromkeys(("--blkio-weight-device", "--device-cgroup-rule", "--storage-opt", "--annotation"), _HINT),
    **dict.fromkeys(("--device-read-bps", "--device-read-iops", "--device-write-bps", "--device-write-iops"), _HINT),
    **dict.fromkeys(("--cpu-rt-period", "--cpu-rt-runtime", "--disable-content-trust"), _HINT),
}
"""Docker's flags that are not offered yet."""


def later_options(table: dict[str, str]) -> Callable[[Any], Any]:
    """Return hidden options that refuse to be used, by name, with what is to be done instead."""

    def refuse(ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> None:
        if value:
            raise Failure(f"{parameter.opts[-1]} is not offered yet", code=WRONG_FLAG, hint=table["/".join(parameter.opts)])

    return options(
        *(click.option(*flag.split("/"), multiple=True, hidden=True, expose_value=False, callback=refuse) for flag in table)
    )


def _once(flag: str) -> Callable[[Any], Any]:
    word, metavar, help = ONCE[flag]
    return click.option(*flag.split("/"), word, metavar=metavar, help=help)


def _often(flag: str) -> Callable[[Any], Any]:
    word, metavar, help = OFTEN[flag]
    return click.option(*flag.split("/"), word, metavar=metavar, help=help, multiple=True)


def _switch(flag: str) -> Callable[[Any], Any]:
    word, help = SWITCHES[flag]
    return click.option(*flag.split("/"), word, is_flag=True, help=help)


container_flags = options(
    *map(_once, ONCE),
    *map(_often, OFTEN),
    *map(_switch, SWITCHES),
    network_flags,
    click.option("--pull", type=click.Choice(["always", "missing", "never"]), default="missing", help="Pull the image before."),
    later_options(LATER),
)
"""All flags that ``run`` and ``create`` share, but for those of ``further``."""
