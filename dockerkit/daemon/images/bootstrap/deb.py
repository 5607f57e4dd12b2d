"""A Debian package opened in pure Python: an ``ar`` archive with a compressed tar in it. Runs none of its scripts.

Source: deb(5), ar(5).
"""

from __future__ import annotations

import lzma
from collections.abc import Sequence
from dataclasses import dataclass

from dockerkit.daemon.images.archive import Stream, content, is_file, members
from dockerkit.daemon.images.compression import decompress
from dockerkit.daemon.images.tree import split
from dockerkit.errors import Damaged

_MAGIC = b"!<arch>\n"
_HEADER = 60
_FILE_LIMIT = 64 << 20
_PLAIN_LIMIT = 2 << 30
_XZ = b"\xfd7zXZ\0"


@dataclass(frozen=True, slots=True)
class Deb:
    """A package whose bytes were verified.

    :param origin: name, version and archive, for people.
    """

    data: bytes
    origin: str

    def file(self, names: Sequence[str]) -> bytes:
        """Return the content of the first of these files that it holds.

        :raises Damaged: it holds none of them, or is malformed.
        """
        wanted = [split(name) for name in names]
        stream = Stream(decompress([self._data_member()]))
        for member in members(stream):
            if is_file(member) and split(member.name) in wanted and member.size <= _FILE_LIMIT:
                return b"".join(piece for _, piece in content(stream, member))
        raise Damaged(f"package {self.origin} holds no {' or '.join(names)}")

    def control(self) -> dict[str, bytes]:
        """Return the files of its control archive: ``control``, scripts, checksums, by name.

        :raises Damaged: it is malformed.
        """
        stream, found = Stream(decompress([self._member("control.tar")]), hashed=False), {}
        for member in members(stream):
            if is_file(member) and member.size <= _FILE_LIMIT:
                found["/".join(split(member.name))] = b"".join(piece for _, piece in content(stream, member))
        if "control" not in found:
            raise Damaged(f"package {self.origin} is malformed: no control file in it")
        return found

    def plain_data(self) -> list[bytes]:
        """Return the tar of its files, decompressed, in pieces.

        In one act where that is possible: it holds no lock of the interpreter, and other threads write files meanwhile.

        :raises Damaged: it is malformed, or larger than any package.
        """
        packed = self._data_member()
        if not packed.startswith(_XZ):
            return list(decompress([packed]))
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ)
        try:
            plain = decompressor.decompress(packed, _PLAIN_LIMIT)
        except lzma.LZMAError as error:
            raise Damaged(f"package {self.origin} is malformed: {error}") from None
        if not decompressor.eof:
            raise Damaged(f"package {self.origin} is cut short, or larger than {_PLAIN_LIMIT} bytes")
        return [plain]

    def _data_member(self) -> bytes:
        return self._member("data.tar")

    def _member(self, prefix: str) -> bytes:
        for name, body in ar_members(self.data):
            if name.startswith(prefix):
                return body
        raise Damaged(f"package {self.origin} is malformed: no {prefix} in it")


def ar_members(data: bytes) -> list[tuple[str, bytes]]:
    """Return names and contents of an ``ar`` archive.

    :raises Damaged: it is none, or is cut short.
    """
    if not data.startswith(_MAGIC):
        raise Damaged("package is malformed: no ar archive")
    found, at = [], len(_MAGIC)
    while at < len(data):
        header = data[at : at + _HEADER]
        if len(header) < _HEADER or header[58:60] != b"`\n" or not header[48:58].strip().isdigit():
            raise Damaged(f"package is malformed: bad ar header at byte {at}")
        size = int(header[48:58])
        body = data[at + _HEADER : at + _HEADER + size]
        if len(body) < size:
            raise Damaged("package is cut short")
        found.append((header[:16].decode("latin-1").strip().rstrip("/"), body))
        at += _HEADER + size + size % 2
    return found
