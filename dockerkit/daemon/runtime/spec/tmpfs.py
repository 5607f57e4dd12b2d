"""Options of a tmpfs a user asked for: Docker's defaults, overruled by what was said, last word wins. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from dockerkit.errors import Invalid
from dockerkit.schema.container import Mount

_DEFAULTS = ("noexec", "nosuid", "nodev", "rprivate")
_OPPOSITES = (
    ("ro", "rw"),
    ("exec", "noexec"),
    ("suid", "nosuid"),
    ("dev", "nodev"),
    ("atime", "noatime"),
    ("diratime", "nodiratime"),
    ("relatime", "norelatime"),
    ("strictatime", "nostrictatime"),
    ("sync", "async"),
    ("mand", "nomand"),
)
_PROPAGATION = ("private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable")
_GROUPS = {word: group for group in (*_OPPOSITES, _PROPAGATION) for word in group}
_VALUED = frozenset({"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"})
_ALONE = frozenset({"defaults", "bind", "rbind", "remount"})
_UNITS = (("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10))


def merged_options(asked: Iterable[str]) -> list[str]:
    """Return the options of a tmpfs: ``noexec,nosuid,nodev,rprivate`` and what was asked, without what that overrules.

    :raises Invalid: an option tmpfs does not have, in Docker's words.
    """
    last: dict[Any, str] = {}
    for option in [*_DEFAULTS, *(word for word in asked if word)]:
        key, equals, _ = option.partition("=")
        if not (key in _VALUED if equals else option in _GROUPS or option in _ALONE):
            raise Invalid(f'invalid tmpfs option "{option}"' if not equals else f'invalid tmpfs option ["{option}"]')
        group = _GROUPS.get(key, key)
        last.pop(group, None)
        last[group] = option
    return [option for option in last.values() if option != "defaults"]


def check_tmpfs_target(target: str) -> None:
    """Refuse a place where no tmpfs can go.

    :raises Invalid: in Docker's words.
    """
    if os.path.normpath(target) == "/":
        raise Invalid("invalid specification: destination can't be '/'")
    if not target.startswith("/"):
        raise Invalid(f"invalid mount path: '{target}' mount path must be absolute")


def mount_options(mount: Mount) -> list[str]:
    """Return a ``--mount type=tmpfs`` entry's wishes as tmpfs options."""
    wishes: dict[str, Any] = mount.tmpfs_options or {}
    options = ["ro"] if mount.read_only else []
    if wishes.get("Mode"):
        options.append(f"mode={wishes['Mode']:o}")
    if wishes.get("SizeBytes"):
        options.append(f"size={_size(int(wishes['SizeBytes']))}")
    return options + ["=".join(pair) for pair in wishes.get("Options") or ()]


def _size(size: int) -> str:
    for unit, factor in _UNITS:
        if size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)
