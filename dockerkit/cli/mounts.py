"""``-v``, ``--mount`` and ``--tmpfs`` in Docker's grammar. Looks at nothing but the working directory, for relative sources.

``-v`` and ``--tmpfs`` go to the engine as they were written, ``--mount`` in Docker's JSON: the engine makes a missing folder
for the one and refuses it for the other.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from msgspec import UNSET

from dockerkit.cli.refusals import Failure
from dockerkit.errors import Invalid
from dockerkit.schema.container import CreateRequest, Mount
from dockerkit.schema.units import parse_size

_ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}
_ALONE = frozenset({"readonly", "volume-nocopy", "bind-nonrecursive", "bind-create-src"})
"""Keys that mean true when nothing follows."""
_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false")
_RECURSION = {
    "enabled": {},
    "disabled": {"NonRecursive": True},
    "writable": {"ReadOnlyNonRecursive": True},
    "readonly": {"ReadOnlyForceRecursive": True},
}
_GROUPS = {"bind": "bind_options", "volume": "volume_options", "tmpfs": "tmpfs_options", "image": "image_options"}


@dataclass
class Mounts:
    """What was said of mounts: ``-v`` as the engine reads it, ``--mount`` in its JSON, tmpfs by target."""

    binds: list[str] = field(default_factory=list)
    anonymous: list[str] = field(default_factory=list)
    mounts: list[Mount] = field(default_factory=list)
    tmpfs: dict[str, str] = field(default_factory=dict)

    def apply(self, request: CreateRequest) -> None:
        """Put them into a request."""
        host = request.host_config
        host.binds = [*(host.binds or []), *self.binds] or None
        if self.anonymous:
            request.volumes = {**(request.volumes or {}), **{target: {} for target in self.anonymous}}
        if self.mounts:
            host.mounts = self.mounts
        if self.tmpfs:
            host.tmpfs = self.tmpfs


def read_mounts(volumes: Iterable[str], mounts: Iterable[str], tmpfs: Iterable[str]) -> Mounts:
    """Return what the three flags said.

    :raises Failure: not their grammar.
    """
    read = Mounts()
    for said in volumes:
        source, colon, rest = said.partition(":")
        if colon:
            read.binds.append(f"{_absolute(source)}:{rest}")
        else:
            read.anonymous.append(said)
    read.mounts = [read_mount(said) for said in mounts]
    for said in tmpfs:
        target, _, flags = said.partition(":")
        read.tmpfs[target] = flags
    return read


def _absolute(source: str) -> str:
    """Return the source of a bind as the engine needs it; a name stays one."""
    if source.startswith("~"):
        return os.path.expanduser(source)
    return os.path.abspath(source) if source in (".", "..") or source.startswith(("./", "../")) else source


def read_mount(said: str) -> Mount:
    """Read one ``--mount``.

    :raises Failure: not its grammar; in Docker's words.
    """
    try:
        mount = Mount(type="volume")
        for key, value in _fields(said):
            _take(mount, key, value)
        _check(mount)
        if mount.volume_options is not UNSET:
            mount.volume_options.setdefault("DriverConfig", {})  # as Docker's command sends it
    except (ValueError, Invalid) as error:
        words = error.message if isinstance(error, Invalid) else str(error)
        raise Failure(f'invalid argument "{said}" for "--mount" flag: {words}', code=125) from None
    return mount


def _fields(said: str) -> Iterable[tuple[str, str]]:
    for each in next(csv.reader([said], strict=True), []):
        key, equals, value = each.partition("=")
        key = _ALIASES.get(key.strip().lower(), key.strip().lower())
        if not equals and key not in _ALONE:
            raise ValueError(f"invalid field '{each}' must be a key=value pair")
        if key not in _KEYS:
            raise ValueError(f"unexpected key '{key}' in '{each}'")
        yield key, value if equals else "true"


def _flag(key: str, value: str) -> bool:
    if value.lower() not in _TRUE + _FALSE:
        raise ValueError(f"invalid value for {key}: {value}")
    return value.lower() in _TRUE


def _option(group: str, name: str, read: Callable[[str, str], Any] = lambda _, value: value) -> Callable[..., None]:
    def take(mount: Mount, key: str, value: str) -> None:
        _group(mount, group)[name] = read(key, value)

    return take


def _group(mount: Mount, group: str) -> dict[str, Any]:
    found = getattr(mount, _GROUPS[group])
    if found is UNSET:
        setattr(mount, _GROUPS[group], found := {})
    options: dict[str, Any] = found
    return options


def _recursive(mount: Mount, key: str, value: str) -> None:
    if value not in _RECURSION:
        raise ValueError(f'invalid value for {key}: {value} (must be "enabled", "disabled", "writable", or "readonly")')
    _group(mount, "bind").update(_RECURSION[value])


def _named(outer: str, inner: str) -> Callable[..., None]:
    """Take ``volume-opt=NAME=VALUE`` and its kind."""

    def take(mount: Mount, _: str, value: str) -> None:
        options = _group(mount, "volume")
        options = options.setdefault(outer, {}) if outer else options
        name, _, text = value.partition("=")
        options.setdefault(inner, {})[name] = text

    return take


def _driver(mount: Mount, _: str, value: str) -> None:
    _group(mount, "volume").setdefault("DriverConfig", {})["Name"] = value


def _mode(key: str, value: str) -> int:
    try:
        return int(value, 8)
    except ValueError:
        raise ValueError(f"invalid value for {key}: {value}") from None


def _plain(attribute: str, read: Callable[[str, str], Any] = lambda _, value: value) -> Callable[..., None]:
    return lambda mount, key, value: setattr(mount, attribute, read(key, value))


_KEYS: dict[str, Callable[..., None]] = {
    "type": _plain("type", lambda _, value: value.lower()),
    "source": _plain("source", lambda _, value: _absolute(value)),
    "target": _plain("target"),
    "readonly": _plain("read_only", _flag),
    "consistency": _plain("consistency", lambda _, value: value.lower()),
    "bind-propagation": _option("bind", "Propagation", lambda _, value: value.lower()),
    "bind-nonrecursive": _option("bind", "NonRecursive", _flag),
    "bind-recursive": _recursive,
    "bind-create-src": _option("bind", "CreateMountpoint", _flag),
    "volume-nocopy": _option("volume", "NoCopy", _flag),
    "volume-subpath": _option("volume", "Subpath"),
    "volume-label": _named("", "Labels"),
    "volume-driver": _driver,
    "volume-opt": _named("DriverConfig", "Options"),
    "image-subpath": _option("image", "Subpath"),
    "tmpfs-size": _option("tmpfs", "SizeBytes", lambda _, value: parse_size(value)),
    "tmpfs-mode": _option("tmpfs", "Mode", _mode),
}


def _take(mount: Mount, key: str, value: str) -> None:
    _KEYS[key](mount, key, value)


def _check(mount: Mount) -> None:
    if not mount.type:
        raise ValueError("type is required")
    if not mount.target:
        raise ValueError("target is required")
    for group, attribute in _GROUPS.items():
        if group != mount.type and getattr(mount, attribute) is not UNSET:
            raise ValueError(f"cannot mix '{group}-*' options with mount type '{mount.type}'")
