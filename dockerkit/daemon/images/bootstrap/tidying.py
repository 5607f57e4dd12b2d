"""A configured tree without what differs from one making to the next: logs, caches, locks, secrets, moments.

So the same packages give the same bytes (reproducible-builds.org). What is removed is what every distribution's own image
lacks too. Changes only the tree it is given; links are never followed.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator

from dockerkit.daemon.images.bootstrap.union import Union
from dockerkit.daemon.images.tree import OPAQUE, split

_EMPTIED = ("tmp", "var/tmp")
_FILELESS = ("run", "var/cache/apt", "var/cache/ldconfig", "var/lib/apt/lists", "var/cache/man")
"""Their directories stay: packages have put them there, some with owners of their own."""
_DAY = 86400
_GONE = re.compile(
    r"etc/(?:passwd|group|shadow|gshadow|subuid|subgid)-|etc/\.pwd\.lock|etc/ssl/private/ssl-cert-snakeoil\.key"
    r"|etc/ssl/certs/ssl-cert-snakeoil\.pem|var/lib/dbus/machine-id|var/lib/dpkg/(?:lock.*|[a-z]+-old|triggers/Lock)"
    r"|var/cache/debconf/[a-z]+\.dat-old|var/log/(?:dpkg|alternatives|fontconfig|bootstrap)\.log|var/log/(?:faillog|lastlog|btmp|wtmp)"
)
_TEMPORARY = re.compile(r"(= /tmp/[\w-]+)\.\w{6,}")
_SECRET = "ssl-cert-snakeoil.pem"  # noqa: S105 (the name of a file)


def tidy(tree: str, union: Union, moment: int) -> int:
    """Make a tree independent of when and where it was made; return the bytes of its regular files.

    :param union: the tree and what is below it.
    :param moment: seconds since 1970: nothing in the tree is younger, and directories are exactly as old.
    """
    for path in _doomed(tree):
        _remove(path)
    _settle_accounts(tree, moment)
    size = _settle(tree, (), union, moment)
    os.utime(tree, (moment, moment))
    return size


def _doomed(tree: str) -> Iterator[str]:
    for name in _EMPTIED:
        directory = os.path.join(tree, *split(name))
        if os.path.isdir(directory) and not os.path.islink(directory):
            yield from (entry.path for entry in os.scandir(directory))
    for name in _FILELESS:
        for directory, _, names in os.walk(os.path.join(tree, *split(name))):
            yield from (os.path.join(directory, one) for one in names)
    for top in ("etc", "var/lib/dpkg", "var/lib/dbus", "var/cache/debconf", "var/log"):
        for directory, _, names in os.walk(os.path.join(tree, top)):
            shown = os.path.relpath(directory, tree)
            yield from (os.path.join(directory, name) for name in names if _GONE.fullmatch(f"{shown}/{name}"))
    certificates = os.path.join(tree, "etc/ssl/certs")
    if os.path.isdir(certificates):
        yield from (
            e.path for e in os.scandir(certificates) if e.is_symlink() and os.path.basename(os.readlink(e.path)) == _SECRET
        )


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _settle_accounts(tree: str, moment: int) -> None:
    """Let no password be younger than the tree, no machine have an identity before it is one, no question a random name."""
    _rewrite(os.path.join(tree, "var/cache/debconf/config.dat"), lambda text: _TEMPORARY.sub(r"\1", text))
    machine = os.path.join(tree, "etc/machine-id")
    if os.path.isfile(machine):
        os.truncate(machine, 0)
    _rewrite(os.path.join(tree, "etc/shadow"), lambda text: _aged(text, moment // _DAY))


def _aged(shadow: str, day: int) -> str:
    lines = [line.split(":") for line in shadow.splitlines()]
    for line in lines:
        line[2] = str(min(int(line[2]), day)) if line[2].isdecimal() else line[2]
    return "".join(f"{':'.join(line)}\n" for line in lines)


def _rewrite(path: str, change: Callable[[str], str]) -> None:
    """Change a file's text where it lies, if it is there; its attributes stay."""
    if not os.path.isfile(path) or os.path.islink(path):
        return
    with open(path, "r+", encoding="utf-8", errors="surrogateescape") as file:
        text = change(file.read())
        file.seek(0)
        file.truncate()
        file.write(text)


def _settle(directory: str, parts: tuple[str, ...], union: Union, moment: int) -> int:
    size = 0
    for entry in os.scandir(directory):
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            below = (*parts, entry.name)
            size += _settle(entry.path, below, union, moment)
            _clear_opaque(entry.path, below, union)
            os.utime(entry.path, (moment, moment))
            continue
        size += status.st_size if stat.S_ISREG(status.st_mode) else 0
        # whole seconds, as an archive has them: what is unpacked elsewhere is the same as what lies here
        seconds = min(int(status.st_mtime), moment)
        if status.st_mtime_ns != seconds * 1_000_000_000:
            os.utime(entry.path, (seconds, seconds), follow_symlinks=False)
    return size


def _clear_opaque(path: str, parts: tuple[str, ...], union: Union) -> None:
    """Take overlay's "hides what is below" off a directory that has nothing below it."""
    if OPAQUE in os.listxattr(path, follow_symlinks=False) and union.below(parts) is None:
        os.removexattr(path, OPAQUE, follow_symlinks=False)
