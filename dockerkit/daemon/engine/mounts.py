"""Binds and ``--mount`` entries: Docker's two syntaxes read into one form, and shown in inspect.

Named volumes come later; until then a source is an absolute path of the host.
"""

from __future__ import annotations

import os
from typing import Any

from dockerkit.daemon.runtime.spec import BindMount
from dockerkit.errors import Invalid
from dockerkit.schema.container import HostConfig, Mount, MountPoint

_PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")


def bind_mounts(host: HostConfig) -> list[BindMount]:
    """Return every bind of a container.

    :raises Invalid: malformed; in Docker's words.
    """
    return [_parse_bind(text) for text in host.binds or ()] + [_bind_of(m) for m in host.mounts or () if m.type == "bind"]


def mount_points(host: HostConfig) -> list[MountPoint]:
    """Return the mounts as inspect shows them."""
    return [
        MountPoint(
            type="bind", source=b.source, destination=b.target, mode="ro" if b.read_only else "",
            rw=not b.read_only, propagation=b.propagation,
        )
        for b in bind_mounts(host)
    ]  # fmt: skip


def prepare_sources(host: HostConfig) -> None:
    """Make missing sources of ``-v`` binds as directories, as Docker does; refuse missing sources of ``--mount``.

    :raises Invalid: a source of ``--mount type=bind`` does not exist; in Docker's words.
    """
    for mount in host.mounts or ():
        if mount.type == "bind" and not os.path.lexists(mount.source):
            raise Invalid(f'invalid mount config for type "bind": bind source path does not exist: {mount.source}')
    for text in host.binds or ():
        source = text.partition(":")[0]
        if not os.path.lexists(source):
            os.makedirs(source)


def _parse_bind(text: str) -> BindMount:
    source, colon, rest = text.partition(":")
    target, _, options = rest.partition(":")
    if not colon or not source or not target:
        raise Invalid(f"invalid volume specification: '{text}'", hint="write /path/on/host:/path/inside[:ro]")
    if os.path.normpath(target) == "/":
        raise Invalid(f"invalid volume specification: '{text}': invalid specification: destination can't be '/'")
    if not target.startswith("/"):
        raise Invalid(f"invalid volume specification: '{text}': invalid mount path: '{target}' mount path must be absolute")
    return BindMount(source=os.path.normpath(source), target=os.path.normpath(target), **_options(text, options))


def _options(text: str, options: str) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for option in filter(None, options.split(",")):
        if option in ("ro", "rw"):
            read["read_only"] = option == "ro"
        elif option in _PROPAGATIONS:
            read["propagation"] = option
        elif option not in ("z", "Z", "nocopy", "consistent", "cached", "delegated"):
            raise Invalid(f"invalid volume specification: '{text}': invalid mode: {options}")
    return read


def _bind_of(mount: Mount) -> BindMount:
    if not mount.source.startswith("/"):
        raise Invalid(
            f"invalid mount config for type \"bind\": invalid mount path: '{mount.source}' mount path must be absolute"
        )
    if not mount.target.startswith("/"):
        raise Invalid(
            f"invalid mount config for type \"bind\": invalid mount path: '{mount.target}' mount path must be absolute"
        )
    options = mount.bind_options or {}
    return BindMount(
        source=mount.source,
        target=mount.target,
        read_only=mount.read_only,
        propagation=options.get("Propagation") or "rprivate",
        recursive=not options.get("NonRecursive", False),
    )
