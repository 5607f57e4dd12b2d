"""OCI mount options, sorted: attributes of the mount, its propagation, and what is left for the file system. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dockerkit.daemon.kernel import mounts

_ON = {
    "ro": mounts.READ_ONLY,
    "nosuid": mounts.NO_SUID,
    "nodev": mounts.NO_DEV,
    "noexec": mounts.NO_EXEC,
    "nodiratime": mounts.NO_DIR_ATIME,
    "nosymfollow": mounts.NO_SYMLINK_FOLLOW,
}
_OFF = {
    "rw": mounts.READ_ONLY,
    "suid": mounts.NO_SUID,
    "dev": mounts.NO_DEV,
    "exec": mounts.NO_EXEC,
    "diratime": mounts.NO_DIR_ATIME,
    "symfollow": mounts.NO_SYMLINK_FOLLOW,
}
_ATIME = {"relatime": mounts.RELATIME, "noatime": mounts.NO_ATIME, "strictatime": mounts.STRICT_ATIME, "atime": mounts.RELATIME}
_PROPAGATION = {
    "private": mounts.PRIVATE,
    "slave": mounts.SLAVE,
    "shared": mounts.SHARED,
    "unbindable": mounts.UNBINDABLE,
}
_SILENT = frozenset({"defaults", "async", "norelatime", "nostrictatime", "loud", "silent", "nomand", "noiversion"})


@dataclass(slots=True)
class Attributes:
    """Bits to switch on and off on one mount, or on a whole tree."""

    on: int = 0
    off: int = 0

    def switch(self, name: str) -> bool:
        """Take one option; False when it is not an attribute."""
        if name in _ATIME:
            self.off |= mounts.ATIME_MASK
            self.on = self.on & ~mounts.ATIME_MASK | _ATIME[name]
        elif name in _ON:
            self.on, self.off = self.on | _ON[name], self.off & ~_ON[name]
        elif name in _OFF:
            self.on, self.off = self.on & ~_OFF[name], self.off | _OFF[name]
        else:
            return False
        return True


@dataclass(slots=True)
class Options:
    """One mount's options.

    :param bind: a bind mount; `recursive` takes the mounts below along.
    :param attributes: of the mount; `tree` are those of all mounts below it too (``rro`` and its kind).
    :param propagation: ``MS_*`` or 0; `propagate_below` when it is meant for all mounts below too.
    :param data: the file system's own.
    """

    bind: bool = False
    recursive: bool = False
    attributes: Attributes = field(default_factory=Attributes)
    tree: Attributes = field(default_factory=Attributes)
    propagation: int = 0
    propagate_below: bool = False
    data: list[mounts.Option] = field(default_factory=list)


def parse(options: Iterable[str]) -> Options:
    """Sort OCI mount options; what is neither flag nor propagation is left to the file system. Source: OCI config, Mounts."""
    result = Options()
    for option in options:
        if option in ("bind", "rbind"):
            result.bind, result.recursive = True, option == "rbind"
        elif not (_take_propagation(result, option) or result.attributes.switch(option) or _take_tree(result, option)):
            _take_data(result, option)
    return result


def _take_propagation(result: Options, option: str) -> bool:
    below = option.startswith("r") and option[1:] in _PROPAGATION
    name = option[1:] if below else option
    if name not in _PROPAGATION:
        return False
    result.propagation, result.propagate_below = _PROPAGATION[name], below
    return True


def _take_tree(result: Options, option: str) -> bool:
    return option.startswith("r") and result.tree.switch(option[1:])


def _take_data(result: Options, option: str) -> None:
    if option and option not in _SILENT:
        key, equals, value = option.partition("=")
        result.data.append((key, value if equals else None))
