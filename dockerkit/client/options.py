"""The words of a container as keywords: ``dk.run("busybox", "env", env={"A": "1"}, memory="64m")``.

A dict merges, a list is one call an item, a tuple one call's arguments, None says nothing. An unknown word is a TypeError that
names ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from dockerkit.client.spec import MAPPINGS, UNORDERED, ContainerSpec
from dockerkit.client.values import Path, Scalar, Size

if TYPE_CHECKING:
    from dockerkit.client.container import Container
    from dockerkit.client.network import Network
    from dockerkit.client.ready import Condition
    from dockerkit.client.volume import Volume

Texts = str | list[str] | tuple[str, ...] | None
Command = str | list[str] | tuple[str, ...] | list[Scalar] | tuple[Scalar, ...] | None
Variables = Mapping[str, Scalar | None] | Mapping[str, str] | Mapping[str, Scalar] | str | list[str] | None


class ContainerOptions(TypedDict, total=False):
    """Every word of a container but ``command``; see the method of the same name of ``ContainerSpec``."""

    entrypoint: Command
    env: Variables
    publish: str | int | list[str] | list[int] | list[str | int] | tuple[str | int, ...] | None
    bind: str | Mapping[str, Path] | tuple[Path, Path] | list[str] | list[tuple[Path, Path]] | list[Any] | None
    volume: (
        str | Mapping[str, Path] | tuple[str | Volume, Path] | list[str] | list[tuple[str | Volume, Path]] | list[Any] | None
    )
    tmpfs: Path | Mapping[str, Size | None] | Mapping[str, str] | tuple[Path, Size] | list[Any] | None
    network: Texts | Network
    memory: Size | None
    cpus: Scalar | None
    pids_limit: int | None
    user: str | int | None
    workdir: Path | None
    hostname: str | None
    name: str | None
    label: Variables
    restart: str | tuple[str, int] | None
    healthcheck: str | tuple[str, ...] | None
    cap_add: Texts
    cap_drop: Texts
    security_opt: Texts
    privileged: bool | None
    read_only: bool | None
    init: bool | None
    tty: bool | None
    stdin: bool | None
    stop_signal: str | int | None
    stop_timeout: Scalar | None
    dns: Texts
    extra_host: str | Mapping[str, str] | tuple[str, str] | list[str] | list[tuple[str, str]] | None
    device: Texts
    ulimit: str | Mapping[str, Any] | tuple[str, int] | tuple[str, int, int] | list[Any] | None
    sysctl: str | Mapping[str, Scalar] | Mapping[str, str] | tuple[str, Scalar] | list[Any] | None
    shm_size: Size | None
    platform: str | None
    auto_remove: bool | None
    ready: Condition | Callable[[Container], bool] | None


WORDS = ("command", *ContainerOptions.__annotations__)
REPEATABLE = UNORDERED | {"dns", "network"}
_TAKE_MAPPINGS = MAPPINGS | {"bind", "volume", "extra_host"}
_OTHERS_CALL_IT = {
    "environment": "env",
    "port": "publish",
    "ports": "publish",
    "volumes": "volume (a name) or bind (a path)",
    "binds": "bind",
    "mounts": "bind, volume or tmpfs",
    "mem_limit": "memory",
    "nano_cpus": "cpus",
    "cpu_count": "cpus",
    "detach": "start",
    "remove": "run, which removes, or auto_remove",
    "rm": "run, which removes, or auto_remove",
    "working_dir": "workdir",
    "cwd": "workdir",
    "labels": "label",
    "networks": "network",
    "network_mode": "network",
    "links": "network, on which containers find each other by name",
    "restart_policy": "restart",
    "extra_hosts": "extra_host",
    "devices": "device",
    "ulimits": "ulimit",
    "sysctls": "sysctl",
    "stdin_open": "stdin",
    "interactive": "stdin",
    "stop_grace_period": "stop_timeout",
    "cmd": "command",
    "args": "command",
    "shm": "shm_size",
    "input": "run, which alone takes input, check and timeout",
    "check": "run, which alone takes input, check and timeout",
    "timeout": "run, which alone takes input, check and timeout",
}


def wish(spec: ContainerSpec, options: Mapping[str, Any]) -> ContainerSpec:
    """Return `spec` with every option said.

    :raises TypeError: an unknown word, or a value of the wrong type.
    :raises Invalid: a value that the word cannot read.
    """
    for word, value in options.items():
        if word not in WORDS:
            raise TypeError(unknown(word))
        spec = _say(spec, word, value)
    return spec


def _say(spec: ContainerSpec, word: str, value: Any) -> ContainerSpec:
    method: Callable[..., ContainerSpec] = getattr(spec, word)
    if value is None:
        return spec
    if isinstance(value, tuple) or (isinstance(value, list) and word in ("command", "entrypoint")):
        return method(*value)
    if isinstance(value, list):
        if word not in REPEATABLE:
            raise TypeError(f"{word} is said once: a list is one call an item, and {word} does not add")
        for item in value:
            spec = _say(spec, word, item)
        return spec
    if isinstance(value, Mapping) and word not in _TAKE_MAPPINGS:
        raise TypeError(f"{word} does not take a mapping ({value!r})")
    return method(value)


def unknown(word: str) -> str:
    """Return what to say of a word that is none of ours: which of ours is meant."""
    ours = _OTHERS_CALL_IT.get(word) or " or ".join(difflib.get_close_matches(word, WORDS, n=2))
    known = f"did you mean {ours}?" if ours else f"the words are: {' '.join(WORDS)}"
    return f"{word!r} is not a word of a container; {known}"
