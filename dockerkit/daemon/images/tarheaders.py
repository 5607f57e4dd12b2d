"""Headers of a tar's ordinary members, written and read without the detours that the rare ones need.

The standard library's ``tarfile`` is right for every header and slow for the ten thousand plain ones of a layer: here those
take a third of the time, and whatever is not plain is left to it. Source: POSIX.1-1988 ustar, as ``tarfile`` writes it. Pure.
"""

from __future__ import annotations

import struct
import tarfile
import zlib
from dataclasses import dataclass
from functools import lru_cache

_BLOCK = tarfile.BLOCKSIZE
_NAME, _OWNER, _SIZE = 100, 1 << 21, 1 << 33
_KINDS = {b"0": tarfile.REGTYPE, b"1": tarfile.LNKTYPE, b"2": tarfile.SYMTYPE, b"5": tarfile.DIRTYPE}


@dataclass(slots=True)
class Head:
    """What a member's header says.

    :param mtime: whole seconds since 1970.
    :param records: PAX records that it has beyond what its fields need.
    """

    name: str
    kind: bytes
    mode: int
    owner: tuple[int, int] = (0, 0)
    size: int = 0
    mtime: int = 0
    link: str = ""
    device: tuple[int, int] = (0, 0)
    records: dict[str, str] | None = None


def write(head: Head) -> bytes:
    """Return a member's header, with a PAX record before it where one is needed."""
    path = head.name + "/" if head.kind == tarfile.DIRTYPE and not head.name.endswith("/") else head.name
    plain = (
        not head.records
        and head.kind in _KINDS
        and path.isascii()
        and len(path) < _NAME
        and (not head.link or (head.link.isascii() and len(head.link) < _NAME))
        and 0 <= head.mtime < _SIZE
        and head.size < _SIZE
        and head.owner[0] < _OWNER
        and head.owner[1] < _OWNER
    )
    if not plain:
        return _by_tarfile(head)
    numbers = (head.mode & 0o7777, *head.owner, head.size, head.mtime)
    first = path.encode().ljust(_NAME, b"\0") + b"%07o\0%07o\0%07o\0%011o\0%011o\0" % numbers
    last, weight = _last(head.kind, head.link) if head.link else _LAST[head.kind]
    return b"%b%06o\0 %b" % (first, _weight(first) + weight, last)


def _last(kind: bytes, link: str) -> tuple[bytes, int]:
    """Return what stands behind a header's checksum, and what it adds to that, itself counted as blanks."""
    last = kind + link.encode().ljust(_NAME, b"\0") + b"ustar\x0000" + bytes(247)
    return last, sum(last) + 8 * ord(" ")


_LAST = {kind: _last(kind, "") for kind in _KINDS}


def _by_tarfile(head: Head) -> bytes:
    member = tarfile.TarInfo(head.name)
    member.type, member.linkname, member.mode = head.kind, head.link, head.mode
    member.size, member.mtime = head.size, head.mtime
    (member.uid, member.gid), (member.devmajor, member.devminor) = head.owner, head.device
    member.pax_headers = dict(head.records or {})
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def read(block: bytes) -> tarfile.TarInfo | None:
    """Return the member of a plain header; None: it is not plain, or not right, and ``tarfile`` has to look at it."""
    kind = block[156:157]
    magic = block[257:265]
    if kind not in _KINDS or not (magic == b"ustar\x0000" or (magic == b"ustar  \0" and not block[345])):
        return None
    numbers = [_number(digits) for digits in _NUMBERS(block)]
    if -1 in numbers or _weight(block[:148]) + _weight(block[156:384]) + _weight(block[384:]) + 8 * ord(" ") != numbers[5]:
        return None
    name, prefix = _text(block[:100]), _text(block[345:500]) if block[345] else ""
    member = tarfile.TarInfo(f"{prefix}/{name}" if prefix else name)
    member.mode, member.uid, member.gid, member.size, member.mtime, _ = numbers
    member.type = _KINDS[kind]
    if block[157]:
        member.linkname = _text(block[157:257])
    if kind == b"5":
        member.name = member.name.rstrip("/")
    return member


_NUMBERS = struct.Struct("100x 8s 8s 8s 12s 12s 8s 356x").unpack


def _weight(block: bytes) -> int:
    """Return the sum of up to 256 bytes: a part of Adler's checksum (RFC 1950), where it cannot have wrapped round."""
    return (zlib.adler32(block) & 0xFFFF) - 1


@lru_cache(maxsize=4096)
def _number(field: bytes) -> int:
    digits = field.partition(b"\0")[0].strip()
    if not digits:
        return 0
    return int(digits, 8) if digits.isdigit() and b"8" not in digits and b"9" not in digits else -1


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")
