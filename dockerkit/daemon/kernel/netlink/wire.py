"""How a netlink message is laid out: header, fixed part, attributes. Pure packing and unpacking; never opens a socket.

Source: netlink(7), ``linux/netlink.h``. All numbers are in the machine's own order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

REQUEST, ACKNOWLEDGE = 0x1, 0x4
DUMP = 0x300
EXCLUSIVE, CREATE = 0x200, 0x400
NESTED = 0x8000

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_NUMBER = struct.Struct("=I")
HEADER_SIZE = _HEADER.size


@dataclass(frozen=True, slots=True)
class Request:
    """One message that asks the kernel for one act."""

    kind: int
    """``RTM_…``."""
    flags: int
    """``NLM_F_…`` beside REQUEST."""
    body: bytes
    about: str
    """What it acts on, in people's words: the name of an interface, an address, a route. Becomes the error's ``filename``."""

    def packed(self, sequence: int) -> bytes:
        """Return the whole message under `sequence`, by which its answer is known."""
        size = HEADER_SIZE + len(self.body)
        return _HEADER.pack(size, self.kind, self.flags | REQUEST, sequence, 0) + self.body + bytes(-size % 4)


@dataclass(frozen=True, slots=True)
class Answer:
    """One message that came back."""

    kind: int
    flags: int
    sequence: int
    body: bytes


def answers(data: bytes) -> Iterator[Answer]:
    """Take one datagram apart."""
    offset = 0
    while offset + HEADER_SIZE <= len(data):
        size, kind, flags, sequence, _ = _HEADER.unpack_from(data, offset)
        yield Answer(kind, flags, sequence, data[offset + HEADER_SIZE : offset + size])
        offset += (size + 3) & ~3


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute, padded."""
    size = 4 + len(value)
    return _ATTRIBUTE.pack(size, kind) + value + bytes(-size % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """Return an attribute that holds attributes."""
    return attribute(kind | NESTED, b"".join(attributes))


def text(kind: int, value: str) -> bytes:
    """Return a name, ended by a zero byte."""
    return attribute(kind, value.encode() + b"\0")


def number(kind: int, value: int) -> bytes:
    """Return an unsigned number of 32 bits."""
    return attribute(kind, _NUMBER.pack(value))


def attributes(data: bytes) -> dict[int, bytes]:
    """Take a run of attributes apart: kind without its flag bits → value; of two alike the later."""
    found, offset = {}, 0
    while offset + 4 <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, offset)
        if size < 4:
            break
        found[kind & 0x3FFF] = data[offset + 4 : offset + size]
        offset += (size + 3) & ~3
    return found


def as_number(value: bytes) -> int:
    """Return the 32-bit number an attribute holds."""
    result: int = _NUMBER.unpack_from(value)[0]
    return result


def as_text(value: bytes) -> str:
    """Return the name an attribute holds."""
    return value.rstrip(b"\0").decode(errors="replace")
