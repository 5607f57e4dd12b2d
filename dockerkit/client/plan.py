"""What would be done for a wish, in order, and by which means of the kernel's: ``spec.explain()``. Pure: contacts nothing.

A row for every step that the wish has something to say about, and for those that are always there. What is said is read from
the same request that would create the container.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dockerkit.client.rows import Row, Rows
from dockerkit.schema.container import CreateRequest, HostConfig
from dockerkit.schema.units import human_size

Said = Mapping[str, Any]
_COLUMNS = ("step", "what", "means")
_CONFIG = ("user", "workdir", "env", "label", "hostname")


def plan(image: str, said: Said, request: CreateRequest) -> Rows[Row]:
    """Return the steps.

    :param said: what was wished, by word; `request` is what it is in Docker's JSON.
    """
    steps = [row for step in _STEPS for row in step(image, said, request)]
    return Rows([Row(zip(_COLUMNS, row, strict=True)) for row in steps], columns=_COLUMNS)


_Step = Callable[[str, Said, CreateRequest], Iterator[tuple[str, str, str]]]


def _image(image: str, said: Said, _request: CreateRequest) -> Iterator[tuple[str, str, str]]:
    platform = f" for {said['platform']}" if said.get("platform") else ""
    yield (
        "image",
        f"{image}{platform}",
        "as it is here, or pulled; its layers, unpacked once, below an overlay's upper directory",
    )


def _create(_image: str, said: Said, _request: CreateRequest) -> Iterator[tuple[str, str, str]]:
    words = [f"{word} {_shown(said[word])}" for word in _CONFIG if said.get(word)]
    name = said.get("name") or "a name of the engine's choosing"
    yield "create", "; ".join([name, *words]), "one row of the state and one event, in one transaction"


def _network(_image: str, said: Said, request: CreateRequest) -> Iterator[tuple[str, str, str]]:
    host = request.host_config
    names = [wanted.network for wanted in said.get("network", ())] or ["bridge"]
    if names == ["host"]:
        yield "network", "the host's own", "no network namespace is made"
    elif names == ["none"]:
        yield "network", "loopback only", "a network namespace with nothing but lo"
    elif names[0].startswith("container:"):
        yield "network", f"that of {names[0].partition(':')[2]}", "its network namespace is joined (setns)"
    else:
        yield "network", ", ".join(names), "a network namespace; for each a pair of interfaces, an address, routes (netlink)"
    for port, bindings in host.port_bindings.items():
        for binding in bindings or ():
            where = f"{binding.host_ip or 'every address'}:{binding.host_port or 'a free port'}"
            yield "port", f"{where} → {port}", "a socket holds the host's port; nf_tables rules or a proxy carry it"


def _mounts(_image: str, said: Said, _request: CreateRequest) -> Iterator[tuple[str, str, str]]:
    for bind in said.get("bind", ()):
        yield (
            "mount",
            f"{bind.source} on {bind.target}{_read_only(bind)}",
            "a bind mount, opened before the program, by descriptor",
        )
    for volume in said.get("volume", ()):
        name = volume.source or "an anonymous volume"
        yield "mount", f"{name} on {volume.target}{_read_only(volume)}", "a volume; an empty one gets what the image has there"
    for target, size in said.get("tmpfs", ()):
        yield "mount", f"memory on {target}{'' if size is None else f', {human_size(size)} at most'}", "a tmpfs"


def _limits(_image: str, _said: Said, request: CreateRequest) -> Iterator[tuple[str, str, str]]:
    host = request.host_config
    wanted = [
        f"memory {human_size(host.memory)}" if host.memory else "",
        f"{host.nano_cpus / 1e9:g} processors' time" if host.nano_cpus else "",
        f"{host.pids_limit} processes" if (host.pids_limit or 0) > 0 else "",
    ]
    text = ", ".join(filter(None, wanted)) or "none asked for"
    yield "limits", text, "a control group of its own, entered before anything of it runs"


def _namespaces(_image: str, _said: Said, request: CreateRequest) -> Iterator[tuple[str, str, str]]:
    own = "processes, mounts, host name, IPC"
    yield (
        "isolate",
        own,
        "clone3 with new namespaces; the overlay becomes the root (pivot_root), /proc, /dev and /sys are its own",
    )
    yield "confine", _confinement(request.host_config), "capset, a seccomp filter, masked paths; nothing of the host stays open"


def _confinement(host: HostConfig) -> str:
    if host.privileged:
        return "privileged: all capabilities, no filter"
    changes = [f"+{name}" for name in host.cap_add or ()] + [f"-{name}" for name in host.cap_drop or ()]
    return " ".join(["Docker's fourteen capabilities and its seccomp rules", *changes, *(host.security_opt or ())])


def _program(_image: str, said: Said, request: CreateRequest) -> Iterator[tuple[str, str, str]]:
    words = [*(request.entrypoint or ()), *(request.cmd or ())]
    text = shlex.join(words) if words else "the image's own command"
    yield "program", text, "execve; its output goes to its keeper, who logs it and gives it to who listens"
    if said.get("ready") is not None:
        yield "ready", repr(said["ready"]), "start() returns when it is met, and removes the container when it cannot be"


_STEPS: tuple[_Step, ...] = (_image, _create, _network, _mounts, _limits, _namespaces, _program)


def _read_only(mount: Any) -> str:
    return ", read-only" if mount.read_only else ""


def _shown(value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    return ", ".join(f"{item[0]}={item[1]}" if isinstance(item, tuple) else str(item) for item in value)
