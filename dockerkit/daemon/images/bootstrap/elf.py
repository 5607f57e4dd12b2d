"""What an ELF file says about itself: machine, interpreter, needed libraries, search paths; and busybox's applet names.

Source: elf(5), System V ABI. Works on 32 and 64 bit, both byte orders. Reads bytes; never runs, maps or executes a file.
"""

from __future__ import annotations

import platform
import re
import struct
from dataclasses import dataclass

from dockerkit.errors import Damaged

_MAGIC = b"\x7fELF"
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_RPATH, _DT_RUNPATH = 0, 1, 5, 15, 29
_MACHINES = {"x86_64": 62, "aarch64": 183, "armv7l": 40, "i686": 3, "ppc64le": 21, "s390x": 22, "riscv64": 243}
"""uname(2)'s machine → e_machine (elf.h)."""


@dataclass(frozen=True, slots=True)
class Elf:
    """One ELF file: what the dynamic linker would want to know."""

    machine: int
    bits: int
    big_endian: bool
    interpreter: str
    needed: tuple[str, ...]
    rpath: tuple[str, ...]
    runpath: tuple[str, ...]

    @property
    def static(self) -> bool:
        """Whether it runs without any other file (a static-pie has a dynamic section but needs nothing)."""
        return not self.interpreter and not self.needed

    @property
    def native(self) -> bool:
        """Whether it is for this host's machine."""
        return self.machine == _MACHINES.get(platform.machine())


def parse(data: bytes) -> Elf | None:
    """Read an ELF file; None when the bytes are something else.

    :raises Damaged: it begins like ELF and is malformed.
    """
    if not data.startswith(_MAGIC):
        return None
    try:
        return _Reader(data).elf()
    except (struct.error, ValueError, IndexError, KeyError, OverflowError) as error:
        raise Damaged(f"malformed ELF file: {error}") from None


class _Reader:
    """The tables of one file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.wide = {1: False, 2: True}[data[4]]
        self.order = {1: "<", 2: ">"}[data[5]]
        self.loads: list[tuple[int, int, int]] = []
        self.interpreter = ""
        self.dynamic: tuple[int, int] | None = None

    def elf(self) -> Elf:
        (machine,) = self._unpack("H", 18)
        for kind, offset, address, size in self._segments():
            if kind == _PT_LOAD:
                self.loads.append((address, offset, size))
            elif kind == _PT_DYNAMIC:
                self.dynamic = (offset, size)
            elif kind == _PT_INTERP:
                self.interpreter = self.data[offset : offset + size].rstrip(b"\0").decode()
        strings = self._dynamic_strings()
        return Elf(
            machine=machine,
            bits=64 if self.wide else 32,
            big_endian=self.order == ">",
            interpreter=self.interpreter,
            needed=tuple(strings.get(_DT_NEEDED, [])),
            rpath=_paths(strings.get(_DT_RPATH, [])),
            runpath=_paths(strings.get(_DT_RUNPATH, [])),
        )

    def _unpack(self, layout: str, offset: int) -> tuple[int, ...]:
        return struct.unpack_from(self.order + layout, self.data, offset)

    def _segments(self) -> list[tuple[int, int, int, int]]:
        """Return (type, file offset, address, file size) of the program headers."""
        (table,) = self._unpack("Q" if self.wide else "I", 32 if self.wide else 28)
        entry, count = self._unpack("HH", 54 if self.wide else 42)
        found = []
        for number in range(count):
            at = table + number * entry
            if self.wide:
                kind, _, offset, address, _, size = self._unpack("IIQQQQ", at)
            else:
                kind, offset, address, _, size = self._unpack("IIIII", at)
            found.append((kind, offset, address, size))
        return found

    def _dynamic_strings(self) -> dict[int, list[str]]:
        """Return the strings of the dynamic section by tag."""
        if self.dynamic is None:
            return {}
        layout, step = ("qQ", 16) if self.wide else ("iI", 8)
        offset, size = self.dynamic
        values: list[tuple[int, int]] = []
        for at in range(offset, offset + size - step + 1, step):
            tag, value = self._unpack(layout, at)
            if tag == _DT_NULL:
                break
            values.append((tag, value))
        strings: dict[int, list[str]] = {}
        for tag, value in values:
            if tag in (_DT_NEEDED, _DT_RPATH, _DT_RUNPATH):
                strings.setdefault(tag, []).append(self._string(dict(values)[_DT_STRTAB] + value))
        return strings

    def _string(self, address: int) -> str:
        for start, offset, size in self.loads:
            if start <= address < start + size:
                begin = offset + address - start
                return self.data[begin : self.data.index(b"\0", begin)].decode()
        raise ValueError(f"no segment holds address {address:#x}")


def _paths(values: list[str]) -> tuple[str, ...]:
    return tuple(path for value in values for path in value.split(":") if path)


_APPLET = re.compile(rb"[a-z0-9\[][a-z0-9_.\[-]*")
_FEWEST = 5
"""A run of names shorter than this is no applet table."""


def applets(data: bytes) -> tuple[str, ...]:
    """Return the applet names of a busybox binary, in its own order; empty when it holds no such table.

    The table is one run of NUL-ended names in strict byte order (busybox ``applet_tables``), so it is the longest such run
    around a ``sh`` or ``cat``; this is read from the bytes because asking the program would mean running it.
    """
    best: list[bytes] = []
    for seed in (b"\0sh\0", b"\0cat\0"):
        at = data.find(seed)
        while at >= 0:
            run = _run(data, at + 1)
            best = max(best, run, key=len)
            at = data.find(seed, at + 1)
    return tuple(name.decode() for name in best) if len(best) >= _FEWEST else ()


def _run(data: bytes, at: int) -> list[bytes]:
    """Return the sorted run of names that holds the name at `at`."""
    names = [data[at : data.index(b"\0", at)]]
    end = at
    while (begin := data.rfind(b"\0", 0, end - 1) + 1) < end and _is_before(data[begin : end - 1], names[0]):
        names.insert(0, data[begin : end - 1])
        end = begin
    begin = at + len(data[at : data.index(b"\0", at)]) + 1
    while (
        (stop := data.find(b"\0", begin)) > begin
        and _is_before(names[-1], name := data[begin:stop])
        and _APPLET.fullmatch(name)
    ):
        names.append(name)
        begin = stop + 1
    return names


def _is_before(first: bytes, second: bytes) -> bool:
    return bool(_APPLET.fullmatch(first)) and first < second
