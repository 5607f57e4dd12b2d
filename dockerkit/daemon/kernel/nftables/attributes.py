"""Netlink attributes: a length, a number, a value, padded to four bytes. Only packs and unpacks; knows no meaning.

nf_tables writes its integers big-endian. Source: netlink(7), ``linux/netlink.h``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_HEAD = struct.Struct("=HH")
_NESTED, _KIND = 0x8000, 0x3FFF
MOST = 0xFFFF - 4
"""Bytes that fit into one attribute."""


def attribute(number: int, value: bytes) -> bytes:
    """Pack one attribute.

    :raises struct.error: more than :data:`MOST` bytes.
    """
    return _HEAD.pack(4 + len(value), number) + value + b"\0" * (-len(value) % 4)


def nested(number: int, *attributes: bytes) -> bytes:
    """Pack attributes inside an attribute."""
    return attribute(number | _NESTED, b"".join(attributes))


def text(number: int, value: str) -> bytes:
    """Pack a string, with the NUL the kernel wants."""
    return attribute(number, value.encode() + b"\0")


def u32(number: int, value: int) -> bytes:
    """Pack 32 bits; negative numbers as two's complement (verdicts and priorities are signed)."""
    return attribute(number, (value & 0xFFFFFFFF).to_bytes(4, "big"))


def u64(number: int, value: int) -> bytes:
    """Pack 64 bits."""
    return attribute(number, value.to_bytes(8, "big"))


def unpack(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and value of every attribute in `data`.

    :raises ValueError: a length leads outside.
    """
    offset = 0
    while offset + 4 <= len(data):
        length, kind = _HEAD.unpack_from(data, offset)
        if length < 4 or offset + length > len(data):
            raise ValueError(f"an attribute of {length} bytes at {offset} of {len(data)}")
        yield kind & _KIND, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def mapping(data: bytes) -> dict[int, bytes]:
    """Return the attributes in `data` by number; of several with one number, the last."""
    return dict(unpack(data))


def number(value: bytes, *, signed: bool = False) -> int:
    """Read a big-endian integer of any width."""
    return int.from_bytes(value, "big", signed=signed)


def string(value: bytes) -> str:
    """Read a string up to its NUL."""
    return value.split(b"\0", 1)[0].decode(errors="replace")
