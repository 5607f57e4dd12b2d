"""Where the dynamic linker looks for a library: search paths in files, configuration of ``ld.so``, built-in directories.

Source: ld.so(8), ldconfig(8); musl's ``ld-musl-ARCH.path``. Follows the order of ld.so; reads files, runs nothing.
"""

from __future__ import annotations

import glob
import os
import struct
from collections.abc import Iterable, Iterator
from functools import cache

from dockerkit.daemon.images.bootstrap.elf import Elf, parse

_BUILT_IN = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")


def built_in(interpreter: str) -> tuple[str, ...]:
    """Return the directories a linker searches without being told: those of its own libraries first (multiarch)."""
    own = os.path.dirname(os.path.realpath(interpreter)) if interpreter else "/lib"
    twin = own.removeprefix("/usr") if own.startswith("/usr/") else f"/usr{own}"
    return tuple(dict.fromkeys((own, twin, *_BUILT_IN)))


@cache
def configured(configuration: str = "/etc/ld.so.conf") -> tuple[str, ...]:
    """Return the directories an administrator added, ``include`` lines followed (ldconfig(8))."""
    musl = [path for name in glob.glob("/etc/ld-musl-*.path") for path in _lines(name)]
    return tuple(dict.fromkeys((*_configured(configuration, frozenset()), *(p for line in musl for p in line.split(":") if p))))


def _configured(configuration: str, above: frozenset[str]) -> Iterator[str]:
    for line in _lines(configuration):
        word, _, rest = line.partition(" ")
        if word != "include":
            yield line.split("=")[0].rstrip("/")
            continue
        pattern = os.path.join(os.path.dirname(configuration), rest.strip())
        for name in sorted(set(glob.glob(pattern)) - above):
            yield from _configured(name, above | {name})


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return [text for line in file if (text := line.split("#")[0].strip())]
    except FileNotFoundError:
        return []


def find(name: str, user: Elf, *, paths: Iterable[str], interpreter: str) -> tuple[str, bool] | None:
    """Return where a library is, and whether the linker finds it there without configuration; None when it is nowhere.

    :param user: the file that needs it: a library for another machine or word size is passed over, as ld.so does.
    :param paths: search paths of the files on the way, ``$ORIGIN`` already replaced.
    """
    known = built_in(interpreter)
    for directory in (*paths, *known, *configured()):
        path = os.path.join(directory, name)
        if os.path.isfile(path) and _fits(path, user):
            return path, directory in known or directory in paths
    return None


def _fits(path: str, user: Elf) -> bool:
    with open(path, "rb") as file:
        head = file.read(20)  # e_ident and e_machine (elf(5))
    word, order = (2, 1)[user.bits == 32], (1, 2)[user.big_endian]
    machine = struct.unpack(">H" if user.big_endian else "<H", head[18:20].ljust(2, b"\0"))
    return head[:6] == b"\x7fELF" + bytes((word, order)) and machine == (user.machine,)


def needs(path: str) -> Elf | None:
    """Return what a file needs; None when it is no ELF file.

    :raises Damaged: it begins like ELF and is malformed.
    """
    with open(path, "rb") as file:
        if file.read(4) != b"\x7fELF":
            return None
        file.seek(0)
        return parse(file.read())
