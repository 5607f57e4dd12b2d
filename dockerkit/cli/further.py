"""Flags of ``run`` and ``create`` that the client has no word for: they go into the request under Docker's own names.

The engine honours them or refuses them by name; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from dockerkit.cli.word import options
from dockerkit.schema.container import CreateRequest
from dockerkit.schema.units import parse_size


def _pairs(said: Iterable[str]) -> dict[str, str]:
    return {name: value for name, _, value in (each.partition("=") for each in said)}


def _swap(text: str) -> int:
    return -1 if text == "-1" else parse_size(text)


_TABLE: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "-c/--cpu-shares": ("cpu_shares", "NUMBER", int),
    "--cpu-period": ("cpu_period", "MICROSECONDS", int),
    "--cpu-quota": ("cpu_quota", "MICROSECONDS", int),
    "--cpuset-cpus": ("cpuset_cpus", "LIST", str),
    "--cpuset-mems": ("cpuset_mems", "LIST", str),
    "--memory-swap": ("memory_swap", "SIZE", _swap),
    "--memory-reservation": ("memory_reservation", "SIZE", parse_size),
    "--memory-swappiness": ("memory_swappiness", "NUMBER", int),
    "--blkio-weight": ("blkio_weight", "NUMBER", int),
    "--oom-score-adj": ("oom_score_adj", "NUMBER", int),
    "--cgroup-parent": ("cgroup_parent", "PATH", str),
    "--cgroupns": ("cgroupns_mode", "host|private", str),
    "--ipc": ("ipc_mode", "MODE", str),
    "--pid": ("pid_mode", "MODE", str),
    "--uts": ("uts_mode", "host", str),
    "--userns": ("userns_mode", "host", str),
    "--runtime": ("runtime", "NAME", str),
    "--volume-driver": ("volume_driver", "NAME", str),
}
_LISTS: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "--group-add": ("group_add", "GROUP", list),
    "--volumes-from": ("volumes_from", "CONTAINER[:ro]", list),
}
_SWITCHES = {"--oom-kill-disable": "oom_kill_disable"}
_EVERY = {**_TABLE, **_LISTS}

further_flags = options(
    *(click.option(*flag.split("/"), word, metavar=metavar) for flag, (word, metavar, _) in _TABLE.items()),
    *(click.option(*flag.split("/"), word, metavar=metavar, multiple=True) for flag, (word, metavar, _) in _LISTS.items()),
    *(click.option(*flag.split("/"), word, is_flag=True) for flag, word in _SWITCHES.items()),
    click.option("--log-driver", metavar="NAME"),
    click.option("--log-opt", "log_opt", metavar="NAME=VALUE", multiple=True),
)
"""The flags themselves; Docker's documentation says what they do."""


def apply_further(request: CreateRequest, said: Mapping[str, Any]) -> None:
    """Put into the request what was said.

    :raises Invalid: a size that is none.
    """
    host = request.host_config
    for word, _, convert in _EVERY.values():
        if said.get(word):
            setattr(host, word, _converted(word, said[word], convert))
    for word in _SWITCHES.values():
        if said.get(word):
            setattr(host, word, True)
    if said.get("log_driver"):
        host.log_config.type = said["log_driver"]
    if said.get("log_opt"):
        host.log_config.config = _pairs(said["log_opt"])


def _converted(word: str, value: Any, convert: Callable[[Any], Any]) -> Any:
    try:
        return convert(value)
    except ValueError as error:
        raise click.BadParameter(f'invalid argument "{value}" for "--{word.replace("_", "-")}": {error}') from None
