"""Headers of a tar's ordinary members, written and read without the detours that the rare ones need.

The standard library's ``tarfile`` is right for every header and slow for the ten thousand plain ones of a layer: here those
take a third of the time, and whatever is not plain is left to it. Source: POSIX.1-1988 ustar, as ``tarfile`` writes it. Pure.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass

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
        and head.link.isascii()
        and max(len(path), len(head.link)) < _NAME
        and 0 <= head.mtime < _SIZE
        and head.size < _SIZE
        and max(head.owner) < _OWNER
    )
    if not plain:
        return _by_tarfile(head)
    numbers = (head.mode & 0o7777, *head.owner, head.size, head.mtime)
    first = path.encode().ljust(_NAME, b"\0") + b"%07o\0%07o\0%07o\0%011o\0%011o\0" % numbers
    last, weight = _last(head.kind, head.link) if head.link else _LAST[head.kind]
    return b"%b%06o\0 %b" % (first, sum(first) + weight, last)


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
    numbers = [_number(block, start, end) for start, end in _NUMBERS]
    if -1 in numbers or sum(block) - sum(block[148:156]) + 8 * ord(" ") != numbers[0]:
        return None
    prefix, name, link = _text(block, 345, 500), _text(block, 0, 100), _text(block, 157, 257)
    member = tarfile.TarInfo(f"{prefix}/{name}" if prefix else name)
    _, member.mode, member.uid, member.gid, member.size, member.mtime = numbers
    member.type, member.linkname = _KINDS[kind], link
    if kind == b"5":
        member.name = member.name.rstrip("/")
    return member


_NUMBERS = ((148, 156), (100, 108), (108, 116), (116, 124), (124, 136), (136, 148))


def _number(block: bytes, start: int, end: int) -> int:
    digits = block[start:end].partition(b"\0")[0].strip()
    if not digits:
        return 0
    return int(digits, 8) if digits.isdigit() and b"8" not in digits and b"9" not in digits else -1


def _text(block: bytes, start: int, end: int) -> str:
    return block[start:end].partition(b"\0")[0].decode("utf-8", "surrogateescape")
