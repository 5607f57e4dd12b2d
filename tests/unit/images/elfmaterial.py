"""ELF files made by hand: nothing but the tables that are read."""

from __future__ import annotations

import platform
import struct

NATIVE = {"x86_64": 62, "aarch64": 183}.get(platform.machine(), 62)
"""This machine's number in ELF."""


def elf(
    *,
    wide: bool = True,
    order: str = "<",
    machine: int = 62,
    interpreter: str = "",
    needed: tuple[str, ...] = (),
    rpath: str = "",
    runpath: str = "",
    dynamic: bool = True,
    tail: bytes = b"",
) -> bytes:
    """An ELF file with nothing but the tables the reader reads."""
    base, strings, values = 0x400000, b"\0", []
    for tag, text in [
        *((1, name) for name in needed),
        *([(15, rpath)] if rpath else []),
        *([(29, runpath)] if runpath else []),
    ]:
        values.append((tag, len(strings)))
        strings += text.encode() + b"\0"
    head, entry = (64, 56) if wide else (52, 32)
    start = head + 3 * entry
    interp = interpreter.encode() + b"\0" if interpreter else b""
    table = struct.Struct(order + ("qQ" if wide else "iI"))
    at_strings = start + len(interp)
    at_dynamic = at_strings + len(strings)
    section = b"".join(table.pack(*value) for value in [*values, (5, base + at_strings), (0, 0)]) if dynamic else b""
    body = interp + strings + section + tail
    segments = [(1, 0, base, start + len(body))]
    segments += [(3, start, base + start, len(interp))] if interpreter else []
    segments += [(2, at_dynamic, base + at_dynamic, len(section))] if dynamic else []
    header = b"\x7fELF" + bytes((2 if wide else 1, 1 if order == "<" else 2, 1)) + b"\0" * 9
    word = "Q" if wide else "I"
    header += struct.pack(order + "HHI" + 3 * word, 2, machine, 1, 0, head, 0)
    header += struct.pack(order + "IHHHHHH", 0, head, entry, len(segments), 0, 0, 0)
    programs = b""
    for kind, offset, address, size in segments:
        if wide:
            programs += struct.pack(order + "IIQQQQQQ", kind, 5, offset, address, address, size, size, 0x1000)
        else:
            programs += struct.pack(order + "IIIIIIII", kind, offset, address, address, size, size, 5, 0x1000)
    return (header + programs).ljust(start, b"\0") + body
