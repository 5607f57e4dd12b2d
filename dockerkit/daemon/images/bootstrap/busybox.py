"""The ``busybox`` image: one static binary, its applets as hard links in ``/bin``, the files Docker's busybox has around it.

The binary is the host's own if a static one is there, else the distribution's package. Never runs it: what it can do is read
from its bytes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from dockerkit.daemon.images.bootstrap import accounts, elf
from dockerkit.daemon.images.bootstrap.request import Request
from dockerkit.daemon.images.pack import Contents, Entry
from dockerkit.errors import Damaged, DockerkitError, Invalid, Unavailable
from dockerkit.schema.image import ImageConfig

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGE = "busybox-static"
_MEMBERS = ("bin/busybox", "usr/bin/busybox")
_NAMES = ("busybox", "busybox.static", "busybox-static")
_VERSION = re.compile(rb"BusyBox v(\d[\w.]*)")
_SIZE_LIMIT = 64 << 20
_DIRECTORIES = (
    Entry("bin"),
    Entry("dev"),
    Entry("etc"),
    *(Entry(f"etc/network{rest}") for rest in ("", "/if-down.d", "/if-post-down.d", "/if-pre-up.d", "/if-up.d")),
    Entry("home", uid=65534, gid=65534),
    Entry("root", 0o700),
    Entry("tmp", 0o1777),
    Entry("usr"),
    Entry("usr/bin"),
    Entry("usr/sbin", uid=1, gid=1),
    Entry("var"),
    Entry("var/spool"),
    Entry("var/spool/mail", uid=8, gid=8),
    Entry("var/www", uid=33, gid=33),
)
_FILES = (
    Entry("etc/passwd", 0o644, content=accounts.passwd()),
    Entry("etc/group", 0o644, content=accounts.group()),
    Entry("etc/shadow", 0o640, content=accounts.shadow()),
    Entry("etc/nsswitch.conf", 0o644, content=b"passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"),
)


@dataclass(frozen=True, slots=True)
class Binary:
    """A usable busybox: its bytes, what it can do, and where it came from."""

    data: bytes
    applets: tuple[str, ...]
    version: str
    origin: str


def make(request: Request) -> Contents:
    """Return the contents of a busybox image.

    :raises Invalid: programs were asked for, which only ``host`` takes.
    :raises Unavailable: no static busybox on the host, and no mirror gave one; says why for each.
    :raises Damaged: the mirror's files do not match their signed index.
    """
    if request.programs:
        raise Invalid("busybox takes no programs: its applets are its programs", hint='bootstrap "host" to choose programs')
    binary = find_on_host(request.supply.busybox_paths) or _from_mirror(request)
    return contents(binary)


def contents(binary: Binary) -> Contents:
    """Return the image around a binary."""
    links = (Entry(f"bin/{name}", 0o755, hardlink="bin/busybox") for name in binary.applets if name != "busybox")
    tail = (Entry("usr/bin/env", symlink="../../bin/env"),) if "env" in binary.applets else ()
    return Contents(
        entries=(*_DIRECTORIES, *_FILES, Entry("bin/busybox", content=binary.data), *links, *tail),
        config=ImageConfig(cmd=["sh"], env=[PATH]),
        created_by=f"bootstrap busybox from {binary.origin}",
        told=f"{binary.origin} (BusyBox {binary.version}, {len(binary.applets)} applets)",
        labels={
            "org.opencontainers.image.title": "busybox",
            "org.opencontainers.image.version": binary.version,
            "org.opencontainers.image.licenses": "GPL-2.0-only",
            "dev.dockerkit.bootstrap.origin": binary.origin,
        },
    )


def default_paths() -> tuple[str, ...]:
    """Return where a static busybox is looked for: the directories only root writes to, not anybody's PATH."""
    directories = ("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin")
    return tuple(os.path.join(directory, name) for directory in directories for name in _NAMES)


def find_on_host(paths: Iterable[str]) -> Binary | None:
    """Return the first static busybox for this machine among `paths`, or None."""
    for path in paths:
        if os.path.isfile(path) and os.path.getsize(path) <= _SIZE_LIMIT:
            with open(path, "rb") as file:
                data = file.read()
            try:
                return check(data, origin=path)
            except Damaged:
                continue  # a dynamic one, or not a busybox: the next may do
    return None


def check(data: bytes, *, origin: str) -> Binary:
    """Return a binary that was looked at.

    :raises Damaged: not a static ELF file for this machine, or no busybox with a shell.
    """
    found = elf.parse(data)
    if found is None or not found.static or not found.native:
        raise Damaged(f"{origin} is no static program for this machine")
    names, version = elf.applets(data), _VERSION.search(data)
    if "sh" not in names or version is None:
        raise Damaged(f"{origin} is no busybox with a shell")
    return Binary(data, names, version[1].decode(), origin)


def _from_mirror(request: Request) -> Binary:
    try:
        package = request.supply.fetch_package(PACKAGE, request.progress)
    except Damaged:
        raise
    except DockerkitError as error:
        raise Unavailable(
            f"busybox cannot be made: none that is static on this host, and no package of its distribution: {error.message}",
            hint=error.hint or f'install {PACKAGE}, or bootstrap "host" instead',
        ) from None
    data = package.file(_MEMBERS)
    return check(data, origin=package.origin)
