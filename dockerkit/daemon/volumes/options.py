"""Options of the driver ``local``: which file system a volume is, as ``mount`` takes them. Checked in Docker's words.

``type``, ``device`` and ``o`` are those of mount(8). Whether such a file system can be mounted is found out when it is, as by
dockerd: an NFS server may be down when the volume is made. Pure, but for the name of an NFS server, which is looked up.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address

from dockerkit.errors import Failed, Invalid
from dockerkit.schema.units import parse_size

_KNOWN = ("type", "o", "device", "size")
_NEEDS = {"device": ("type",), "type": ("device",), "o": ("device", "type")}
MS_BIND, MS_REMOUNT, MS_REC = 0x1000, 0x20, 0x4000
_PROPAGATION = 0x1E0000
_ON = {
    "ro": 0x1, "nosuid": 0x2, "nodev": 0x4, "noexec": 0x8, "sync": 0x10, "remount": MS_REMOUNT, "mand": 0x40, "dirsync": 0x80,
    "noatime": 0x400, "nodiratime": 0x800, "bind": MS_BIND, "rbind": MS_BIND | MS_REC, "relatime": 0x200000,
    "strictatime": 0x1000000, "unbindable": 1 << 17, "runbindable": 1 << 17 | MS_REC, "private": 1 << 18,
    "rprivate": 1 << 18 | MS_REC, "slave": 1 << 19, "rslave": 1 << 19 | MS_REC, "shared": 1 << 20, "rshared": 1 << 20 | MS_REC,
}  # fmt: skip
_OFF = {"rw": "ro", "suid": "nosuid", "dev": "nodev", "exec": "noexec", "async": "sync", "nomand": "mand", "atime": "noatime",
        "diratime": "nodiratime", "norelatime": "relatime", "nostrictatime": "strictatime"}  # fmt: skip
_REMOTE = ("nfs", "nfs4", "cifs")
_SECRETS = ("password=", "pass=")


@dataclass(frozen=True, slots=True)
class FileSystem:
    """What is to be mounted, as mount(2) takes it.

    :param flags: ``MS_*`` without propagation, which `propagation` has.
    :param data: options of the file system's own, comma-separated.
    """

    kind: str
    device: str
    flags: int = 0
    propagation: int = 0
    data: str = ""

    @property
    def bind(self) -> bool:
        """Whether it shows a directory of the host."""
        return bool(self.flags & MS_BIND)

    def shown(self, target: str) -> str:
        """Return it in dockerd's words, for errors; passwords are not told."""
        parts = [f"mount {self.device}:{target}"]
        parts += [f"flags: 0x{self.flags:x}"] if self.flags else []
        parts += [f"data: {_without_secrets(self.data)}"] if self.data else []
        return ", ".join(parts)


def check_options(options: Mapping[str, str]) -> None:
    """Refuse what the driver does not know, what needs another, and a size that it cannot keep.

    :raises Invalid: in Docker's words.
    """
    for name in options:
        if name not in _KNOWN:
            raise Invalid(f'invalid option: "{name}"', hint=f"options of the driver local: {', '.join(_KNOWN)}")
    if "size" in options:
        _check_size(options["size"])
    for name, needed in _NEEDS.items():
        for other in needed if name in options else ():
            if other not in options:
                raise Invalid(f'missing required option: "{other}"')


def _check_size(size: str) -> None:
    try:
        parse_size(size)
    except Invalid:
        raise Invalid(f"invalid size: '{size}'") from None
    raise Invalid(
        "quota size requested but no quota support",
        hint='a limit of its own has a volume of type tmpfs: {"type": "tmpfs", "device": "tmpfs", "o": "size=10m"}',
    )


def read_options(options: Mapping[str, str]) -> FileSystem | None:
    """Return the file system a volume is; None for a directory of the data root."""
    if "type" not in options:
        return None
    flags, propagation, data = 0, 0, []
    for word in options.get("o", "").split(","):
        if word in _ON:
            propagation |= _ON[word] if _ON[word] & _PROPAGATION else 0
            flags |= 0 if _ON[word] & _PROPAGATION else _ON[word]
        elif word in _OFF:
            flags &= ~_ON[_OFF[word]]
        elif word and word != "defaults":
            data.append(word)
    return FileSystem(options["type"], options["device"], flags, propagation, ",".join(data))


def resolved(wanted: FileSystem) -> FileSystem:
    """Return a remote file system with its server's address instead of its name, which is all the kernel understands.

    :raises Failed: the name cannot be resolved.
    """
    if wanted.kind not in _REMOTE:
        return wanted
    said = wanted.data.split(",")
    name = next((word.removeprefix("addr=") for word in said if word.startswith("addr=")), "")
    if not name or _is_address(name):
        return wanted
    try:
        address = str(socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise Failed(f"error resolving passed in network volume address: lookup {name}: {error.strerror or error}") from None
    return replace(wanted, data=",".join(f"addr={address}" if word == f"addr={name}" else word for word in said))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _without_secrets(data: str) -> str:
    words = (word.partition("=")[0] + "=********" if word.startswith(_SECRETS) else word for word in data.split(","))
    return ",".join(words)
